"""Pull the plug: real processes that log, killed at random moments, and what their files hold."""

import gzip
import random
import subprocess
import sys
import time
from pathlib import Path

from device.rowlog.csv_format import line
from device.rowlog.rotation import old_files
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings

ROOT = Path(__file__).parents[2]  # not from conftest: the killed ones start without OpenCV
HEADER = line(["time", "number"])
MOMENTS = 10
LATE_S = 2.0  # rows added so long before the end are in the file, even on a busy machine
# Small files, so that many a kill meets a rotation or a compression.
SETTINGS = RotationSettings(sync_s=0.2, max_mb=0.03)
CHILD = """
import sys, time
from pathlib import Path
from device.rowlog.writer import RowWriter
from device.rowlog.sink import Writer
from tests.device.rowlog.test_power import HEADER, SETTINGS, row
with Writer(RowWriter(Path(sys.argv[1]), HEADER, SETTINGS)) as writer:
    number = 0
    while True:
        writer.add([row(number + n) for n in range(5)])
        number += 5
        print(number, time.monotonic(), flush=True)
        time.sleep(0.002)
"""


def row(number):
    return line(["2026-11-22T10:00:00.000Z", f"{number:06}"])


def numbers(path):
    """Return the second column of a file, plain or compressed, every line of it whole."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    first, *others = content.splitlines(keepends=True)
    assert first == HEADER and all(one == row(int(one[25:-1])) for one in others)
    return [int(one[25:-1]) for one in others]


class Victim:
    """A process that logs into a folder until it is killed."""

    def __init__(self, folder: Path):
        folder.mkdir()
        self.log, self._said = folder / "a.csv", folder / "said"
        with self._said.open("w") as said:
            command = [sys.executable, "-c", CHILD, str(self.log)]
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=said)

    def wait_for_rows(self) -> None:
        until = time.monotonic() + 60
        while not self._said.stat().st_size and time.monotonic() < until:
            time.sleep(0.01)

    def kill(self) -> int:
        """Return how many rows must be in its files: those added LATE_S before."""
        killed_s = time.monotonic()
        self._process.kill()
        self._process.wait()
        lines = (one.split() for one in self._said.read_text().splitlines()[:-1])
        return max((int(n) for n, at_s in lines if float(at_s) < killed_s - LATE_S), default=0)


def test_kill_9_at_any_moment_leaves_whole_rows_none_missing_and_none_twice(tmp_path):
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
    for left in path.parent.glob("*.gz"):
        numbers(left)  # complete, even before anything was mended
    again = RowWriter(path, HEADER, SETTINGS)
    again.work(0.0)
    again._archive._thread.join()
    again.close()
    found = [number for old in old_files(path) for number in numbers(old.path)] + numbers(path)
    assert found == list(range(len(found))) and len(found) >= promised
    assert {old.path.suffix for old in old_files(path)} <= {".gz"}
