"""A run in a process of its own: its start, and what it takes of the processor and of memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from ..errors import FacetError

START_S = 60.0
END_S = 30.0
STATUS = re.compile(r"last \d+ s: ([0-9.]+) frames/s")
LOADED = "detector"  # is in the line that a run prints when it begins

# Runs Facet. "stub": without the module that opens connections, as if there were none. Prints what
# is imported of the connections and their packages.
START = """
import json, sys, types
from importlib import import_module
package, stub, wanted, *argv = sys.argv[1:]
if stub:
    module = types.ModuleType(f"{package}.cli.connections")
    module.check_connections = lambda *_: None
    module.build_connections = lambda *_: []
    sys.modules[module.__name__] = module
code = import_module(f"{package}.run").main(argv)
wanted = tuple(wanted.split(","))
below = tuple(name + "." for name in wanted)
print(json.dumps([name for name in sys.modules if name in wanted or name.startswith(below)]))
sys.exit(code)
"""


class ObservedRun:
    """A run with a settings file, while entered; its messages go to a file in `folder`.

    package: of Facet, as Python knows it.
    """

    def __init__(self, package: str, config: Path, folder: Path):
        self._messages = folder / "run.log"
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{package}.run", "--config", str(config)],
                stdout=messages,
                stderr=messages,
            )

    def __enter__(self) -> Self:
        """Return when it has begun; FacetError, with its last line, if it does not."""
        end_s = time.monotonic() + START_S
        while LOADED not in self._said():
            if self._process.poll() is not None or time.monotonic() > end_s:
                self._process.kill()
                self._process.wait()
                last = self._said().strip().rpartition("\n")[2].removeprefix("facet: ")
                raise FacetError(last or "the run does not begin", "python -m device.doctor")
            time.sleep(0.05)
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _said(self) -> str:
        return self._messages.read_text(errors="replace")

    def cpu_share(self, seconds: float) -> float:
        """Return the share of a core that it takes for so long, 0..1 for each core."""
        began_s, cpu_s = time.monotonic(), self._cpu_s()
        time.sleep(seconds)
        return (self._cpu_s() - cpu_s) / (time.monotonic() - began_s)

    def memory_mb(self) -> float:
        """Return the memory that it holds, MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def fps(self) -> float:
        """Return the frames/s of its newest status line; 0 before the first."""
        lines = STATUS.findall(self._said())
        return float(lines[-1]) if lines else 0.0

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(
    package: str, folder: Path, optional: tuple[str, ...], without: bool = False
) -> tuple[float, list[str]]:
    """Return how long a run of one frame takes, s, and what it imports of `optional`.

    without: replace the module that opens connections.
    """
    flags = ("--camera", "demo", "--headless", "--max-frames", "1", "--log", folder / "start.csv")
    stub = "stub" if without else ""
    command: list[Any] = [sys.executable, "-c", START, package, stub, ",".join(optional), *flags]
    began_s = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    seconds = time.perf_counter() - began_s
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2].removeprefix("facet: ")
        raise FacetError(last or "a run failed", "python -m device.doctor")
    return seconds, json.loads(done.stdout.splitlines()[-1])
