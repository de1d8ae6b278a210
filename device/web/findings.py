"""The doctor's findings for the page: the quick checks, seldom, in a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from ..doctor.check_result import FAILURE, OK, Check, run_check
from ..doctor.checks import computer, service, software
from ..doctor.system import System
from ..settings import Settings
from ..worker import Worker

EVERY_S = 600.0
LEVELS = {OK: "ok", FAILURE: "error"}  # any other is "warning"


def quick_checks(settings: Settings) -> Iterator[Check]:
    """Yield the checks that neither open the camera nor load a network: the run has both."""
    system = System()
    yield Check("Python", partial(software.python, system))
    yield Check("packages", partial(software.packages, system))
    yield Check("encryption", partial(software.encryption, system))
    yield Check("disk", partial(computer.disk, system, settings))
    yield Check("clock", partial(computer.clock, system))
    yield Check("temperature", partial(computer.temperature, system))
    yield Check("power", partial(computer.power, system))
    yield Check("service", partial(service.state, system))
    yield Check("journal", partial(service.journal, system))


class Findings:
    """What the doctor found last. `newest` returns at once, and has the checks run if they are old.

    checks: returns those to run. clock_s: s on a monotonic clock.
    """

    def __init__(
        self,
        checks: Callable[[], Iterator[Check]],
        every_s: float = EVERY_S,
        clock_s: Callable[[], float] = time.monotonic,
    ):
        self._checks, self._every_s, self._clock_s = checks, every_s, clock_s
        self._lock = threading.Lock()
        self._found: Sequence[dict[str, Any]] = ()
        self._started_s: float | None = None
        self._worker: Worker | None = None

    def newest(self) -> Sequence[dict[str, Any]]:
        """Return [{level, name, text, hint}]; empty until the first checks are done."""
        now_s = self._clock_s()
        running = self._worker is not None and self._worker.running
        if not running and (self._started_s is None or now_s - self._started_s >= self._every_s):
            self._started_s = now_s
            self._worker = Worker("doctor", self._run).start()
        with self._lock:
            return self._found

    def _run(self, worker: Worker) -> None:
        found = []
        for check in self._checks():
            if worker.stopping.is_set():
                return
            found.append(finding(check))
        with self._lock:
            self._found = found

    def stop(self) -> None:
        """Ask running checks to end; they are not waited for."""
        if self._worker is not None:
            self._worker.stopping.set()


def finding(check: Check) -> dict[str, Any]:
    """Return the result of a check as the page shows it."""
    result = run_check(check)
    level = LEVELS.get(result.status, "warning")
    return {"level": level, "name": check.name, "text": result.message, "hint": result.fix or None}
