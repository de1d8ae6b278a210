"""Tell systemd how a service of Type=notify does: ready, alive, what it sees, about to end.

The protocol is a datagram of VARIABLE=value lines to the socket that NOTIFY_SOCKET names; these
lines are all of it that Facet needs, so there is no library for it.
"""

import os
import socket
import threading
from collections.abc import Callable, Mapping

from . import Result
from .status_log import faces

STATUS_S = 10.0  # between two status lines where systemd asked for no watchdog


class Service:
    """An output that keeps systemd informed, and writes nothing.

    READY=1 is sent when the first frame has gone through every model. From then on WATCHDOG=1 goes
    out only if more frames went through since the last time, or the camera is `away` and looked
    for: so systemd restarts a Facet whose camera or model hangs. address: of systemd's socket.
    watchdog_s: what systemd waits for a WATCHDOG=1, s.
    """

    def __init__(self, address: str, watchdog_s: float | None, away: Callable[[], bool]):
        # A name in the abstract namespace is written with an @ in place of its zero.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every_s = watchdog_s / 4 if watchdog_s else STATUS_S
        self._away = away
        self._frames = 0
        self._last: Result | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        return self

    def __exit__(self, *exc):
        self._tell("STOPPING=1", "STATUS=ending")
        self._ended.set()
        if self._last:
            self._thread.join()
        self._socket.close()

    def write(self, result: Result) -> bool:
        first = self._last is None
        self._frames, self._last = self._frames + 1, result
        if first:
            self._tell("READY=1", f"STATUS={status(result)}")
            self._thread.start()
        return True

    def _watch(self) -> None:
        seen = 0
        while not self._ended.wait(self._every_s):
            frames = self._frames
            if frames > seen:
                self._tell("WATCHDOG=1", f"STATUS={status(self._last)}")
            elif self._away():
                self._tell("WATCHDOG=1", f"STATUS={self._last.frame.source} is away, looked for")
            seen = frames

    def _tell(self, *lines: str) -> None:
        try:
            # Not waited for: a systemd that is busy must hold up no frame.
            text = "\n".join(lines).encode("utf-8", "backslashreplace")
            self._socket.sendto(text, socket.MSG_DONTWAIT, self._address)
        except OSError:  # nobody listens any more, and that is not what Facet is for
            return


def status(result: Result) -> str:
    """Return what `systemctl status` shows: usb:0, 14.9 frames/s, 2 faces."""
    source = " ".join(result.frame.source.split())  # a line break would begin another variable
    return f"{source}, {result.fps:.1f} frames/s, {faces(len(result.tracks))}"


def service(
    away: Callable[[], bool], environment: Mapping[str, str] = os.environ
) -> Service | None:
    """Return the output that informs systemd; None where systemd did not ask (NOTIFY_SOCKET).

    away: whether the camera has dropped and is being looked for.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    micros = environment.get("WATCHDOG_USEC", "")
    watchdog_s = int(micros) / 1e6 if micros.isdecimal() else None
    return Service(address, watchdog_s or None, away)
