"""The recognition process is stopped, killed or fails while the run needs it."""

import importlib.util
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from device.recognition.embedding import EMBEDDING_SIZE
from device.recognition.embedding_process import RESULT_S
from device.recognition.store import EnrolledPerson, write_people
from tests.faults.fault import Bench, Missing, Outcome
from tests.faults.logs import lost, read_log
from tests.faults.scenery import Webcam
from tests.faults.systemd import Supervisor
from tests.faults.victim import Facet, children, flags, settings, wait_until

SLACK_S = 30.0  # to find the new face, and to load the network anew, on a busy computer
FAULT, AGAIN = "it is started again", "the recognition process runs again"


def stopped(bench: Bench) -> Outcome:
    """Kill or stop the recognition process; the same run replaces it, and names come back."""
    if not importlib.util.find_spec("dlib"):
        raise Missing("needs dlib")
    webcam, log, people = Webcam(bench.folder), bench.folder / "faces.csv", bench.folder / "p.json"
    template = np.full((1, EMBEDDING_SIZE), 0.1, np.float32)
    write_people(people, [EnrolledPerson("Ada", datetime.now(UTC), template)])
    config = settings(bench.folder, "[people]", "enabled = true", f"file = '{people}'")

    def start(notify: dict[str, str]) -> Facet:
        return Facet(bench.folder, *flags("0", log, config), **webcam.environment, **notify)

    named, slowest_s = 0, 0.0
    with Supervisor(bench.folder, start) as systemd:
        facet = systemd.facet
        for trial in range(bench.trials):
            wait_until(lambda: _named_rows(log) > 0, "a name")
            (child,) = children(facet.pid)
            os.kill(child, (signal.SIGKILL, signal.SIGSTOP)[trial % 2])
            begun_s = time.monotonic()
            webcam.unplug()
            time.sleep(1.5)  # longer than a lost track keeps its ID: what returns is a new face
            before = _named_rows(log)
            webcam.plug(0)
            wait_until(lambda before=before: _named_rows(log) > before + 5, "names again", 120.0)
            named += children(facet.pid) != [child]
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
        code, _ = facet.stop()
        starts, stderr, reported = len(systemd.starts), facet.stderr(), facet.reported()
    loss = lost(reported, time.monotonic(), read_log(log).keys)
    lines = stderr.count(FAULT)
    return Outcome(
        f"a new process and names within {RESULT_S + SLACK_S:g} s, in the same run; "
        "at most a line a minute",
        f"{named} times named again, after at most {slowest_s:.1f} s; {starts - 1} restarts; "
        f"{lines} lines; {loss.rows} rows lost",
        named == bench.trials
        and slowest_s <= RESULT_S + SLACK_S
        and (starts, code) == (1, 0)
        and 1 <= lines <= bench.trials
        and not loss.rows,
    )


def _named_rows(log: Path) -> int:
    return sum(bool(row["person"]) for row in read_log(log).rows)
