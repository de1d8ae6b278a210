"""Processes that log, killed with SIGKILL at random moments, and the files they leave."""

import gzip
import random
import subprocess
import sys
import time
from pathlib import Path

from device.rowlog.csv_format import line
from device.rowlog.rotation import rotated_files
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings

ROOT = Path(__file__).parents[3]  # not from conftest, which would load OpenCV in each process
HEADER = line(["time", "number"])
MOMENTS = 10
LATE_S = 2.0  # rows added this long before the kill are in the file, even on a busy machine
# Small files, so that some kills meet a rotation or a compression.
SETTINGS = RotationSettings(sync_s=0.2, max_mb=0.03)
CHILD = """
import sys, time
from pathlib import Path
from device.rowlog.writer import RowWriter
from device.rowlog.sink import FileSink
from tests.device.rowlog.test_power import HEADER, SETTINGS, row
with FileSink(RowWriter(Path(sys.argv[1]), HEADER, SETTINGS)) as sink:
    number = 0
    while True:
        sink.add([row(number + n) for n in range(5)])
        number += 5
        print(number, time.monotonic(), flush=True)
        time.sleep(0.002)
"""


def row(number):
    return line(["2026-11-22T10:00:00.000Z", f"{number:06}"])


def numbers(path):
    """Return the second column of a file, plain or compressed, whose lines are all complete."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    header, *rows = content.splitlines(keepends=True)
    assert header == HEADER and all(text == row(int(text[25:-1])) for text in rows)
    return [int(text[25:-1]) for text in rows]


class Victim:
    """A process that logs into a folder until it is killed."""

    def __init__(self, folder: Path):
        folder.mkdir()
        self.log, self._printed = folder / "a.csv", folder / "printed"
        with self._printed.open("w") as printed:
            command = [sys.executable, "-c", CHILD, str(self.log)]
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=printed)

    def wait_for_rows(self) -> None:
        until = time.monotonic() + 60
        while not self._printed.stat().st_size and time.monotonic() < until:
            time.sleep(0.01)

    def kill(self) -> int:
        """Kill it; return how many rows must be in its files: those added LATE_S before."""
        killed_s = time.monotonic()
        self._process.kill()
        self._process.wait()
        lines = (text.split() for text in self._printed.read_text().splitlines()[:-1])
        return max((int(n) for n, at_s in lines if float(at_s) < killed_s - LATE_S), default=0)


def test_sigkill_at_any_moment_leaves_complete_rows_none_missing_none_twice(tmp_path):
    rng = random.Random()
    victims = [Victim(tmp_path / str(number)) for number in range(MOMENTS)]
    counts = []
    try:
        for victim in victims:
            victim.wait_for_rows()
        for victim in victims:
            time.sleep(rng.uniform(0.2, 0.8))
            counts.append(victim.kill())
            check(victim.log, counts[-1])
    finally:
        for victim in victims:
            victim.kill()
    assert max(counts) > 0


def check(path, promised):
    for packed in path.parent.glob("*.gz"):
        numbers(packed)  # complete even before the next start
    writer = RowWriter(path, HEADER, SETTINGS)
    writer.flush_due(0.0)
    writer.retention.wait()
    writer.close()
    files = [older.path for older in rotated_files(path)]
    present = [number for file in (*files, path) for number in numbers(file)]
    assert present == list(range(len(present))) and len(present) >= promised
    assert {file.suffix for file in files} <= {".gz"}
