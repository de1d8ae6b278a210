"""Log a status line about several cameras every so many seconds, for the journal of a service."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..log import log
from ..text import counted
from ..types import Result
from .status_log import hottest_c


@dataclass(frozen=True)
class CameraStatus:
    """What a camera says of itself."""

    name: str
    dropped: int
    """Frames that were not analyzed, so far."""
    note: str = ""
    """What is to be known besides, such as "reconnecting"."""


class CamerasStatusLog:
    """A line with each camera's frames/s, faces and dropped frames, and the temperature.

    cameras: returns what they are now, always in the same order. every_s, temperature_c, faces: as
    of StatusLog.
    """

    def __init__(
        self,
        every_s: float,
        cameras: Callable[[], Sequence[CameraStatus]],
        temperature_c: Callable[[], float | None] = hottest_c,
        clock_s: Callable[[], float] = time.monotonic,
        faces: bool = True,
    ):
        self._every_s, self._cameras, self._faces = every_s, cameras, faces
        self._temperature_c, self._clock_s = temperature_c, clock_s
        self._since_s = clock_s()
        self._frames: Counter[str] = Counter()  # by camera
        self._tracks: set[tuple[str, int]] = set()  # camera and id
        self._dropped_before = [0] * len(cameras())

    def __enter__(self) -> "CamerasStatusLog":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, result: Result) -> None:
        now_s, source = self._clock_s(), result.frame.source
        self._frames[source] += 1
        self._tracks.update((source, face.id) for face in result.faces)
        if now_s - self._since_s >= self._every_s:
            log.info("%s", self._line(now_s - self._since_s))
            self._since_s, self._frames, self._tracks = now_s, Counter(), set()

    def _line(self, seconds: float) -> str:
        cameras = self._cameras()
        parts = [
            self._of_camera(camera, before, seconds)
            for camera, before in zip(cameras, self._dropped_before, strict=True)
        ]
        self._dropped_before = [camera.dropped for camera in cameras]
        temperature_c = self._temperature_c()
        if temperature_c is not None:
            parts.append(f"{temperature_c:.0f} °C")
        return f"last {seconds:.0f} s: " + "; ".join(parts)

    def _of_camera(self, camera: CameraStatus, dropped_before: int, seconds: float) -> str:
        tracks = sum(source == camera.name for source, _ in self._tracks)
        parts = [
            f"{camera.name} {self._frames[camera.name] / seconds:.1f} frames/s",
            *([counted(tracks, "face")] if self._faces else []),
            f"{camera.dropped - dropped_before} dropped",
            *([camera.note] if camera.note else []),
        ]
        return ", ".join(parts)
