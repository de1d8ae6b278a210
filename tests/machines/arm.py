"""Run Facet's programs for the Pi's processor, aarch64, and compare their rows with ours.

    sudo make arm        # or, as root: .venv/bin/python -m tests.machines.arm

Makes Debian trees for arm64, Bookworm with Python 3.11 and Trixie with 3.13, whose programs
qemu-user translates one by one, as for a Pi 4 and a Pi 5; installs Facet there by docs/install.md,
shows it a film, and compares the rows with those of this computer. Takes a quarter of an hour once
the trees are made, much longer before; needs root, 4 GB in /var/tmp/facet-arm and, the first time,
a network. It says nothing about a Pi's speed.

Exit codes: 0 every check passed, 1 one failed, 2 not root, or a tool is missing.
"""

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement

from device.cli.command import Parser, exit_with
from device.errors import FacetError
from device.log import log
from tests.machines import crops
from tests.machines.clip import (
    CARD,
    MOST_APART,
    check_rows,
    read_rows,
    rows_here,
    write_clip,
)
from tests.machines.crops import classify, take_crops
from tests.machines.debian import ROOT, Tree, require
from tests.machines.report import Report

CACHE = Path("/var/tmp/facet-arm")
TOOLS = {
    "debootstrap": "debootstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "update-binfmts": "binfmt-support",
}
# docs/install.md's line for a Pi, and certificates, which a Pi has from the beginning.
PACKAGES = ("git", "make", "python3-venv", "libgl1", "libglib2.0-0", "ca-certificates")
LITERT, TFLITE = "ai-edge-litert", "tflite-runtime"
# Of a probability, between two processors. tflite-runtime's own kernels round otherwise on aarch64.
APART = {LITERT: MOST_APART, TFLITE: 0.15}
FACET = "/root/facet"
# At most, s, on a computer that has more to do than this.
INSTALL_S, FILM_S, STEP_S = 7200, 3600, 300


@dataclass(frozen=True)
class Board:
    """A Raspberry Pi's processor. cpu: what qemu calls it; the rest is as in its /proc/cpuinfo."""

    name: str
    cpu: str
    part: str
    features: str


PI_4 = Board("Pi 4", "cortex-a72", "0xd08", "fp asimd evtstrm crc32 cpuid")
PI_5 = Board(
    "Pi 5",
    "cortex-a76",
    "0xd0b",
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp",
)


@dataclass(frozen=True)
class Release:
    """A Debian release, on which a Raspberry Pi OS is built. python: its version of it."""

    name: str
    python: str
    board: Board


BOOKWORM, TRIXIE = Release("bookworm", "3.11", PI_4), Release("trixie", "3.13", PI_5)
CORE = """\
processor\t: {}
Features\t: {}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {}
CPU revision\t: 3

"""


def describe_processor(root: Path, board: Board) -> None:
    """Write where XNNPACK looks what the board's kernel would say; without it, it stays away.

    Plain files, for nothing is mounted on the tree's /proc and /sys.
    """
    cores = [CORE.format(core, board.features, board.part) for core in range(4)]
    (root / "proc/cpuinfo").write_text("".join(cores))
    cpus = root / "sys/devices/system/cpu"
    cpus.mkdir(parents=True, exist_ok=True)
    for name in ("possible", "present", "online"):
        (cpus / name).write_text("0-3\n")


def thirty_two_bit() -> list[str]:
    """Return what requirements-pi.txt asks for on a 32-bit Pi, whose runtime is tflite-runtime."""
    lines = (ROOT / "requirements-pi.txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    environment = {"platform_machine": "armv7l", "python_version": "3.11"}
    return [
        f"{one.name}{one.specifier}"
        for one in wanted
        if one.marker is None or one.marker.evaluate(environment)
    ]


def translate() -> None:
    """Have the kernel hand aarch64 programs to qemu-user; it forgets that when it boots."""
    if not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], check=True)


def install(tree: Tree) -> str:
    """Install Facet as docs/install.md says; return what is installed and how long that took."""
    before = (tree.root / FACET[1:] / ".venv/device.done").exists()
    tree.copy_program(FACET[1:])
    begun = time.monotonic()
    tree.run(f"cd {FACET}; make --silent setup", INSTALL_S)
    took = f"{time.monotonic() - begun:.0f} s"
    return f"{versions(tree, '.venv')}, {'by an earlier run' if before else took}"


def install_32_bit(tree: Tree) -> str:
    """Install in a second venv what a 32-bit Pi would have; return it."""
    wanted = " ".join(thirty_two_bit())
    made = tree.root / FACET[1:] / ".venv-32/made"
    if not made.exists() or made.read_text() != wanted:
        packages = " ".join(f"'{one}'" for one in thirty_two_bit())
        pip = ".venv-32/bin/pip install --quiet"
        tree.run(
            f"cd {FACET}; python3 -m venv --clear .venv-32; {pip} {packages}; "
            f"{pip} --no-deps -r requirements-files.txt",
            INSTALL_S,
        )
        made.write_text(wanted)
    return versions(tree, ".venv-32")


