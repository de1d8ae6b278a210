"""Run a program at a firing: without a shell, with a time limit."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time

from ...errors import FacetError, UsageError, os_reason
from ...settings import RuleSettings
from ..watch import Firing
from . import PlainAction, body_of

POLL_S = 0.05
# Not for other programs: a camera's password, and the channel to systemd.
WITHHELD = ("FACET_CAMERA_PASSWORD", "FACET_CAMERA_USER", "NOTIFY_SOCKET", "WATCHDOG_USEC")


class Command(PlainAction):
    """Runs `argv`. The event is JSON on stdin, and FACET_RULE, FACET_TIME, FACET_FACE.

    What the program prints is discarded. After `timeout_s`, and when the run ends, it is killed
    with the processes that it started.
    """

    def __init__(self, rule: RuleSettings):
        self._argv, self._timeout_s = rule.argv, rule.timeout_s
        program = shutil.which(rule.argv[0])
        if program is None:
            raise UsageError(
                f'the rule "{rule.title}": there is no program {rule.argv[0]}',
                'argv = ["/path/of/the/program", "argument"]',
            )
        self._program = program

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        try:
            process = subprocess.Popen(
                self._argv,
                executable=self._program,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(firing),
                start_new_session=True,
            )
        except OSError as error:
            message = f"cannot start {self._program}: {os_reason(error)}"
            raise FacetError(message, f"ls -l {self._program}") from error
        try:
            self._send(process, body_of(firing))
            self._wait(process, stopping)
        finally:
            _end(process)

    def _send(self, process: subprocess.Popen[bytes], event: bytes) -> None:
        # A pipe takes so little at once, also if the program does not read.
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(event + b"\n")

    def _wait(self, process: subprocess.Popen[bytes], stopping: threading.Event) -> None:
        hint = f"run it by hand: {shlex.join(self._argv)}"
        until_s = time.monotonic() + self._timeout_s
        while process.poll() is None:
            if time.monotonic() > until_s:
                raise FacetError(f"{self._argv[0]} took more than {self._timeout_s:g} s", hint)
            if stopping.wait(POLL_S):
                raise FacetError(f"{self._argv[0]} was ended with the run", "a shorter program")
        if process.returncode:
            raise FacetError(f"{self._argv[0]} ended with {process.returncode}", hint)


def _environment(firing: Firing) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    face = str(firing.face.id) if firing.face else ""
    return kept | {"FACET_RULE": firing.rule, "FACET_TIME": firing.time, "FACET_FACE": face}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that still runs, with the processes of its group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
