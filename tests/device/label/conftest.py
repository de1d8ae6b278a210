"""What the tests of labels share: photos, rows, and a command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.conftest import ROOT, make_once


def write_photos(folder: Path, photo, count: int) -> list[Path]:
    """Write photos of one person, each a little larger than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        scale = 0.5 + 0.002 * (number % 100)
        path = folder / f"{number:05}.jpg"
        cv2.imwrite(str(path), cv2.resize(photo, None, fx=scale, fy=scale))
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def archive(tmp_path_factory, astronaut) -> Path:
    """A folder of 40 photos of a face, and three files that are no photos."""

    def make(folder: Path) -> None:
        paths = write_photos(folder / "a", astronaut, 40)
        (folder / "a" / "broken.jpg").write_bytes(b"nonsense")
        (folder / "a" / "cut.jpg").write_bytes(paths[0].read_bytes()[:4000])
        (folder / "a" / "empty.png").write_bytes(b"")

    return make_once(tmp_path_factory, "archive", make)


def rows_of(out: Path) -> list[dict]:
    """Return all rows of a folder of labels, in the order of their pictures."""
    import pyarrow.parquet  # not above: the tests of plans and sources need none

    rows = []
    for file in sorted(out.glob("*.parquet")):
        rows += pyarrow.parquet.read_table(file).to_pylist()
    return sorted(rows, key=lambda r: (r["path"], r["member"] or "", r["frame"] or 0, r["face"]))


def start(*words: object, **options) -> subprocess.Popen:
    """Start `python -m device.label` with these words."""
    command = [sys.executable, "-m", "device.label", *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def run(*words: object, **options) -> subprocess.CompletedProcess:
    """Run `python -m device.label` with these words to its end."""
    process = start(*words, **options)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of this process, with more in it."""
    return {**os.environ, **more}


def spawned(pid: int) -> list[int]:
    """Return the processes of a run that label: those that multiprocessing has spawned."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as line:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                    if parent == pid and "spawn_main" in line.read():
                        found.append(int(entry))
            except OSError:
                continue
    return found
