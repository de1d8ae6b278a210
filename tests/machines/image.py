"""Disks for the guest: Debian 13 with its stock kernel, and one with Facet and what it needs."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from device.log import log
from tests.machines.clip import write_clip
from tests.machines.csi import PICAMERA2
from tests.machines.debian import ROOT, Tree, copy_program
from tests.machines.guest import PORT, Hardware
from tests.machines.scene import write_scene

CACHE = Path("/var/tmp/facet-vm")
SUITE = "trixie"
# docs/service.md's line; the rest is what a computer has that boots, and a camera.
README_PACKAGES = ("git", "python3-venv", "libgl1", "libglib2.0-0")
SYSTEM_PACKAGES = ("systemd-sysv", "dbus", "udev", "linux-image-amd64", "initramfs-tools")
CAMERA_PACKAGES = ("v4l-utils", "ca-certificates")
WHEELS = "/mnt/wheels"

FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n/dev/vdb /mnt ext4 ro 0 2\n",
    "etc/hostname": "facet\n",
    "etc/pip.conf": f"[global]\nno-index = true\nfind-links = {WHEELS}\n",
    # The kernel's own virtual camera; as it comes, it also has an output, a radio and a touchpad.
    "etc/modules-load.d/camera.conf": "vivid\n",
    "var/log/journal/.keep": "",  # the journal stays over a boot
    # Our hand in the machine: a shell without anybody logged in.
    "etc/systemd/system/agent.service": f"""\
[Service]
ExecStart=/bin/bash -c 'exec 3<>/dev/virtio-ports/{PORT}; exec bash <&3 >&3 2>&3'
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
""",
}


def base() -> Tree:
    """Return the Debian system that the disk is made of, made where there is none yet."""
    tree = Tree(CACHE / "base")
    tree.make(SUITE, "amd64", SYSTEM_PACKAGES + README_PACKAGES + CAMERA_PACKAGES)
    for name, text in FILES.items():
        (tree.root / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / name).write_text(text)
    tree.run("systemctl --quiet enable agent", 60)
    return tree


def wheels(tree: Tree) -> Path:
    """Return a folder of the wheels that Facet needs, for the guest, which has no network, and of
    Picamera2's, for its source."""
    folder = CACHE / "wheels"
    asked = [(ROOT / f"requirements-{name}.txt").read_bytes() for name in ("pi", "files")]
    wanted = hashlib.sha256(b"".join([*asked, PICAMERA2.encode()])).hexdigest()
    made = folder / ".made"
    if made.exists() and made.read_text() == wanted:
        return folder
    log.info("downloading wheels for the machine")
    shutil.rmtree(folder, ignore_errors=True)
    copy_program(tree.root / "tmp/facet")
    get = "PIP_CONFIG_FILE=/dev/null venv/bin/pip download --quiet --dest wheels"
    tree.run(
        f"cd /tmp/facet; python3 -m venv venv; {get} -r requirements-pi.txt; "
        f"{get} --no-deps -r requirements-files.txt; {get} --no-deps picamera2=={PICAMERA2}",
        1800,
    )
    shutil.move(tree.root / "tmp/facet/wheels", folder)
    shutil.rmtree(tree.root / "tmp/facet")
    made.write_text(wanted)
    return folder


def make_disk(content: Path, disk: Path, megabytes: int) -> None:
    """Write a folder into a raw image with an ext4 file system."""
    disk.unlink(missing_ok=True)
    command = ["mke2fs", "-q", "-t", "ext4", "-d", str(content), str(disk), f"{megabytes}M"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)


def make_disks(folder: Path) -> Hardware:
    """Return a machine whose disks, system.img and facet.img, are left in the folder.

    facet.img is mounted on /mnt: the program, wheels, clip.avi and the camera's scene.bgr.
    """
    tree = base()
    here = folder / "facet"
    copy_program(here / "facet")
    shutil.copytree(wheels(tree), here / "wheels")
    write_clip(here / "clip.avi")
    write_scene(here / "scene.bgr")
    system, facet = folder / "system.img", folder / "facet.img"
    make_disk(here, facet, 1200)
    shutil.rmtree(here)
    make_disk(tree.root, system, 6000)
    return Hardware(tree.root / "vmlinuz", tree.root / "initrd.img", (system, facet))
