"""The disk of the log is full for a while, or its folder gone."""

import os
import shutil
import signal
import time
from pathlib import Path

from tests.faults.fault import Bench, Outcome
from tests.faults.logs import lost, read_log
from tests.faults.mounts import mounted
from tests.faults.scenery import Webcam
from tests.faults.victim import Facet, flags, settings

CANNOT, AGAIN = "cannot write the log", "writing the log"


def full(bench: Bench) -> Outcome:
    """Fill the disk and free it; the last time for longer than `buffer_rows` rows last."""
    webcam = Webcam(bench.folder)
    config = settings(bench.folder, "[rotation]", "buffer_rows = 100", "sync_s = 0.5")
    with mounted(bench.folder / "stick", "-t", "tmpfs", "-o", "size=4m", "none") as disk:
        log = disk / "faces.csv"
        with Facet(bench.folder, *flags("0", log, config), **webcam.environment) as facet:
            facet.wait_for_row(10)
            for trial in range(1, bench.trials + 1):
                _fill(disk)
                facet.wait_for(CANNOT, trial)
                more = 150 if trial == bench.trials else 30
                facet.wait_for_row(facet.row_count() + more)  # the loop goes on
                (disk / "ballast").unlink()
                facet.wait_for(f"{AGAIN} {log} again", trial)
                facet.wait_for_row(facet.row_count() + 15)
            code, _ = facet.stop()
            loss = lost(facet.reported(), time.monotonic(), (found := read_log(log)).keys)
            stderr = facet.stderr()
    admitted = _number_before(stderr, " rows were lost")
    final = _number_before(stderr, " rows of the log")
    warnings = stderr.count(CANNOT)
    good = (warnings, found.broken, code) == (bench.trials, 0, 1)
    return Outcome(
        "one warning each time, no row lost but those beyond buffer_rows, which are counted",
        f"{warnings} warnings; {loss.rows} of {len(facet.reported())} rows lost, in the last and "
        f"longest time, {admitted} counted; {found.broken} broken",
        good and loss.rows == admitted == final and loss.rows > 0,
    )


def full_at_the_start(bench: Bench) -> Outcome:
    """Start with a rotated log on a disk without room, and free it later."""
    webcam = Webcam(bench.folder)
    config = settings(bench.folder, "[rotation]", "daily = true", "sync_s = 0.5")
    lost_rows = again = 0
    codes = []
    with mounted(bench.folder / "stick", "-t", "tmpfs", "-o", "size=1m", "none") as disk:
        for trial in range(1, bench.trials + 1):
            log = disk / str(trial) / "faces.csv"
            _fill(disk)
            with Facet(bench.folder, *flags("0", log, config), **webcam.environment) as facet:
                facet.wait_for(CANNOT)
                facet.wait_for_row(10)
                (disk / "ballast").unlink()
                facet.wait_for(f"{AGAIN} {log} again")
                code, _ = facet.stop()
                again += facet.stderr().count(CANNOT) == 1
                found = read_log(log)
                lost_rows += lost(facet.reported(), time.monotonic(), found.keys).rows
                codes.append(code)
    return Outcome(
        "starts, one warning, no row lost, exit code 0",
        f"{again} times one warning; {lost_rows} rows lost; exit codes {set(codes)}",
        again == bench.trials and lost_rows == 0 and set(codes) == {0},
    )


def _fill(disk: Path) -> None:
    """Write until no byte fits, not even in the last page of the log."""
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue


def _number_before(stderr: str, words: str) -> int:
    """Return the last number directly before these words, or 0."""
    before = stderr.rpartition(words)[0].split()
    return int(before[-1]) if before and before[-1].isdecimal() else 0


def folder_removed(bench: Bench) -> Outcome:
    """Rename or delete the folder of the log; put it back, or an empty folder."""
    webcam = Webcam(bench.folder)
    folder, saved = bench.folder / "logs", bench.folder / "saved"
    folder.mkdir()
    saved.mkdir()
    log = folder / "faces.csv"
    config = settings(bench.folder, "[rotation]", "sync_s = 0.3")
    with Facet(bench.folder, *flags("0", log, config), **webcam.environment) as facet:
        facet.wait_for_row(10)
        for trial in range(1, bench.trials + 1):
            away = bench.folder / "away"
            # Rows in a deleted folder are gone, so it is copied first, while no row is added.
            facet.process.send_signal(signal.SIGSTOP)
            keep = trial % 3 == 1
            if trial % 3 == 0:
                shutil.copy(log, saved / f"{trial}.csv")
                shutil.rmtree(folder)
            else:
                folder.rename(away)
            facet.process.send_signal(signal.SIGCONT)
            facet.wait_for(CANNOT, trial)
            facet.wait_for_row(facet.row_count() + 20)
            if keep:
                away.rename(folder)
            else:
                folder.mkdir()
                if away.exists():
                    os.replace(away / log.name, saved / f"{trial}.csv")
                    away.rmdir()
            facet.wait_for(f"{AGAIN} {log} again", trial)
            facet.wait_for_row(facet.row_count() + 10)
        code, _ = facet.stop()
        stderr, reported = facet.stderr(), facet.reported()
    keys = read_log(log).keys
    broken = read_log(log).broken
    for path in saved.iterdir():
        older = read_log(path)
        keys, broken = keys | older.keys, broken + older.broken
    loss = lost(reported, time.monotonic(), keys)
    warnings = stderr.count(CANNOT)
    return Outcome(
        "one warning each time, no row lost (renamed, deleted, another in its place)",
        f"{warnings} warnings; {loss.rows} of {len(reported)} rows lost, {broken} broken",
        code == 0 and warnings == bench.trials and not (loss.rows or broken),
    )
