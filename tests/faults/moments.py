"""Stopped at any moment: by kill -9, and as systemd stops a service."""

import time

from tests.faults.fault import Bench, Outcome
from tests.faults.logs import NOTHING, ReportedRow, lost, read_log
from tests.faults.scenery import Webcam, film
from tests.faults.stalls import Stalls
from tests.faults.victim import Facet, flags, settings

STOP_S = 2.0
RUNNING_S = 2.0  # of its life, at most
# Rows that a kill may lose: those that are not yet passed to the kernel, within milliseconds, or
# half a second where other programs use every processor.
WRITTEN_S = 0.8  # far less than RUNNING_S, or no loss could exceed it
# A life in which the computer stood still for longer shows the computer's delays, not Facet's.
STALL_S = 0.3
MOST_LIVES = 5  # times the trials


def _start_s(bench: Bench, arguments) -> float:
    """Return how long a start takes until the first row, on this computer as busy as it is."""
    begun = time.monotonic()
    with Facet(bench.folder, *arguments) as facet:
        facet.wait_for_row()
    return time.monotonic() - begun


def _wait(bench: Bench, facet: Facet, start_s: float) -> None:
    """Return at a random moment of a start, every fourth time, or of the work after it."""
    if bench.rng.random() < 0.25:
        time.sleep(bench.rng.uniform(0, start_s))
    else:
        facet.wait_for_row()
        time.sleep(bench.rng.uniform(0, RUNNING_S))


def kill_9(bench: Bench) -> Outcome:
    """Kill one after the other on the same log, which is rotated and compressed meanwhile."""
    log = bench.folder / "faces.csv"
    config = settings(bench.folder, "[rotation]", "sync_s = 60", "max_mb = 0.05")
    arguments = flags(film(bench.folder), log, config)
    start_s = _start_s(bench, arguments)
    lives: list[tuple[list[ReportedRow], float]] = []
    stalled = 0
    for _ in range(MOST_LIVES * bench.trials):
        with Facet(bench.folder, *arguments) as facet, Stalls(bench.folder) as stalls:
            _wait(bench, facet, start_s)
            killed_s = facet.kill()
        if stalls.longest_s <= STALL_S:
            lives.append((facet.reported(), killed_s))
        else:
            stalled += 1
        if len(lives) == bench.trials:
            break
    with Facet(bench.folder, *arguments, "--max-frames", 5) as last:  # removes a torn line
        code = last.end()
    found = read_log(log)
    loss = sum((lost(reported, end_s, found.keys) for reported, end_s in lives), NOTHING)
    passed = code == 0 and not found.broken and bool(found.rows) and loss.longest_s <= WRITTEN_S
    return Outcome(
        f"0 broken rows, none lost that is older than {WRITTEN_S:g} s, without any sync",
        f"{found.broken} broken of {len(found.rows)} rows; {loss.rows} lost, "
        f"the oldest {loss.longest_s:.2f} s"
        + f"; {stalled} lives repeated, as the computer stood still"
        * bool(stalled),
        None if passed and not lives else passed,
    )


def sigterm(bench: Bench) -> Outcome:
    """Stop one after the other on the same log, every second time before a camera."""
    log, webcam = bench.folder / "faces.csv", Webcam(bench.folder)
    sources = [
        (flags(film(bench.folder), log), {}),
        (flags("0", log), webcam.environment),
    ]
    start_s = _start_s(bench, sources[0][0])
    slowest_s, reported, bad = 0.0, [], 0
    for trial in range(bench.trials):
        arguments, more = sources[trial % 2]
        with Facet(bench.folder, *arguments, **more) as facet:
            _wait(bench, facet, start_s)
            code, took_s = facet.stop()
            slowest_s = max(slowest_s, took_s)
            # Before Facet has read its flags SIGTERM ends Python itself, which systemd takes well.
            bad += code not in (0, -15) or "Traceback" in facet.stderr()
            reported += facet.reported()
    found = read_log(log)
    loss = lost(reported, time.monotonic(), found.keys)
    return Outcome(
        f"ends within {STOP_S:g} s, every row on the disk",
        f"slowest {slowest_s:.2f} s; {loss.rows} of {len(reported)} rows lost, "
        f"{found.broken} broken" + f"; {bad} ended badly" * bool(bad),
        slowest_s <= STOP_S and not (loss.rows or found.broken or bad) and bool(reported),
    )
