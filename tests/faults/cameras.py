"""The camera is pulled out and plugged in again, or freezes."""

import signal
import time

from device.camera.newest_frame import FRAME_TIMEOUT_S
from device.camera.reconnect import STEADY_S
from tests.faults.fault import Bench, Outcome
from tests.faults.logs import lost, read_log
from tests.faults.moments import WRITTEN_S
from tests.faults.scenery import Webcam
from tests.faults.systemd import Supervisor, unit
from tests.faults.victim import Facet, flags, handles

WATCHDOG_S = 2.0  # in place of the unit's, so that a trial takes seconds
SLACK_S = 1.5  # in which the supervisor finds out, on a busy computer


def unplugged(bench: Bench) -> Outcome:
    """Pull the camera out of a process that goes on, and plug it in under some number."""
    webcam, log = Webcam(bench.folder), bench.folder / "faces.csv"
    with Facet(bench.folder, *flags("0", log), **webcam.environment) as facet:
        facet.wait_for_row()
        before = after = handles(facet.pid)
        slowest_s = 0.0
        for trial in range(1, bench.trials + 1):
            # Sooner again, and the pauses would grow; a line a minute tells of it.
            time.sleep(STEADY_S + bench.rng.uniform(0, 0.2))
            webcam.unplug()
            if trial == 1:
                facet.wait_for("dropped, trying to open it again", trial)
            time.sleep(bench.rng.uniform(0.3, 1.1))
            webcam.plug(bench.rng.randrange(8))
            back_s = time.monotonic()
            facet.wait_for_row(facet.row_count() + 1)
            slowest_s = max(slowest_s, time.monotonic() - back_s)
            after = handles(facet.pid)
        code, _ = facet.stop()
        loss = lost(facet.reported(), time.monotonic(), (found := read_log(log)).keys)
    files, threads = (later - earlier for later, earlier in zip(after, before, strict=True))
    good = code == 0 and not loss.rows and not found.broken
    return Outcome(
        "rows again each time, by the same process with no handle or thread more",
        f"{bench.trials} times back, at most {slowest_s:.1f} s after plugging in; "
        f"{files:+d} files, {threads:+d} threads; {loss.rows} rows lost",
        good and files <= 0 and threads <= 0,
    )


def frozen(bench: Bench) -> Outcome:
    """Freeze the camera, its driver or the whole process; the watchdog must restart it."""
    webcam, log = Webcam(bench.folder), bench.folder / "faces.csv"
    arguments = flags("0", log)

    def start(notify: dict[str, str]) -> Facet:
        return Facet(bench.folder, *arguments, **webcam.environment, **notify)

    by_watchdog, slowest_s = 0, 0.0
    stopped_s: list[float] = []
    with Supervisor(bench.folder, start, WATCHDOG_S) as systemd:
        for trial in range(bench.trials):
            facet, ends = systemd.facet, len(systemd.ends)
            facet.wait_for_row(5)
            if trial % 3 == 2:
                facet.process.send_signal(signal.SIGSTOP)
                stopped_s.append(time.monotonic())
            else:
                webcam.set(("silent", "hung")[trial % 3])
            ended = systemd.wait_until_ended(ends + 1)
            by_watchdog += ended.by_watchdog
            slowest_s = max(slowest_s, ended.silent_s)
            webcam.set("alive")
            systemd.wait_until_ready(ends + 2)
            systemd.facet.wait_for_row()
        reported = [row for facet in systemd.starts for row in facet.reported()]
    found = read_log(log)
    # A stop and SIGABRT cost what kill -9 does: rows that had not reached the kernel.
    written = [row for row in reported if not any(0 <= s - row.at_s < WRITTEN_S for s in stopped_s)]
    loss = lost(written, time.monotonic(), found.keys)
    limit_s = WATCHDOG_S + SLACK_S
    return Outcome(
        f"ended by the watchdog ({WATCHDOG_S:g} s here) and started again, rows again; "
        f"no row lost but of the last {WRITTEN_S:g} s before SIGSTOP",
        f"{by_watchdog} times by the watchdog, at most {slowest_s:.1f} s after the last sign of "
        f"life; {loss.rows} rows lost, {found.broken} broken",
        by_watchdog == bench.trials and slowest_s <= limit_s and not (loss.rows or found.broken),
    )


def silent(bench: Bench) -> Outcome:
    """Freeze the camera under the unit's own watchdog: Facet ends before it, and is started."""
    webcam, log = Webcam(bench.folder), bench.folder / "faces.csv"
    watchdog_s = float(unit()["WatchdogSec"])

    def start(notify: dict[str, str]) -> Facet:
        return Facet(bench.folder, *flags("0", log), **webcam.environment, **notify)

    codes, slowest_s = [], 0.0
    with Supervisor(bench.folder, start) as systemd:
        for _ in range(bench.trials):
            facet, ends = systemd.facet, len(systemd.ends)
            facet.wait_for_row(5)
            webcam.set("silent")
            frozen_s = time.monotonic()
            ended = systemd.wait_until_ended(ends + 1)
            codes.append(ended.code)
            slowest_s = max(slowest_s, ended.at_s - frozen_s)
            webcam.set("alive")
            systemd.wait_until_ready(ends + 2)
            systemd.facet.wait_for_row()
    return Outcome(
        f"exit code 1 after {FRAME_TIMEOUT_S:g} s, "
        f"started again before {watchdog_s:g} s (WatchdogSec)",
        f"exit codes {', '.join(map(str, codes))}, after at most {slowest_s:.1f} s",
        set(codes) == {1} and slowest_s < watchdog_s,
    )
