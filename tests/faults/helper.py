"""The recognition process is stopped while the run needs it."""

import contextlib
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
from tests.faults.victim import Facet, flags, settings, wait_until

SLACK_S = 10.0  # to find the new face, and to end, on a busy computer


def stopped(bench: Bench) -> Outcome:
    """Send SIGSTOP to the recognition process; the run ends with a message and is started again."""
    if not importlib.util.find_spec("dlib"):
        raise Missing("needs dlib")
    webcam, log, people = Webcam(bench.folder), bench.folder / "faces.csv", bench.folder / "p.json"
    template = np.full((1, EMBEDDING_SIZE), 0.1, np.float32)
    write_people(people, [EnrolledPerson("Ada", datetime.now(UTC), template)])
    config = settings(bench.folder, "[people]", "enabled = true", f"file = '{people}'")

    def start(notify: dict[str, str]) -> Facet:
        return Facet(bench.folder, *flags("0", log, config), **webcam.environment, **notify)

    codes, slowest_s, told = [], 0.0, 0
    with Supervisor(bench.folder, start) as systemd:
        for _ in range(bench.trials):
            facet, ends = systemd.facet, len(systemd.ends)
            facet.wait_for_row(5)
            wait_until(lambda facet=facet: bool(_children(facet.pid)), "the recognition process")
            (child,) = _children(facet.pid)
            os.kill(child, signal.SIGSTOP)
            webcam.unplug()
            facet.wait_for("dropped")
            time.sleep(1.5)  # longer than a lost track keeps its ID: what returns is a new face
            webcam.plug(0)
            begun_s = time.monotonic()
            ended = systemd.wait_until_ended(ends + 1)
            codes.append(ended.code)
            slowest_s = max(slowest_s, ended.at_s - begun_s)
            told += "the recognition process gave no embedding" in facet.stderr()
            systemd.wait_until_ready(ends + 2)
            with contextlib.suppress(OSError):  # none is left behind
                os.kill(child, signal.SIGKILL)
                told -= 1
        reported = [row for facet in systemd.starts for row in facet.reported()]
    loss = lost(reported, time.monotonic(), read_log(log).keys)
    return Outcome(
        f"exit code 1 within {RESULT_S + SLACK_S:g} s, with a message, and started again",
        f"exit codes {', '.join(map(str, codes))}, after at most {slowest_s:.1f} s; "
        f"{told} messages; {loss.rows} rows lost",
        set(codes) == {1}
        and slowest_s <= RESULT_S + SLACK_S
        and told == bench.trials
        and not loss.rows,
    )


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
