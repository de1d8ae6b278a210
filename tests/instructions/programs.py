"""Run the programs that count."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from device.errors import FacetError

ROOT = Path(__file__).parents[2]
LIMIT_S = 3600.0  # of a count, on a computer that has more to do
# One thread, and one order of sets, whatever the environment says.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; FacetError if it fails or takes longer than LIMIT_S."""
    variables = os.environ | ENVIRONMENT | dict(environment or {})
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        message = f"{command[0]} took longer than {LIMIT_S:.0f} s"
        raise FacetError(message, "a quieter computer") from None
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise FacetError(f"{command[0]} ended with {done.returncode}: {last}", "the same by hand")
    return done.stdout


def build(source: str, folder: Path) -> Path:
    """Return the library of a C file beside this one, compiled in a folder."""
    library = (folder / source).with_suffix(".so")
    path = Path(__file__).with_name(source)
    run(["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", str(library), str(path)])
    return library
