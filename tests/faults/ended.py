"""Run a command to its end, and measure what it took."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.device.camera.hostile import MEASURE
from tests.faults.victim import PATIENCE_S, WITNESS, environment

PEAK_MB = 300  # of the whole process; the demo takes 120


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    lines: list[str]  # of stderr
    peak_mb: float  # of its memory, the largest process
    took_s: float

    @property
    def refused(self) -> bool:
        """Whether it ended as for a source that cannot be read: exit code 3 and one error line."""
        ours = all(line.startswith("facet: ") for line in self.lines)
        return self.code == 3 and ours and sum("Try: " in line for line in self.lines) == 1


def run_to_end(folder: Path, *arguments: object, program: str = WITNESS, **more: str) -> Ended:
    """Return how a command ended; AssertionError if it does not end.

    program: a module. arguments: its flags. more: of the environment.
    """
    command = [sys.executable, "-m", program, *map(str, arguments)]
    begun_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", MEASURE, *command],
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:  # the group of the fault is killed, with the command in it
        process.kill()
        words = " ".join(map(str, arguments))
        raise AssertionError(f"waited {PATIENCE_S:.0f} s for the end of {words}") from None
    code, peak_mb = stdout.decode().splitlines()[-1].split()
    took_s = time.monotonic() - begun_s
    return Ended(int(code), stderr.decode(errors="replace").splitlines(), float(peak_mb), took_s)
