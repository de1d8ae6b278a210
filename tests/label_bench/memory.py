"""Watch the memory of the processes that label."""

import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from device.errors import FacetError

from .command import ROOT, label_command
from .photos import CORRUPT, SMALL_WH

SAMPLE_S = 1.0
STOP_S = 60.0
SHARD = 250  # photos
LOCAL, DASK = "", "with Dask"


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


def memory_of(photos: Path, workers: int, limit_s: float, *more: str) -> Memory:
    """Return the memory of a run over a folder, which is ended after so long.

    more: words of the command, such as --cluster local.
    """
    memory = Memory()
    with tempfile.TemporaryDirectory(dir=photos.parent) as out:
        command = label_command(photos, f"{out}/labels", workers, "--shard-size", str(SHARD), *more)
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
        raise FacetError(
            errors.strip().rpartition("\n")[2].removeprefix("facet: "), "the same command by hand"
        )
    return memory


def _watch(pid: int, out: Path, memory: Memory, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_S):
        done = len(list(out.glob("*.parquet"))) * SHARD if out.exists() else 0
        used = [_resident_mb(child) for child in _descendants(pid)]
        if used:
            memory.photos = done
            memory.samples.append((done, max(used)))


def _descendants(pid: int) -> list[int]:
    """Return the processes that multiprocessing has spawned below one.

    These are the workers: Dask's scheduler and nannies run in the command's own process.
    """
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


def memory_line(memory: Memory, wanted: int, way: str) -> str:
    """Return the memory as a sentence; way: LOCAL or DASK."""
    done = f"{memory.photos:,} of {wanted:,}" if memory.photos < wanted else f"{wanted:,}"
    size = "{}x{}".format(*SMALL_WH)
    return (
        f"Over {done} photos of {size} px, every fiftieth of them no photo, the larger of two "
        f"workers {way + ' ' if way else ''}held "
        f"{memory.at(0.1):.0f} MB after a tenth, {memory.at(0.5):.0f} MB after a half, "
        f"{memory.at(0.99):.0f} MB at the end and {memory.peak:.0f} MB at most."
    )
