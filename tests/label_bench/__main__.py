"""Measure device.label: speed with one and two workers, against the bare models, and memory.

    python -m tests.label_bench                            # 300 photos a worker: about 4 minutes
    python -m tests.label_bench --write docs/LABEL.md      # and its table
    python -m tests.label_bench --many 50000 --many-dask 5000 --write docs/LABEL.md  # memory only

The photos are made: a portrait in 640x480 px at 100 sizes and places, linked as often as needed. In
those for memory, of 256x256 px, every fiftieth is no photo. Each way is run in turns, and the rates
are of both rounds together. A run has as many photos for each worker, in shards of ten: at the end
a worker waits for the other's last shard, which then takes less than 2 % off the rate of steady
work. Do not compare figures of two machines or a busy one.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from device.bench.report import conditions, filled
from device.cli.command import Parser, count, exit_with
from device.errors import FacetError, UsageError
from device.files import write_atomic
from device.tflite import runtime_name

from .bare import bare_s
from .command import ROOT, label_command
from .memory import DASK, LOCAL, Memory, memory_line, memory_of
from .photos import CORRUPT, SMALL_WH, make_photos

MARKS = ("<!-- label -->", "<!-- /label -->")
SHARD = "10"  # photos
MEMORY_MARKS = ("<!-- label memory -->", "<!-- /label memory -->")
ROUNDS = 2


@dataclass(frozen=True)
class Way:
    """One of the ways that are compared."""

    name: str
    workers: int
    words: tuple[str, ...] = ()
    bare: bool = False


WAYS = (
    Way("bare models, 1 process", 1, bare=True),
    Way("bare models, 2 processes", 2, bare=True),
    Way("1 worker", 1),
    Way("2 workers", 2),
    Way("Dask, 1 worker", 1, ("--cluster", "local")),
    Way("Dask, 2 workers", 2, ("--cluster", "local")),
)


@dataclass
class Speed:
    """What the rounds of a way took, s."""

    photos: int
    """Labelled in each round after the start."""
    seconds: list[float] = field(default_factory=list)
    """Of the photos, without the start."""
    start_s: list[float] = field(default_factory=list)
    """Of a run with a photo per worker."""

    @property
    def rate(self) -> float:
        """Photos per s over all rounds."""
        return self.photos * len(self.seconds) / sum(self.seconds)

    @property
    def spread(self) -> float:
        """Slowest round's time over the fastest's, less 1."""
        return max(self.seconds) / min(self.seconds) - 1


def run_s(photos: Path, workers: int, *more: str) -> float:
    """Return how long a command takes to label a folder, s."""
    with tempfile.TemporaryDirectory(dir=photos.parent) as out:
        command = label_command(photos, f"{out}/labels", workers, *more)
        began_s = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        seconds = time.monotonic() - began_s
    if done.returncode:
        raise FacetError(
            done.stderr.strip().rpartition("\n")[2].removeprefix("facet: "),
            "the same command by hand",
        )
    print(f"{' '.join(command[3:])}: {seconds:.1f} s; {done.stdout.strip()}", file=sys.stderr)
    return seconds


def measured(folder: Path, photos: int) -> dict[str, Speed]:
    """Return the speed of every way; each is run in turns with the others.

    photos: of each worker.
    """
    sources = {
        workers: make_photos(folder / f"many{workers}", photos * workers) for workers in (1, 2)
    }
    few = {workers: make_photos(folder / f"few{workers}", workers) for workers in (1, 2)}
    # The start is measured with a photo per worker.
    speeds = {way.name: Speed((photos - (not way.bare)) * way.workers) for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            speed = speeds[way.name]
            if way.bare:
                speed.seconds.append(bare_s(sources[1], way.workers) * photos)
                continue
            start_s = run_s(few[way.workers], way.workers, *way.words, "--shard-size", "1")
            whole_s = run_s(sources[way.workers], way.workers, *way.words, "--shard-size", SHARD)
            speed.start_s.append(start_s)
            if whole_s <= start_s:
                raise FacetError("the start took longer than the photos", "a quieter computer")
            speed.seconds.append(whole_s - start_s)
    return speeds


def table(speeds: dict[str, Speed]) -> list[str]:
    """Return the table as lines of Markdown."""
    rates = {name: speed.rate for name, speed in speeds.items()}
    bare = {way.workers: rates[way.name] for way in WAYS if way.bare}
    lines = [
        conditions(runtime_name()),
        f"{speeds[WAYS[0].name].photos:,} photos of 640x480 px with one face for each process, "
        f"{ROUNDS} rounds.",
        "",
        "| | photos/s | per process | of the bare models | of one worker | start, s | spread |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    single = {way.words: rates[way.name] for way in WAYS if way.workers == 1 and not way.bare}
    for way in WAYS:
        speed, rate = speeds[way.name], rates[way.name]
        alone = rates[WAYS[0].name] if way.bare else single[way.words]
        start = f"{np.mean(speed.start_s):.1f}" if speed.start_s else ""
        lines.append(
            f"| {way.name} | {rate:.1f} | {rate / way.workers:.1f} | {rate / bare[way.workers]:.2f}"
            f" | {rate / alone:.2f} | {start} | {100 * speed.spread:.0f} % |"
        )
    return lines


def measured_memory(folder: Path, many: dict[str, int], limit_s: float) -> dict[str, Memory]:
    """Return the memory of the runs that are wanted, by their names.

    many: photos of each; 0 leaves it out. limit_s: of each. Raises FacetError if one ends none.
    """
    found = {}
    for name, photos in many.items():
        if photos:
            archive = make_photos(folder / f"many {name}", photos, CORRUPT, SMALL_WH)
            words = ("--cluster", "local") if name == DASK else ()
            memory = memory_of(archive, 2, limit_s, *words)
            if memory.printed:
                memory.check(photos)
            elif not memory.photos:
                raise FacetError(f"no shard was done in {limit_s:.0f} s", "more --minutes")
            found[name] = memory
    return found


def record(speeds: dict[str, Speed], memory: dict[str, Memory]) -> dict[str, Any]:
    """Return all figures, for JSON."""
    found: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "python": platform.python_version(),
        "runtime": runtime_name(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "ways": {name: asdict(speed) | {"rate": speed.rate} for name, speed in speeds.items()},
    }
    return found | {"memory": {name: asdict(each) for name, each in memory.items()}}


def main(argv: list[str] | None = None) -> None:
    parser = Parser("tests.label_bench", __doc__ or "")
    parser.add_argument("--photos", type=count, default=300, metavar="N", help="of a worker")
    parser.add_argument("--many", type=count, default=0, metavar="N", help="photos, memory only")
    parser.add_argument(
        "--many-dask", type=count, default=0, metavar="N", help="photos for Dask, memory only"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=120.0,
        metavar="M",
        help="of each run for memory at most (default 120)",
    )
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="fill in its table")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write all figures")
    args = parser.parse_args(argv)
    if args.photos < 20:
        raise UsageError(f"--photos {args.photos}, need 20 or more", "--photos 300")
    many = {LOCAL: args.many, DASK: args.many_dask}
    marks = MEMORY_MARKS if any(many.values()) else MARKS
    document = args.write.read_text() if args.write else ""
    if args.write:
        filled(document, [], marks)  # before the work
    speeds: dict[str, Speed] = {}
    memory: dict[str, Memory] = {}
    with tempfile.TemporaryDirectory(prefix="facet-label-") as name:
        if any(many.values()):
            memory = measured_memory(Path(name), many, args.minutes * 60)
            lines = [conditions(runtime_name())]
            lines += [memory_line(found, many[way], way) for way, found in memory.items()]
        else:
            speeds = measured(Path(name), args.photos)
            lines = table(speeds)
    if args.json:
        write_atomic(args.json, f"{json.dumps(record(speeds, memory), indent=1)}\n".encode())
    if args.write:
        write_atomic(args.write, filled(document, lines, marks).encode())
    print("\n".join(lines))


if __name__ == "__main__":
    exit_with(main)
