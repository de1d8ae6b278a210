"""Measure device.label: speed with one and two workers, against the bare models, and memory.

    python -m tests.label_bench                           # 2,000 photos a run: 8 minutes
    python -m tests.label_bench --photos 300 --many 0     # a rough look
    python -m tests.label_bench --write docs/LABEL.md     # with 50,000 photos for memory: an hour

The photos are made: a portrait in 640x480 px at 100 sizes and places, linked as often as needed. In
those for memory every fiftieth is no photo. Do not compare figures of two machines or a busy one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
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
from device.errors import FacetError
from device.files import write_atomic
from device.settings import Settings
from device.tflite import runtime_name

MARKS = ("<!-- label -->", "<!-- /label -->")
DISTINCT = 100
WIDTH, HEIGHT = 640, 480
CORRUPT = 50  # every so many
SAMPLE_S = 1.0
ROOT = Path(__file__).parent.parent.parent


@dataclass
class Memory:
    """Resident memory of the processes that label, MB (10^6 bytes)."""

    printed: str = ""
    samples: list[tuple[float, float]] = field(default_factory=list)  # (share done, largest)

    def at(self, share: float) -> float:
        """Return the largest process's memory when that share of the photos was done."""
        return next((mb for done, mb in self.samples if done >= share), self.peak)

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


def bare_s(photos: Path) -> float:
    """Return how long the networks alone take for a photo, s, in this process."""
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
    rounds = [sum(network.repeat_s() for network in networks) for _ in range(3)]
    return float(np.median(rounds)) / len(pictures)


def run(photos: Path, number: int, workers: int, *more: str) -> tuple[float, Memory]:
    """Return how many photos a command labels per second, its start included, and its memory."""
    memory = Memory()
    with tempfile.TemporaryDirectory(dir=photos.parent) as out:
        command = [sys.executable, "-m", "device.label", str(photos), "--out", f"{out}/labels"]
        command += ["--workers", str(workers), *more]
        began_s = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        ended = threading.Event()
        watch = threading.Thread(
            target=_watch, args=(process.pid, Path(out) / "labels", number, memory, ended)
        )
        watch.start()
        printed, errors = process.communicate()
        seconds = time.monotonic() - began_s
        ended.set()
        watch.join()
    if process.returncode:
        raise FacetError(errors.strip().rpartition("\n")[2], "the same command by hand")
    print(f"{' '.join(command[3:])}: {seconds:.1f} s; {printed.strip()}", file=sys.stderr)
    memory.printed = printed
    return number / seconds, memory


def _watch(pid: int, out: Path, photos: int, memory: Memory, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_S):
        files = len(list(out.glob("*.parquet"))) if out.exists() else 0
        planned = out / "plan.jsonl"
        shards = len(planned.read_bytes().splitlines()) if planned.exists() else 0
        used = [_resident_mb(child) for child in _descendants(pid)]
        if used and shards:
            memory.samples.append((files / shards, max(used)))


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


def measured(photos: int, many: int) -> list[str]:
    """Return the table as lines of Markdown."""
    with tempfile.TemporaryDirectory(prefix="facet-label-") as name:
        folder = Path(name)
        source = make_photos(folder / "photos", photos)
        bare = 1 / bare_s(source)
        one, _ = run(source, photos, 1)
        two, _ = run(source, photos, 2)
        dask_one, _ = run(source, photos, 1, "--cluster", "local")
        dask_two, _ = run(source, photos, 2, "--cluster", "local")
        rows = [
            ("bare models, 1 core", bare, "1.00", ""),
            ("1 worker", one, f"{one / bare:.2f}", ""),
            ("2 workers", two, f"{two / 2 / bare:.2f}", f"{two / one:.2f} times one"),
            ("Dask, 1 worker", dask_one, f"{dask_one / bare:.2f}", ""),
            (
                *("Dask, 2 workers", dask_two, f"{dask_two / 2 / bare:.2f}"),
                f"{dask_two / dask_one:.2f} times one",
            ),
        ]
        lines = [
            conditions(runtime_name()),
            f"{photos:,} photos of 640x480 px with one face, the start of the command included.",
            "",
            "| | photos/s | per core, of the bare models | |",
            "|---|---:|---:|---|",
            *(f"| {name} | {rate:.1f} | {share} | {note} |" for name, rate, share, note in rows),
        ]
        if many:
            archive = make_photos(folder / "many", many, CORRUPT)
            _, memory = run(archive, many, 2)
            memory.check(many)
            lines += [
                "",
                f"Over {many:,} photos, {len(range(0, many, CORRUPT)):,} of them no photos, the "
                f"larger worker held {memory.at(0.1):.0f} MB after a tenth, {memory.at(0.99):.0f} "
                f"MB at the end and {memory.peak:.0f} MB at most.",
            ]
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("tests.label_bench", __doc__ or "", argument_default=argparse.SUPPRESS)
    parser.add_argument("--photos", type=count, default=2000, metavar="N", help="of each run")
    parser.add_argument(
        "--many", type=count, metavar="N", help="for memory (default 0; written: 50,000)"
    )
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="fill in its table")
    args = parser.parse_args(argv)
    write = vars(args).get("write")
    document = write.read_text() if write else ""
    if write:
        filled(document, [], MARKS)  # before an hour of work
    lines = measured(args.photos, vars(args).get("many", 50_000 if write else 0))
    if write:
        write_atomic(write, filled(document, lines, MARKS).encode())
    print("\n".join(lines))


if __name__ == "__main__":
    exit_with(main)
