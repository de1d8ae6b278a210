"""A user or a time server sets the clock forth and back."""

import csv
import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from device.rowlog.csv_format import UNSET
from tests.device.camera.webcam import build
from tests.faults.fault import Bench, Outcome
from tests.faults.logs import ReportedRow, lost, read_log
from tests.faults.scenery import Webcam
from tests.faults.systemd import Supervisor
from tests.faults.victim import ROOT, Facet, flags, settings

HOUR, DAY, YEAR = 3600, 86_400, 31_557_600
STEPS = (1, 60, HOUR, DAY, 40 * DAY, YEAR, 10 * YEAR)  # s, forth and back
SLACK_S = 1.0  # of a dwell
DOUBLE = ROOT / "tests" / "device" / "doubles" / "clock.c"


def set_to_and_fro(bench: Bench) -> Outcome:
    """Set the clock while a face is visible, with a file a day and a watchdog."""
    webcam, log = Webcam(bench.folder), bench.folder / "faces.csv"
    visits, offset = bench.folder / "visits.csv", bench.folder / "offset"
    offset.write_text("0")
    library = build(DOUBLE, bench.folder / "clock.so")
    config = settings(bench.folder, "[rotation]", "daily = true", "sync_s = 0.3")
    both = f"{webcam.environment['LD_PRELOAD']} {library}"
    more = webcam.environment | {"LD_PRELOAD": both, "CLOCK_DOUBLE": str(offset)}
    arguments = (*flags("0", log, config), "--events", visits)

    def start(notify: dict[str, str]) -> Facet:
        return Facet(bench.folder, *arguments, **more, **notify)

    with Supervisor(bench.folder, start) as systemd:
        facet = systemd.facet
        facet.wait_for_row(5)
        days = 1
        latest = 0
        for _ in range(bench.trials):
            seconds = bench.rng.choice(STEPS) * bench.rng.choice((1, -1))
            new = offset.with_name("new")
            new.write_text(str(seconds))
            new.replace(offset)
            facet.wait_for_row(facet.row_count() + 15)
            days += seconds // DAY > latest
            latest = max(latest, seconds // DAY)
        offset.write_text("0")
        facet.wait_for_row(facet.row_count() + 5)
        code, _ = facet.stop()
        starts = len(systemd.starts)
    reported = facet.reported()
    found = read_log(log)
    loss = lost(reported, time.monotonic(), found.keys)
    files = len(list(bench.folder.glob("faces*")))
    visible_s = reported[-1].at_s - reported[0].at_s
    tracks = {row["track"] for row in found.rows}
    dwells = [float(row["dwell_s"]) for row in _visits(visits)]
    jumps = sum(
        abs((_time(two) - _time(one)).days) > 0 for one, two in itertools.pairwise(reported)
    )
    good = code == 0 and starts == 1 and not (loss.rows or found.broken) and jumps > 0
    return Outcome(
        "no row lost, no restart, one visit as long as it was, no more files than days",
        f"{loss.rows} of {len(reported)} rows lost, {found.broken} broken; {starts - 1} restarts; "
        f"{len(dwells)} visit of {dwells[0]:.1f} s ({visible_s:.1f} s); {files} files",
        good
        and len(dwells) == len(tracks) == 1
        and abs(dwells[0] - visible_s) < SLACK_S
        and files <= days + 1,
    )


def jump_forward(bench: Bench) -> Outcome:
    """Start ten years ahead beside a log of 40 days, of which 30 are kept; then with the clock
    right."""
    webcam, log = Webcam(bench.folder), bench.folder / "faces.csv"
    offset = bench.folder / "offset"
    library = build(DOUBLE, bench.folder / "clock.so")
    rules = ("daily = true", "keep_days = 30", "compress = false")
    config = settings(bench.folder, "[rotation]", *rules)
    both = f"{webcam.environment['LD_PRELOAD']} {library}"
    more = webcam.environment | {"LD_PRELOAD": both, "CLOCK_DOUBLE": str(offset)}
    today = datetime.now(UTC).date()
    days = [(today - timedelta(days=back)).isoformat() for back in range(1, 41)]
    left, told = [], []
    for _ in range(bench.trials):
        for day in days:
            path = bench.folder / f"faces.{day}.csv"
            path.write_text(f"time,frame,track\n{day}T00:00:00.000Z,1,1\n")
        for seconds in (10 * YEAR, 0):
            offset.write_text(str(seconds))
            with Facet(bench.folder, *flags("0", log, config), **more) as facet:
                facet.wait_for_row(40)  # the older files are tidied at the start
                facet.stop()
                told.append("deleted" in facet.stderr())
            left.append(sum((bench.folder / f"faces.{day}.csv").exists() for day in days))
    return Outcome(
        "ten years ahead no file goes; with the clock right those of more than 30 days go, told",
        f"{left[0]} and then {left[1]} of {len(days)} files left; told: {told[0]}, {told[1]}",
        left == [40, 30] * bench.trials and told == [False, True] * bench.trials,
    )


def _time(row: ReportedRow) -> datetime:
    return datetime.fromisoformat(row.key[0].removesuffix(UNSET))


def _visits(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
