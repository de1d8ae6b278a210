"""Measure device.label: speed with one and two workers, against the bare models, and memory.

    python -m tests.label_bench                            # 300 photos a run: about 3 minutes
    python -m tests.label_bench --write docs/LABEL.md      # and its table
    python -m tests.label_bench --many 50000 --minutes 15  # memory only: an hour, or 15 minutes

The photos are made: a portrait in 640x480 px at 100 sizes and places, linked as often as needed. In
those for memory every fiftieth is no photo. Each way is run in turns, and the rates are of both
rounds together. Do not compare figures of two machines or a busy one.
"""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.analyzer import FaceAnalyzer
from device.bench.measure import CountingNetwork
from device.bench.report import conditions, filled
from device.camera.demo import ADMIRAL, ASTRONAUT, portrait
from device.camera.image_io import read_photo
from device.cli.command import Parser, count, exit_with
from device.errors import FacetError, UsageError
from device.files import write_atomic
from device.settings import Settings
from device.tflite import runtime_name

MARKS = ("<!-- label -->", "<!-- /label -->")
MEMORY_MARKS = ("<!-- label memory -->", "<!-- /label memory -->")
ROUNDS = 2
START_S = 300.0  # that a process may take to load its networks
STOP_S = 60.0
DISTINCT = 100
WIDTH, HEIGHT = 640, 480
CORRUPT = 50  # every so many
SAMPLE_S = 1.0
ROOT = Path(__file__).parent.parent.parent


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
    """Labelled in each round, beside the one per worker that the start is measured with."""
    seconds: list[float] = field(default_factory=list)
    """Of the photos, without the start."""
    start_s: list[float] = field(default_factory=list)
    """From the command to its end, with a photo per worker."""

    @property
    def rate(self) -> float:
        """Photos per s over all rounds."""
        return self.photos * len(self.seconds) / sum(self.seconds)

    @property
    def spread(self) -> float:
        """Slowest round's time over the fastest's, less 1."""
        return max(self.seconds) / min(self.seconds) - 1


@dataclass
class Memory:
    """Resident memory of the processes that label, MB (10^6 bytes)."""

    printed: str = ""
    photos: int = 0
    """Labelled when the last sample was taken."""
    samples: list[tuple[int, float]] = field(default_factory=list)
    """Photos labelled, memory of the largest process."""

    def at(self, share: float) -> float:
        """Return the largest process's memory when that share of the labelled photos was done."""
        return next((mb for done, mb in self.samples if done >= share * self.photos), self.peak)

    def check(self, photos: int) -> None:
        """Raise FacetError unless every photo was counted, and those that are none."""
        wanted = (f"{photos:,} pictures", f"{len(range(0, photos, CORRUPT)):,} not readable")
        if not all(words in self.printed for words in wanted):
            raise FacetError(f"{self.printed.strip()}; wanted: {wanted}", "report it")

    @property
    def peak(self) -> float:
        return max((mb for _, mb in self.samples), default=0.0)


def make_photos(folder: Path, number: int, corrupt: int = 0) -> Path:
    """Make a folder of so many photos; every `corrupt`-th is none."""
    store = folder.parent / "distinct"
    if not store.exists():
        store.mkdir()
        for index in range(DISTINCT):
            cv2.imwrite(str(store / f"{index}.jpg"), _picture(index))
        (store / "none.jpg").write_bytes(b"\xff\xd8\xff\xe0 nonsense")
    for index in range(number):
        inner = folder / f"{index // 1000:03}"
        inner.mkdir(parents=True, exist_ok=True)
        broken = corrupt and index % corrupt == 0
        os.link(
            store / ("none.jpg" if broken else f"{index % DISTINCT}.jpg"), inner / f"{index}.jpg"
        )
    return folder


def _picture(index: int) -> np.ndarray:
    """Return a portrait at a size and place of its own, on noise."""
    rng = np.random.default_rng(index)
    noise = rng.normal(128, 20, (HEIGHT, WIDTH, 3))
    picture = cv2.GaussianBlur(np.clip(noise, 0, 255).astype(np.uint8), (0, 0), 3)
    face = portrait(ASTRONAUT if index % 2 else ADMIRAL)
    scale = rng.uniform(0.5, 0.78)
    face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (rng.integers(0, limit) for limit in (HEIGHT - len(face), WIDTH - face.shape[1]))
    picture[top : top + len(face), left : left + face.shape[1]] = face
    return picture


