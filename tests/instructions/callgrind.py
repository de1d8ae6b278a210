"""Count on this computer, under valgrind."""

import platform
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from device.errors import UsageError
from device.tflite import runtime_name

from .programs import build, run

BASELINE = Path(__file__).with_name("baseline.json")
MARKS = ("<!-- instructions -->", "<!-- end of instructions -->")
HEADER = Path("/usr/include/valgrind/callgrind.h")
INSTALL = "apt install --no-install-recommends valgrind gcc libc6-dev"
# What a processor must have for the kernels that glibc, OpenCV and XNNPACK choose under valgrind.
AVX2 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}


def require() -> None:
    """Raise UsageError unless valgrind and a compiler are installed."""
    if not (shutil.which("valgrind") and shutil.which("gcc") and HEADER.exists()):
        raise UsageError("counting needs valgrind with its header, and gcc", INSTALL)


def versions() -> dict[str, str]:
    """Return what the instructions depend on, beside Facet; needs valgrind."""
    runtime, runtime_version = runtime_name().split()
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text(), platform.machine()),
        "valgrind": run(["valgrind", "--version"]).strip().removeprefix("valgrind-"),
        "glibc": platform.libc_ver()[1],
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        runtime: runtime_version,
    }


def processor(cpuinfo: str, machine: str) -> str:
    """Return the class of a processor, of /proc/cpuinfo and its machine: "x86_64 with AVX2"."""
    found = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return f"{machine} with AVX2" if flags >= AVX2 else machine


def count_workload(recordings: Path, folder: Path) -> dict[str, int]:
    """Return the workload's instructions by mark; folder: for files in between."""
    marks = build("marks.c", folder)
    return counted(["-m", "tests.instructions.workload", str(recordings), str(marks)], folder)


def counted(command: Sequence[str], folder: Path) -> dict[str, int]:
    """Return the instructions before each mark of a Python program, by the marks' names.

    folder: for callgrind's files. Raises FacetError if the program fails.
    """
    out = folder / "callgrind.out"
    options = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    run(["valgrind", *options, sys.executable, *command])
    dumps = [parse_dump(path.read_text()) for path in folder.glob(f"{out.name}.*")]
    return dict(dump for dump in dumps if dump)


def parse_dump(text: str) -> tuple[str, int] | None:
    """Return a mark's name and the instructions before it, of a file of callgrind's.

    None for the file that callgrind writes at the end of the program.
    """
    name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
    total = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    return (name[1], int(total[1])) if name and total else None
