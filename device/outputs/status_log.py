"""Say now and then in one line how it goes, for whoever reads the journal of a service."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from ..log import log
from . import Result

THERMAL = Path("/sys/class/thermal")


def faces(count: int) -> str:
    """Return "1 face", "2 faces"."""
    return f"{count} face" + "s" * (count != 1)


def hottest_c(thermal: Path = THERMAL) -> float | None:
    """Return the highest temperature that the kernel tells, degrees Celsius; None if it tells none.

    On a Pi that is the processor's; it slows itself down at 80 to 85.
    """
    found = []
    for zone in thermal.glob("thermal_zone*"):
        with contextlib.suppress(OSError, ValueError):  # sleeping sensors refuse
            found.append(int((zone / "temp").read_text()) / 1000)
    return max(found, default=None)


class StatusLog:
    """A line every so many seconds: frames/s, how many people came, dropped frames, temperature.

    every_s: s between two lines. dropped: returns how many frames nobody took so far. warmth_c:
    returns degrees Celsius, None where the computer does not tell.
    """

    def __init__(
        self,
        every_s: float,
        dropped: Callable[[], int] = lambda: 0,
        warmth_c: Callable[[], float | None] = hottest_c,
        clock_s: Callable[[], float] = time.monotonic,
    ):
        self._every_s, self._dropped = every_s, dropped
        self._warmth_c, self._clock_s = warmth_c, clock_s
        self._since_s = clock_s()
        self._frames = self._dropped_before = 0
        self._people: set[int] = set()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, result: Result) -> bool:
        now_s = self._clock_s()
        self._frames += 1
        self._people.update(track.id for track in result.tracks)
        if now_s - self._since_s >= self._every_s:
            log.info(self._line(now_s - self._since_s))
            self._since_s, self._frames, self._people = now_s, 0, set()
        return True

    def _line(self, seconds: float) -> str:
        dropped = self._dropped()
        parts = [
            f"{self._frames / seconds:.1f} frames/s",
            faces(len(self._people)),
            f"{dropped - self._dropped_before} dropped",
        ]
        self._dropped_before = dropped
        warmth_c = self._warmth_c()
        if warmth_c is not None:
            parts.append(f"{warmth_c:.0f} °C")
        return f"last {seconds:.0f} s: " + ", ".join(parts)