def bare_s(photos: Path, processes: int) -> float:
    """Return how long the networks alone take for a photo, s, in so many processes at once."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(processes), context.SimpleQueue()
    running = [
        context.Process(target=_measure_bare, args=(photos, ready, results))
        for _ in range(processes)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            raise FacetError("a process of the bare models ended", "fewer programs beside it")
    return float(np.mean([results.get() for _ in running]))


def _measure_bare(photos: Path, ready: Any, results: Any) -> None:
    cv2.setNumThreads(1)
    analyzer = FaceAnalyzer.from_settings(Settings())
    verifier: Any = analyzer._verifier
    parts: list[Any] = [analyzer.detector, analyzer.classifier]
    parts += [part for part in vars(verifier).values() if hasattr(part, "network")]
    networks = []
    for part in parts:
        part.network = CountingNetwork(part.network)
        networks.append(part.network)
    pictures = [read_photo(path) for path in sorted(photos.rglob("*.jpg"))[:DISTINCT]]
    for picture in pictures:
        analyzer.analyze(picture)
    ready.wait(START_S)
    rounds = [sum(network.repeat_s() for network in networks) for _ in range(2)]
    results.put(float(np.mean(rounds)) / len(pictures))


def run_s(photos: Path, workers: int, *more: str) -> float:
    """Return how long a command takes to label a folder, s."""
    with tempfile.TemporaryDirectory(dir=photos.parent) as out:
        command = _command(photos, f"{out}/labels", workers, *more)
        began_s = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        seconds = time.monotonic() - began_s
    if done.returncode:
        raise FacetError(done.stderr.strip().rpartition("\n")[2], "the same command by hand")
    print(f"{' '.join(command[3:])}: {seconds:.1f} s; {done.stdout.strip()}", file=sys.stderr)
    return seconds


def _command(photos: Path, out: str, workers: int, *more: str) -> list[str]:
    command = [sys.executable, "-m", "device.label", str(photos), "--out", out]
    return [*command, "--workers", str(workers), *more]


def memory_of(photos: Path, workers: int, limit_s: float) -> Memory:
    """Return the memory of a run over a folder, which is ended after so long."""
    memory = Memory()
    with tempfile.TemporaryDirectory(dir=photos.parent) as out:
        command = _command(photos, f"{out}/labels", workers, "--shard-size", "250")
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        ended = threading.Event()
        watch = threading.Thread(
            target=_watch, args=(process.pid, Path(out) / "labels", memory, ended)
        )
        watch.start()
        try:
            memory.printed, errors = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            ended.set()
            process.kill()
            process.communicate(timeout=STOP_S)
            return memory
        finally:
            ended.set()
            watch.join()
    if process.returncode:
        raise FacetError(errors.strip().rpartition("\n")[2], "the same command by hand")
    return memory


def _watch(pid: int, out: Path, memory: Memory, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_S):
        done = len(list(out.glob("*.parquet"))) * 250 if out.exists() else 0
        used = [_resident_mb(child) for child in _descendants(pid)]
        if used:
            memory.photos = done
            memory.samples.append((done, max(used)))


def _descendants(pid: int) -> list[int]:
    """Return the processes that multiprocessing has spawned below one."""
    parents: dict[int, int] = {}
    spawned = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                if b"spawn_main" in (entry / "cmdline").read_bytes():
                    spawned.add(int(entry.name))
            except OSError:
                continue
    found, inner = [], [pid]
    while inner:
        inner = [child for child, parent in parents.items() if parent in inner]
        found += [child for child in inner if child in spawned]
    return found


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(folder: Path, photos: int) -> dict[str, Speed]:
    """Return the speed of every way; each is run in turns with the others."""
    source = make_photos(folder / "photos", photos)
    few = {workers: make_photos(folder / f"few{workers}", workers) for workers in (1, 2)}
    speeds = {way.name: Speed(photos) for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            speed = speeds[way.name]
            if way.bare:
                speed.seconds.append(bare_s(source, way.workers) * photos / way.workers)
                continue
            start_s = run_s(few[way.workers], way.workers, *way.words, "--shard-size", "1")
            whole_s = run_s(source, way.workers, *way.words)
            speed.start_s.append(start_s)
            speed.seconds.append(max(whole_s - start_s, 1e-3))
    return speeds


def table(speeds: dict[str, Speed]) -> list[str]:
    """Return the table as lines of Markdown."""
    rates = {name: speed.rate for name, speed in speeds.items()}
    bare = {way.workers: rates[way.name] for way in WAYS if way.bare}
    lines = [
        conditions(runtime_name()),
        f"{speeds[WAYS[0].name].photos:,} photos of 640x480 px with one face, {ROUNDS} rounds.",
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


def memory_line(memory: Memory, wanted: int) -> str:
    """Return the memory as a sentence."""
    done = f"{memory.photos:,} of {wanted:,}" if memory.photos < wanted else f"{wanted:,}"
    return (
        f"Over {done} photos, every fiftieth of them no photo, the larger of two workers held "
        f"{memory.at(0.1):.0f} MB after a tenth, {memory.at(0.5):.0f} MB after a half, "
        f"{memory.at(0.99):.0f} MB at the end and {memory.peak:.0f} MB at most."
    )


def record(speeds: dict[str, Speed], memory: Memory | None) -> dict[str, Any]:
    """Return all figures, for JSON."""
    found: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "python": platform.python_version(),
        "runtime": runtime_name(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "ways": {name: asdict(speed) | {"rate": speed.rate} for name, speed in speeds.items()},
    }
    return found | ({"memory": asdict(memory)} if memory else {})


def main(argv: list[str] | None = None) -> None:
    parser = Parser("tests.label_bench", __doc__ or "")
    parser.add_argument("--photos", type=count, default=300, metavar="N", help="of each run")
    parser.add_argument("--many", type=count, default=0, metavar="N", help="photos, memory only")
    parser.add_argument(
        "--minutes", type=float, default=120.0, metavar="M", help="of --many at most (default 120)"
    )
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="fill in its table")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write all figures")
    args = parser.parse_args(argv)
    if args.photos < 20:
        raise UsageError(f"--photos {args.photos}, need 20 or more", "--photos 300")
    marks = MEMORY_MARKS if args.many else MARKS
    document = args.write.read_text() if args.write else ""
    if args.write:
        filled(document, [], marks)  # before the work
    speeds: dict[str, Speed] = {}
    memory = None
    with tempfile.TemporaryDirectory(prefix="facet-label-") as name:
        if args.many:
            archive = make_photos(Path(name) / "many", args.many, CORRUPT)
            memory = memory_of(archive, 2, args.minutes * 60)
            if memory.printed:
                memory.check(args.many)
            lines = [conditions(runtime_name()), memory_line(memory, args.many)]
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
