"""Log a status line every so many seconds, for the journal of a service."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from ..log import log
from ..text import counted
from ..types import Result

THERMAL = Path("/sys/class/thermal")


def hottest_c(thermal: Path = THERMAL) -> float | None:
    """Return the highest temperature of the kernel's sensors, degrees Celsius; None without any.

    On a Pi that is the processor's, which slows down at 80 to 85.
    """
    found = []
    for zone in thermal.glob("thermal_zone*"):
        with contextlib.suppress(OSError, ValueError):  # sleeping sensors refuse
            found.append(int((zone / "temp").read_text()) / 1000)
    return max(found, default=None)


class StatusLog:
    """A line with frames/s, faces, dropped frames and temperature.

    every_s: s between two lines. dropped: returns the number of dropped frames so far.
    temperature_c: returns degrees Celsius, None if unknown. faces: whether the line may say how
    many there were.
    """

    def __init__(
        self,
        every_s: float,
        dropped: Callable[[], int] = lambda: 0,
        temperature_c: Callable[[], float | None] = hottest_c,
        clock_s: Callable[[], float] = time.monotonic,
        faces: bool = True,
    ):
        self._faces = faces
        self._every_s, self._dropped = every_s, dropped
        self._temperature_c, self._clock_s = temperature_c, clock_s
        self._since_s = clock_s()
        self._frames = self._dropped_before = 0
        self._tracks: set[int] = set()

    def __enter__(self) -> "StatusLog":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, result: Result) -> None:
        now_s = self._clock_s()
        self._frames += 1
        self._tracks.update(face.id for face in result.faces)
        if now_s - self._since_s >= self._every_s:
            log.info("%s", self._line(now_s - self._since_s))
            self._since_s, self._frames, self._tracks = now_s, 0, set()

    def _line(self, seconds: float) -> str:
        dropped = self._dropped()
        parts = [
            f"{self._frames / seconds:.1f} frames/s",
            *([counted(len(self._tracks), "face")] if self._faces else []),
            f"{dropped - self._dropped_before} dropped",
        ]
        self._dropped_before = dropped
        temperature_c = self._temperature_c()
        if temperature_c is not None:
            parts.append(f"{temperature_c:.0f} °C")
        return f"last {seconds:.0f} s: " + ", ".join(parts)
