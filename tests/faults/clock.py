"""A user or a time server sets the clock forth and back."""

import csv
import itertools
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from device.rowlog.csv_format import UNSET
from tests.device.camera.webcam import build
from tests.faults.fault import Bench, Outcome
from tests.faults.logs import Key, ReportedRow, key, lost, read_log
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


def set_after_the_start(bench: Bench) -> Outcome:
    """Start 40 days behind, as a Pi that was off for so long; then a time server answers.

    The next start, with the clock right, deletes by age, with 30 days to keep.
    """
    webcam, log = Webcam(bench.folder), bench.folder / "faces.csv"
    offset, timesync = bench.folder / "offset", bench.folder / "timesync"
    library = build(DOUBLE, bench.folder / "clock.so")
    config = settings(bench.folder, "[rotation]", "daily = true", "keep_days = 30", "sync_s = 0.3")
    both = f"{webcam.environment['LD_PRELOAD']} {library}"
    more = {"LD_PRELOAD": both, "CLOCK_DOUBLE": str(offset), "TIMESYNC_DOUBLE": str(timesync)}
    environment = webcam.environment | more
    now = datetime.now(UTC)
    old = bench.folder / f"faces.{(now - timedelta(days=35)).date()}.csv"
    yesterday = now - timedelta(hours=26)
    recent = bench.folder / f"faces.{yesterday.date()}.csv"  # so that the date is trusted
    good = marked = unmarked = lost_rows = 0
    for _ in range(bench.trials):
        timesync.mkdir()
        offset.write_text(str(-40 * DAY))
        with Facet(bench.folder, *flags("0", log, config), **environment) as facet:
            facet.wait_for_row(10)
            offset.write_text("0")
            (timesync / "synchronized").touch()
            facet.wait_for_row(facet.row_count() + 60)
            facet.stop()
            reported = [_unmarked(row.key) for row in facet.reported()]
        times = [row["time"] for row in read_log(log).rows]
        before = [text for text in times if _time_of(text) < yesterday]
        marked += sum(text.endswith(UNSET) for text in before)
        unmarked += sum(not text.endswith(UNSET) for text in before)
        for path, day in ((old, old.name[6:16]), (recent, f"{yesterday:%Y-%m-%d}")):
            path.write_text(f"time,frame,track\n{day}T{yesterday:%H:%M:%S}.000Z,1,1\n")
        with Facet(bench.folder, *flags("0", log, config), **environment) as facet:
            facet.wait_for("deleted")
            facet.stop()
        recent.unlink(missing_ok=True)
        recent.with_name(f"{recent.name}.gz").unlink(missing_ok=True)
        rows = read_log(log).rows
        lost_rows += len(set(reported) - {_unmarked(key(row)) for row in rows})
        good += not old.exists() and not rows[-1]["time"].endswith(UNSET)
        shutil.rmtree(timesync)
    return Outcome(
        "rows of before carry a mark, later ones none, all are kept; a file of 35 days goes",
        f"{marked} rows of before with a mark, {unmarked} without; {lost_rows} rows lost; "
        f"{good} times the older file alone went and the last row had no mark",
        good == bench.trials and marked >= 10 * bench.trials and not (unmarked or lost_rows),
    )


def _unmarked(row: Key) -> Key:
    """Return a row's key without a mark: the row and its report may be on two sides of the set."""
    return (row[0].removesuffix(UNSET), row[1], row[2])


def _time_of(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix(UNSET))


def _time(row: ReportedRow) -> datetime:
    return _time_of(row.key[0])


def _visits(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