def versions(tree: Tree, venv: str) -> str:
    """Return processor, Python and the versions of what a venv has."""
    script = (
        "import cv2, numpy, platform as p; print(p.machine(), p.python_version() + ', NumPy', "
        "numpy.__version__ + ', OpenCV', cv2.__version__)"
    )
    return tree.run(f'cd {FACET}; {venv}/bin/python -c "{script}"', STEP_S).strip()


@dataclass(frozen=True)
class Desk:
    """What this computer made of the film, like with like: a runtime -> its rows, and the crops'
    probabilities."""

    clip: Path
    crops: Path
    rows: dict[str, list[dict[str, str]]]
    probabilities: dict[str, np.ndarray]


def analyze_here(folder: Path) -> Desk:
    """Make a clip, and analyze it and its crops on this computer.

    In tflite-runtime's stead by litert without XNNPACK: here the two agree to the last bit.
    """
    clip, crops = folder / "clip.avi", folder / "crops.npy"
    log.info(f"a clip of {write_clip(clip)} frames, analyzed here first")
    np.save(crops, taken := take_crops(clip, CARD))
    rows, probabilities = {}, {}
    for runtime, delegates in ((LITERT, True), (TFLITE, False)):
        rows[runtime] = rows_here(clip, folder / f"{runtime}.csv", delegates)
        probabilities[runtime] = classify(taken, CARD, delegates)
    return Desk(clip, crops, rows, probabilities)


def check_film(report: Report, name: str, tree: Tree, venv: str, runtime: str, desk: Desk) -> None:
    """Show the film to one installation, and compare its rows with this computer's."""
    shutil.copy(desk.clip, tree.root / "root" / desk.clip.name)
    log = f"{FACET}/{venv[1:]}.csv"
    begun = time.monotonic()
    output = tree.run(
        f"cd {FACET}; rm -f {log}; {venv}/bin/python -m device.run --camera /root/clip.avi "
        f"--headless --attributes all --log {log} --log-every 0 2>&1",
        FILM_S,
    )
    took = time.monotonic() - begun
    used = re.search(r"attributes\) on (.*)", output)[1]
    rows = read_rows((tree.root / log[1:]).read_text())
    seen = f"{used}, {len(rows)} rows, {took:.0f} s in emulation"
    report.check(f"{name}: device.run", used.startswith(runtime) and bool(rows), seen)
    check_rows(report, f"{name}: ", desk.rows[runtime], rows, APART[runtime])


def check_crops(report: Report, name: str, tree: Tree, venv: str, runtime: str, desk: Desk) -> None:
    """Have one installation classify the crops; compare its probabilities with this computer's."""
    for file in (desk.crops, Path(crops.__file__)):
        shutil.copy(file, tree.root / "root" / file.name)
    script = "/root/crops.py /root/crops.npy /root/out.npy"
    tree.run(f"cd {FACET}; PYTHONPATH=. {venv}/bin/python {script}", FILM_S)
    apart = np.abs(np.load(tree.root / "root/out.npy") - desk.probabilities[runtime])
    most = APART[runtime]
    report.check(
        f"{name}: of the same crops, probabilities within {most}",
        apart.max() <= most,
        f"{len(apart)} crops, at most {apart.max():.3f} apart, {apart.mean():.4f} on average",
    )


def check_release(report: Report, release: Release, desk: Desk) -> None:
    # Not qemu's "max": XNNPACK's int8 kernels for later processors compute nonsense in qemu 7.2.
    name, tree = release.name, Tree(CACHE / release.name, {"QEMU_CPU": release.board.cpu})
    tree.make(name, "arm64", PACKAGES)
    describe_processor(tree.root, release.board)
    has = install(tree)
    as_named = has.startswith(f"aarch64 {release.python}.")
    report.check(
        f"{name}: installs as docs/install.md says, Python {release.python}", as_named, has
    )
    venvs = {LITERT: ".venv"}
    if release is BOOKWORM:  # tflite-runtime has no wheel for a later Python
        has = install_32_bit(tree)
        report.check(f"{release.name}: installs what a 32-bit Pi gets", "NumPy 1." in has, has)
        venvs[TFLITE] = ".venv-32"
    for runtime, venv in venvs.items():
        what = f"{name}, {release.board.name}'s processor, {runtime}"
        check_film(report, what, tree, venv, runtime, desk)
        check_crops(report, what, tree, venv, runtime, desk)


def main(argv: list[str] | None = None) -> int:
    Parser("tests.machines.arm", __doc__).parse_args(argv)
    require(TOOLS, "arm")
    translate()
    report = Report("arm")
    with tempfile.TemporaryDirectory() as folder:
        desk = analyze_here(Path(folder))
        for release in (BOOKWORM, TRIXIE):
            try:
                check_release(report, release, desk)
            except FacetError as error:
                report.check(f"{release.name}: every step ends", False, str(error))
    report.write("arm64 Debian trees under qemu-user")
    return 0 if report.passed else 1


if __name__ == "__main__":
    exit_with(main)
