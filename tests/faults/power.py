"""A power cut: what the disk holds then, and how Facet continues at the next start."""

import subprocess
import time
from pathlib import Path

from tests.faults.fault import Bench, Missing, Outcome
from tests.faults.logs import NOTHING, Loss, lost, read_log
from tests.faults.mounts import mounted
from tests.faults.scenery import film
from tests.faults.victim import Facet, flags, settings

SYNC_S = 1.0
ONE_SYNC_S = 0.5  # what a sync may take here


def cut(bench: Bench) -> Outcome:
    """Take what an ext4 disk holds at random moments, and start Facet on each copy.

    The disk is an image file. It has the bytes that the kernel has sent to the disk so far; what
    the kernel still keeps in memory is missing, as after a power cut.
    """
    image, clip = bench.folder / "disk.img", film(bench.folder)
    image.write_bytes(b"")
    _format(image)
    config = settings(bench.folder, "[rotation]", f"sync_s = {SYNC_S}", "max_mb = 0.2")
    loss, broken, rows, kept = NOTHING, 0, 0, 0
    with mounted(bench.folder / "disk", "-o", "loop", image) as disk:
        while kept < bench.trials:
            with Facet(bench.folder, *flags(clip, disk / "faces.csv", config)) as facet:
                facet.wait_for_row()
                while kept < bench.trials and facet.process.poll() is None:
                    time.sleep(bench.rng.uniform(0.1, 1.5))
                    copy = bench.folder / "copy.img"
                    cut_s = _copy_of_a_moment(image, copy)
                    more, bad, count = _started_on(bench, copy, clip, facet, cut_s)
                    loss, broken, rows, kept = loss + more, broken + bad, rows + count, kept + 1
    return Outcome(
        f"0 broken rows, at most {SYNC_S:g} s (sync_s) and one sync lost",
        f"{broken} broken of {rows} rows; {loss.rows} lost, the oldest {loss.longest_s:.2f} s",
        not broken and rows > 0 and loss.longest_s <= SYNC_S + ONE_SYNC_S,
    )


def _format(image: Path) -> None:
    try:
        with image.open("r+b") as file:
            file.truncate(24_000_000)
        subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing("needs mkfs.ext4") from error


def _copy_of_a_moment(image: Path, copy: Path) -> float:
    """Copy a file that others write; return the time, s, at which it had this content."""
    before, content = b"", image.read_bytes()
    while content != before:
        before, cut_s, content = content, time.monotonic(), image.read_bytes()
    copy.write_bytes(content)
    return cut_s


def _started_on(
    bench: Bench, image: Path, clip: Path, before: Facet, cut_s: float
) -> tuple[Loss, int, int]:
    """Start Facet on the copy of a disk; return what its log lost, broken rows, rows."""
    with mounted(bench.folder / "again", "-o", "loop", image) as disk:
        log = disk / "faces.csv"
        with Facet(bench.folder, *flags(clip, log), "--max-frames", 4) as facet:
            code = facet.end()
        found = read_log(log)
    reported = before.reported()
    return lost(reported, cut_s, found.keys), found.broken + (code != 0), len(found.rows)
