"""Do for a process what systemd does for a service of Type=notify: watch it and start it again.

Of the unit it takes Restart=on-failure, RestartPreventExitStatus, TimeoutStopSec and, unless given
otherwise, WatchdogSec and RestartSec.
"""

import configparser
import contextlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.victim import PATIENCE_S, ROOT, Facet, wait_until

UNIT = ROOT / "systemd" / "facet.service"
STEP_S = 0.05


def unit() -> configparser.SectionProxy:
    """Return the [Service] part of the unit that the installer installs."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str
    parser.read(UNIT)
    return parser["Service"]


@dataclass(frozen=True)
class Ended:
    """How one start ended."""

    code: int  # as subprocess gives it: -6 for SIGABRT
    by_watchdog: bool
    at_s: float
    silent_s: float  # since the last sign of life


class Supervisor:
    """Keeps one service running; a context manager that ends it.

    start: starts the process with the given environment. watchdog_s, restart_s: in place of the
    unit's.
    """

    def __init__(
        self,
        folder: Path,
        start: Callable[[dict[str, str]], Facet],
        watchdog_s: float | None = None,
        restart_s: float = 0.2,
    ):
        service = unit()
        self._start, self._restart_s = start, restart_s
        self._watchdog_s = watchdog_s or float(service["WatchdogSec"])
        self._stop_s = float(service["TimeoutStopSec"])
        assert service["Type"] == "notify" and service["Restart"] == "on-failure"
        self._final = {0, -signal.SIGTERM, *map(int, service["RestartPreventExitStatus"].split())}
        address = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._socket.settimeout(STEP_S)
        micros = str(round(self._watchdog_s * 1e6))
        self._environment = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": micros}
        self.starts: list[Facet] = []
        self.ends: list[Ended] = []
        self.ready = threading.Event()  # of the start that runs now
        self.status = ""
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="systemd", daemon=True)

    def __enter__(self):
        self._thread.start()
        self.wait_until_ready()
        return self

    def __exit__(self, *exc):
        self._leaving.set()
        self._thread.join()
        for start in self.starts:
            start.__exit__()
        self._socket.close()

    @property
    def facet(self) -> Facet:
        """The process that was started last."""
        return self.starts[-1]

    def wait_until_ready(self, starts: int = 1) -> None:
        """Return when the process that was started as that number is ready, or a later one."""
        wait_until(lambda: len(self.starts) >= starts and self.ready.is_set(), "READY=1")

    def wait_until_ended(self, count: int, patience_s: float = PATIENCE_S) -> Ended:
        """Return how a start of that number ended."""
        wait_until(lambda: len(self.ends) >= count, "the end of the service", patience_s)
        return self.ends[count - 1]

    def restart(self) -> None:
        """Do what `systemctl restart` does, and return when it is ready or has failed."""
        count = len(self.starts)
        self.ready.clear()
        self.facet.process.send_signal(signal.SIGTERM)
        self.wait_until_ended(count)
        if not self._leaving.is_set():
            self._thread.join()
            self._thread = threading.Thread(target=self._run, name="systemd", daemon=True)
            self._thread.start()
            wait_until(lambda: self.ready.is_set() or len(self.ends) > count, "the new start")

    def _run(self) -> None:
        while not self._leaving.is_set():
            self.ready.clear()
            self.starts.append(self._start(self._environment))
            ended = self._supervise(self.facet.process)
            self.ends.append(ended)
            if ended.code in self._final and not ended.by_watchdog:
                return
            self._leaving.wait(self._restart_s)

    def _supervise(self, process: subprocess.Popen) -> Ended:
        alive_s = time.monotonic()
        while process.poll() is None:
            for name, value in self._received():
                if name in ("READY", "WATCHDOG"):
                    alive_s = time.monotonic()
                if name == "READY":
                    self.ready.set()
                if name == "STATUS":
                    self.status = value
            silent_s = time.monotonic() - alive_s
            if self.ready.is_set() and silent_s > self._watchdog_s:
                self._end(process, signal.SIGABRT)
                return Ended(process.returncode, True, time.monotonic(), silent_s)
            if self._leaving.is_set():
                self._end(process, signal.SIGTERM)
        return Ended(process.returncode, False, time.monotonic(), time.monotonic() - alive_s)

    def _received(self) -> list[tuple[str, str]]:
        try:
            lines = self._socket.recv(4096).decode().split("\n")
        except TimeoutError:
            return []
        return [(name, value) for name, _, value in (line.partition("=") for line in lines)]

    def _end(self, process: subprocess.Popen, number: int) -> None:
        """Send the signal and, as systemd does, one to go on; kill what does not end in time."""
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._stop_s)
        process.kill()
        process.wait()
