"""Count the workload's instructions under callgrind."""

import os
import pickle
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from device.errors import FacetError, UsageError
from device.models import load_models
from device.settings import Settings
from device.tflite import runtime_name

from .recording import FRAMES, NETWORKS, SCENES, record

ROOT = Path(__file__).parents[2]
HEADER = Path("/usr/include/valgrind/callgrind.h")
INSTALL = "apt install --no-install-recommends valgrind gcc libc6-dev"
LIMIT_S = 3600.0  # of a count, on a computer that has more to do
# One thread, and one order of sets, whatever the environment says.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# What a processor must have for the kernels that glibc, OpenCV and XNNPACK choose under valgrind.
AVX2 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}

Figures = dict[str, int]
"""A row's name -> instructions per frame or invocation."""


def all_else(scene: str) -> str:
    """Return the name of the row of a scene's loop without the models."""
    return f"{scene}, all else"


def spoken(network: str) -> str:
    """Return the name of the row of a network."""
    return network.replace("_", " ")


def require_tools() -> None:
    """Raise UsageError unless valgrind and a compiler are installed."""
    if not (shutil.which("valgrind") and shutil.which("gcc") and HEADER.exists()):
        raise UsageError("counting needs valgrind with its header, and gcc", INSTALL)


def processor(cpuinfo: str, machine: str) -> str:
    """Return the class of a processor, of /proc/cpuinfo and its machine: "x86_64 with AVX2"."""
    found = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return f"{machine} with AVX2" if flags >= AVX2 else machine


def versions() -> dict[str, str]:
    """Return what the instructions depend on, beside Facet; needs valgrind."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True).stdout
    runtime, runtime_version = runtime_name().split()
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text(), platform.machine()),
        "valgrind": valgrind.strip().removeprefix("valgrind-"),
        "glibc": platform.libc_ver()[1],
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        runtime: runtime_version,
    }


def build_marks(folder: Path) -> Path:
    """Return the library of marks.c, compiled in a folder; FacetError if that fails."""
    library = folder / "marks.so"
    source = Path(__file__).with_name("marks.c")
    _run(["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)])
    return library


def parse_dump(text: str) -> tuple[str, int] | None:
    """Return a mark's name and the instructions before it, of a file of callgrind's.

    None for the file that callgrind writes at the end of the program.
    """
    name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
    total = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    return (name[1], int(total[1])) if name and total else None


def counted(command: Sequence[str], folder: Path) -> dict[str, int]:
    """Return the instructions before each mark of a Python program, by the marks' names.

    folder: for callgrind's files. Raises FacetError if the program fails.
    """
    out = folder / "callgrind.out"
    options = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    _run(["valgrind", *options, sys.executable, *command])
    dumps = [parse_dump(path.read_text()) for path in folder.glob(f"{out.name}.*")]
    return dict(dump for dump in dumps if dump)


def figures_of(
    counts: Mapping[str, int], invocations: Mapping[str, Mapping[str, int]], frames: int
) -> Figures:
    """Return all rows.

    counts: instructions of `frames` frames of each scene without its networks, and of each network.
    invocations: a scene -> a network -> how often it ran in these frames.
    """
    figures: Figures = {}
    for scene, numbers in invocations.items():
        models = sum(counts[network] * number for network, number in numbers.items())
        figures[scene] = (counts[scene] + models) // frames
        figures[all_else(scene)] = counts[scene] // frames
    return figures | {spoken(network): counts[network] for network in NETWORKS}


def count() -> Figures:
    """Return all rows; minutes. Raises UsageError without valgrind, FacetError if it fails."""
    require_tools()
    models = load_models(Settings())
    recordings = {name: record(faces, models) for name, faces in SCENES.items()}
    with TemporaryDirectory(prefix="facet-instructions-") as name:
        folder = Path(name)
        marks, recorded = build_marks(folder), folder / "recordings.pickle"
        recorded.write_bytes(pickle.dumps(recordings))
        command = ["-m", "tests.instructions.workload", str(marks), str(recorded)]
        counts = counted(command, folder)
    invocations = {name: recording.invocations for name, recording in recordings.items()}
    return figures_of(counts, invocations, FRAMES)


def _run(command: Sequence[str]) -> None:
    environment = os.environ | ENVIRONMENT
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        message = f"{command[0]} took longer than {LIMIT_S:.0f} s"
        raise FacetError(message, "a quieter computer") from None
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise FacetError(f"{command[0]} ended with {done.returncode}: {last}", "the same by hand")
