"""Notify systemd as a service of Type=notify does: ready, alive, status, stopping.

The protocol is a datagram of VARIABLE=value lines to the socket that NOTIFY_SOCKET names; Facet
uses nothing else of it, so it needs no library.
"""

import os
import re
import socket
from collections.abc import Callable, Mapping

from ..text import counted, printable
from ..types import Result
from ..worker import Worker

STATUS_S = 10.0  # between two status lines if systemd asked for no watchdog


class SystemdNotifier:
    """An output that keeps systemd informed, and writes nothing.

    READY=1 is sent when the first frame has been analyzed, or at once while an absent camera is
    waited for. From then on WATCHDOG=1 is sent only if
    more frames were analyzed since the last time, or the camera is `reconnecting`: so systemd
    restarts a Facet whose camera or model hangs. address: of systemd's socket. watchdog_s:
    systemd's limit between two WATCHDOG=1, s.
    """

    def __init__(
        self,
        address: str,
        watchdog_s: float | None,
        reconnecting: Callable[[], bool],
        faces: bool = True,
    ):
        # A name in the abstract namespace is written with an @ in place of its zero.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = watchdog_s / 4 if watchdog_s else STATUS_S
        self._reconnecting, self._faces = reconnecting, faces
        self._frames, self._ready = 0, False
        self._last: Result | None = None
        self._watchdog = Worker("watchdog", self._watch)

    def __enter__(self) -> "SystemdNotifier":
        absent = self._reconnecting()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if absent:
            self._start("waiting for the camera")
        return self

    def __exit__(self, *exc: object) -> None:
        self._notify("STOPPING=1", "STATUS=stopping")
        try:
            self._watchdog.__exit__(*exc)
        finally:
            self._socket.close()

    def write(self, result: Result) -> None:
        self._frames, self._last = self._frames + 1, result
        if not self._ready:
            self._start(status(result, self._faces))
        self._watchdog.check()

    def _start(self, text: str) -> None:
        self._ready = True
        self._notify("READY=1", f"STATUS={text}")
        self._watchdog.start()

    def _watch(self, worker: Worker) -> None:
        notified = 0
        while not worker.stopping.wait(self._every_s):
            frames, last = self._frames, self._last
            if last is not None and frames > notified:
                self._notify("WATCHDOG=1", f"STATUS={status(last, self._faces)}")
            elif self._reconnecting():
                source = f"{last.frame.source}: reconnecting" if last else "waiting for the camera"
                self._notify("WATCHDOG=1", f"STATUS={source}")
            notified = frames

    def _notify(self, *lines: str) -> None:
        try:
            # Not waited for: a busy systemd must delay no frame.
            # Printable: a line break in a source's name would begin another variable.
            text = "\n".join(map(printable, lines)).encode()
            self._socket.sendto(text, socket.MSG_DONTWAIT, self._address)
        except OSError:  # the socket is gone
            return


def status(result: Result, faces: bool = True) -> str:
    """Return what `systemctl status` shows: usb:0, 14.9 frames/s, 2 faces.

    faces: whether it may say how many there are.
    """
    text = f"{result.frame.source}, {result.fps:.1f} frames/s"
    return f"{text}, {counted(len(result.faces), 'face')}" if faces else text


def systemd_notifier(
    reconnecting: Callable[[], bool],
    environment: Mapping[str, str] = os.environ,
    faces: bool = True,
) -> SystemdNotifier | None:
    """Return the output that informs systemd; None unless systemd asked (NOTIFY_SOCKET).

    reconnecting: whether the camera has dropped and is being reopened. faces: whether it may learn
    how many there are.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    micros = environment.get("WATCHDOG_USEC", "")
    watchdog_s = int(micros) / 1e6 if re.fullmatch("[0-9]{1,15}", micros) else None
    return SystemdNotifier(address, watchdog_s or None, reconnecting, faces)
