"""Start Facet's command in a process of its own, and read what it reports."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.logs import ReportedRow

ROOT = Path(__file__).parents[2]
# For what must happen soon, on a busy computer.
PATIENCE_S = float(os.environ.get("FACET_FAULT_PATIENCE_S", "60"))
WITNESS = "tests.faults.witness"
_numbers = itertools.count()


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without a screen or a service manager, and with `more`."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "NOTIFY_SOCKET")}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; AssertionError names what did not happen."""
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, f"waited {patience_s:.0f} s for {what}"
        time.sleep(0.01)


class Facet:
    """One process of the command; a context manager that leaves none behind.

    arguments: flags of device.run. more: of the environment.
    """

    def __init__(self, folder: Path, *arguments: object, program: str = WITNESS, **more: str):
        number = next(_numbers)
        self._stderr, self._stdout = folder / f"stderr.{number}", folder / f"stdout.{number}"
        command = [sys.executable, "-m", program, *map(str, arguments)]
        with self._stderr.open("wb") as stderr, self._stdout.open("wb") as stdout:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment(**more), stdout=stdout, stderr=stderr
            )

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def stderr(self) -> str:
        """Return what it has written to stderr so far."""
        return self._stderr.read_text(errors="replace")

    def reported(self) -> list[ReportedRow]:
        """Return the rows that its log has taken so far."""
        return [ReportedRow.of(line) for line in self._stdout.read_text().splitlines()]

    def has_rows(self) -> bool:
        """Whether its log has taken a row."""
        return self._stdout.stat().st_size > 0

    def wait_for(self, words: str, times: int = 1) -> None:
        """Return when stderr has these words so often."""
        self.wait_until(lambda: self.stderr().count(words) >= times, f"{words!r}")

    def wait_for_row(self, after: int = 0) -> None:
        """Return when its log has taken more than `after` rows."""
        self.wait_until(lambda: self.row_count() > after, "a row")

    def row_count(self) -> int:
        """Return how many rows its log has taken so far."""
        return self._stdout.read_bytes().count(b"\n")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        def ended_or() -> bool:
            assert self.process.poll() is None, (
                f"ended while {what} was due: {self.stderr()[-300:]}"
            )
            return condition()

        wait_until(ended_or, what)

    def kill(self) -> float:
        """Kill it and return when, s on the monotonic clock."""
        killed_s = time.monotonic()
        self.process.kill()
        self.process.wait()
        return killed_s

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code, and how long it took to end, s."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        return self.process.returncode, time.monotonic() - begun

    def end(self) -> int:
        """Return the exit code once it has ended by itself."""
        return self.process.wait(PATIENCE_S)


def handles(pid: int) -> tuple[int, int]:
    """Return how many files a process has open, and how many threads it has."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def settings(folder: Path, *lines: str) -> Path:
    """Write a settings file and return its path."""
    path = folder / "facet.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def flags(source: object, log: Path, config: Path | None = None) -> Sequence[object]:
    """Return the flags of a command that logs every frame, with the settings of `config`."""
    shared = ("--headless", "--camera", source, "--log", log, "--log-every", 0)
    return (*shared, "--config", config) if config else shared
