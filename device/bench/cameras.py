"""Measure what each further camera costs: in one process, and in a process for each camera."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from ..errors import FacetError
from ..log import log
from ..text import counted
from . import camera_run
from .camera_run import Plan, Usage
from .live_scene import FPS
from .scene import Scene
from .surroundings import AwakeCores

SIZE_WH = (640, 480)
FACES = 1
LEAST_FPS = 0.96 * FPS  # a camera that has less gets less than it would ask for
END_S = 30.0

COLUMNS = {
    "cameras": "{cameras}",
    "processes": "{processes}",
    "frames/s of each": "{fps:.1f}",
    "least": "{least_fps:.1f}",
    "cores": "{cores:.2f}",
    "CPU time of a frame": "{cpu_ms:.1f} ms",
    "most memory (RSS)": "{peak_mb:.0f} MB",
    "memory shared once (PSS)": "{pss_mb:.0f} MB",
    "age of a result, p95": "{age_p95_ms:.0f} ms",
}

Figures = dict[str, Any]


@dataclass(frozen=True)
class Extent:
    """How long a run is measured."""

    warm_up_s: float = 3.0
    window_s: float = 12.0


@dataclass(frozen=True)
class Way:
    """So many cameras in so many processes."""

    cameras: int
    processes: int

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The numbers of the cameras of each process."""
        return [tuple(range(n, self.cameras, self.processes)) for n in range(self.processes)]


def ways(most: int) -> list[Way]:
    """Return what is measured for up to `most` cameras: 1, 2, 4, ..., both ways."""
    counts = [2**n for n in range(most.bit_length()) if 2**n <= most]
    return [
        Way(count, processes)
        for count in counts
        for processes in ((1,) if count == 1 else (1, count))
    ]


def measure(most: int, extent: Extent) -> Figures:
    """Return the figures of 1, 2, 4, ... up to `most` cameras of 640x480 with one face each.

    Raises FacetError if a process fails.
    """
    rows = []
    with _shared_pictures() as (memory, shape):
        for way in ways(most):
            several = "one process" if way.processes == 1 else f"{way.processes} processes"
            log.info("%s in %s", counted(way.cameras, "camera"), several)
            rows.append(asdict(way) | _measure_way(way, memory, shape, extent))
            if rows[-1]["least_fps"] < LEAST_FPS:
                log.warning("%.1f frames/s, not %g: too slow or busy", rows[-1]["least_fps"], FPS)
    return {"rows": rows}


@contextmanager
def _shared_pictures() -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """Yield (descriptor of memory that processes can share, shape of the pictures in it)."""
    pictures = np.stack([frame.bgr for frame in Scene(FACES, SIZE_WH, 60)])
    memory = os.memfd_create("pictures")
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(pictures.tobytes())
        number, height, width, _ = pictures.shape
        yield memory, (number, height, width, 3)
    finally:
        os.close(memory)


class CameraProcess:
    """A process that runs some cameras, while entered."""

    def __init__(self, plan: Plan):
        self._process = subprocess.Popen(
            [sys.executable, "-m", camera_run.__name__, json.dumps(asdict(plan))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[plan.memory],
            text=True,
        )
        assert self._process.stdin and self._process.stdout
        self._stdin: IO[str] = self._process.stdin
        self._stdout: IO[str] = self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """Return the next line that it prints; FacetError if it ends before."""
        line = self._stdout.readline()
        if not line:
            raise FacetError("a process of the bench failed", "python -m device.doctor")
        return line

    def begin(self) -> None:
        self._stdin.write("\n")
        self._stdin.flush()

    def pss_mb(self) -> float:
        """Return its part of the memory that it uses, without the pictures, MB (10^6 bytes).

        A page that n processes use counts as 1/n of a page for each.
        """
        text = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        kilobytes = {
            name: int(value) for name, value in re.findall(r"^(\w+): +(\d+) kB", text, re.M)
        }
        return (kilobytes["Pss"] - kilobytes.get("Pss_Shmem", 0)) * 1024 / 1e6


def _measure_way(
    way: Way, memory: int, shape: tuple[int, int, int, int], extent: Extent
) -> Figures:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                CameraProcess(Plan(memory, shape, group, extent.warm_up_s, extent.window_s))
            )
            for group in way.groups
        ]
        for process in processes:
            process.line()  # ready
        with AwakeCores():
            for process in processes:
                process.begin()
            usages = [_usage(process.line()) for process in processes]
        return _figures(usages) | {"pss_mb": sum(process.pss_mb() for process in processes)}


def _usage(line: str) -> Usage:
    values = json.loads(line)
    return Usage(**values | {name: tuple(values[name]) for name in ("frames", "ages_s")})


def _figures(usages: Sequence[Usage]) -> Figures:
    """Return the figures of processes that ran at the same time."""
    rates = [count / usage.seconds for usage in usages for count in usage.frames]
    ages_s = [age_s for usage in usages for age_s in usage.ages_s]
    return {
        "fps": float(np.mean(rates)),
        "least_fps": float(np.min(rates)),
        "cores": sum(usage.cpu_s / usage.seconds for usage in usages),
        "cpu_ms": 1000 * sum(usage.cpu_s for usage in usages) / max(1, len(ages_s)),
        "peak_mb": sum(usage.peak_mb for usage in usages),
        "age_p95_ms": float(1000 * np.percentile(ages_s, 95)) if ages_s else 0.0,
    }


def lines_of(figures: Figures) -> list[str]:
    """Return the figures as lines of Markdown."""
    rows = figures["rows"]
    return [
        f"Cameras of {SIZE_WH[0]}x{SIZE_WH[1]} at {FPS:g} frames/s, one face each:",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(f"| {' | '.join(cell.format(**row) for cell in COLUMNS.values())} |" for row in rows),
        "",
        *_costs(rows),
    ]


def _costs(rows: Sequence[Figures]) -> Iterator[str]:
    """Yield what a further camera costs by the rows with the most cameras."""
    first, most = rows[0], rows[-1]["cameras"]
    for row in rows:
        if row["cameras"] == most > 1:
            where = "in the same process" if row["processes"] == 1 else "in a process of its own"
            further = most - 1
            cores = (row["cores"] - first["cores"]) / further
            pss_mb = (row["pss_mb"] - first["pss_mb"]) / further
            yield f"A further camera {where}: {cores:.2f} of a core, {pss_mb:.0f} MB (PSS)."
