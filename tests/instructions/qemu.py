"""Count on the Pi 4's processor, emulated: with qemu-user, in the Debian tree of `make arm`."""

import re
import shutil
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from device.errors import UsageError
from tests.machines.arm import BOOKWORM, CACHE, FACET

from .programs import ROOT, build, run
from .recording import NETWORKS, SCENES

BASELINE = Path(__file__).with_name("baseline_aarch64.json")
MARKS = ("<!-- instructions aarch64 -->", "<!-- end of instructions aarch64 -->")
TREE = CACHE / BOOKWORM.name
PYTHON = TREE / f"usr/bin/python{BOOKWORM.python}"
PACKAGES = TREE / FACET[1:] / f".venv/lib/python{BOOKWORM.python}/site-packages"
NEWEST = 8  # of qemu, that has the functions plugin.c is made of
SHOWN = {"numpy": "NumPy", "opencv-python": "OpenCV", "ai-edge-litert": "ai-edge-litert"}


def require() -> None:
    """Raise UsageError unless qemu-user, a compiler and the tree are there."""
    if not (shutil.which("qemu-aarch64") and shutil.which("gcc")):
        install = "apt install --no-install-recommends qemu-user gcc libc6-dev"
        raise UsageError("counting for aarch64 needs qemu-user and gcc", install)
    if int((version := qemu_version()).partition(".")[0]) > NEWEST:
        message = f"qemu-user {version} has another interface for plugins, need {NEWEST} or older"
        raise UsageError(message, "Debian 12's qemu-user")
    if not (PACKAGES / "cv2").exists():
        raise UsageError(f"no Debian for arm64 with Facet's packages in {TREE}", "sudo make arm")


def qemu_version() -> str:
    """Return the version of qemu-user, such as "7.2.22"."""
    found = re.search(r"version (\S+)", run(["qemu-aarch64", "--version"]))
    return found[1] if found else "0"


def versions() -> dict[str, str]:
    """Return what the instructions depend on, beside Facet."""
    query = ["dpkg-query", f"--admindir={TREE / 'var/lib/dpkg'}", "-W", "-f=${Version}"]
    installed = {one.name: one.version for one in distributions(path=[str(PACKAGES)])}
    return {
        "processor": f"aarch64, {BOOKWORM.board.cpu}",
        "qemu": qemu_version(),
        "glibc": run([*query, "libc6:arm64"]),
        "Python": run([*query, f"python{BOOKWORM.python}-minimal:arm64"]),
        **{name: installed[package] for package, name in SHOWN.items()},
    }


def count_workload(recordings: Path, folder: Path) -> dict[str, int]:
    """Return the workload's instructions by mark; folder: for files in between."""
    return named(counted(["-m", "tests.instructions.workload", str(recordings)], folder))


def counted(command: Sequence[str], folder: Path) -> list[int]:
    """Return the instructions before each mark of a Python program; the first is the start's.

    folder: for the plugin and its file. Raises FacetError if the program fails.
    """
    out = folder / "counts"
    plugin = f"{build('plugin.c', folder)},out={out}"
    emulator = ["qemu-aarch64", "-cpu", BOOKWORM.board.cpu, "-L", str(TREE), "-plugin", plugin]
    run([*emulator, str(PYTHON), *command], {"PYTHONPATH": f"{PACKAGES}:{ROOT}"})
    return [int(line) for line in out.read_text().splitlines()]


def named(numbers: Sequence[int]) -> dict[str, int]:
    """Return the numbers of the workload by their marks' names, without the start's."""
    return dict(zip([*SCENES, *NETWORKS], numbers[1:], strict=True))
