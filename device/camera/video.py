"""Read a video file: every frame, in order, to the end, at its own time."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np

from ..errors import SourceError
from ..log import log
from ..resources import install_hint
from ..text import counted
from ..types import Frame, Image
from ..worker import call_until
from .decoders import Decoder, OpenCvDecoder, PyAvDecoder, codec_of, has_pyav, is_interlaced
from .orientation import Oriented

SNAP_S = 0.0015  # containers round times, to 1 ms at worst
CUT_S = 0.5  # a file that ends so much earlier than it says is incomplete
PROBE = 16  # px between the pixels that are looked at


class VideoFile(Oriented):
    """A video; its frames are timed by the container's timestamps, from when it was opened.

    stopping: polled while the file is opened; True raises Stopped. Raises SourceError where the
    file is not a video or cannot be decoded. What is lost in the file is logged at its end.
    """

    def __init__(self, path: Path, stopping: Callable[[], bool] = lambda: False):
        self.name = path.name
        self._reading = threading.Lock()
        self._decoder, self._first = call_until(stopping, f"opening {path}", lambda: _open(path))
        self.fps = self._decoder.fps
        self._started = datetime.now(UTC)
        height, width = self._first[0][0].shape[:2]
        self._size = f"{width}x{height}"

    @property
    def mode(self) -> str:
        return f"{self._size}, {self.fps:.3g} frames/s{self.orientation.words}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # A disk that hangs keeps a prefetching thread in read(): releasing then would crash.
        if self._reading.acquire(blocking=False):
            self._decoder.close()

    def __iter__(self) -> Iterator[Frame]:
        clock, black, index = _Clock(self.fps), 0, 0
        for index, (bgr, stamp_s) in enumerate(self._pictures()):
            at_s = clock.time(stamp_s)
            black += not bgr[::PROBE, ::PROBE].any()
            bgr = self.orientation.apply(bgr)
            yield Frame(bgr, index, self._started + timedelta(seconds=at_s), at_s, self.name)
        if black == index + 1:
            log.warning(f"{self.name}: every frame is black")
        self._report(clock.last_s + 1 / self.fps)

    def _pictures(self) -> Iterator[tuple[Image, float | None]]:
        while self._first:  # not kept: large
            yield self._first.pop(0)
        while True:
            with self._reading:
                picture = self._decoder.read()
            if picture is None:
                return
            yield picture

    def _report(self, ended_s: float) -> None:
        lost, length_s = self._decoder.lost, self._decoder.length_s
        if lost:
            log.warning(f"{self.name}: {counted(lost, 'damaged frame')} left out")
        if length_s - ended_s > max(CUT_S, 2 / self.fps):
            log.warning(
                f"{self.name} ends after {ended_s:.1f} of {length_s:.1f} s: the file is cut or "
                "damaged"
            )


class _Clock:
    """Turns a container's timestamps into times from 0 that only grow."""

    def __init__(self, fps: float):
        self._fps, self._offset_s, self.last_s = fps, 0.0, -1 / fps

    def time(self, stamp_s: float | None) -> float:
        """Return the time of the next frame, s; without a usable timestamp, one period on."""
        first = self.last_s < 0
        if first and stamp_s is not None:
            self._offset_s = stamp_s
        at_s = None if stamp_s is None else stamp_s - self._offset_s
        if at_s is None or at_s <= self.last_s:
            at_s = self.last_s + 1 / self._fps
        nominal_s = round(at_s * self._fps) / self._fps
        if abs(at_s - nominal_s) < SNAP_S and nominal_s > self.last_s:
            at_s = nominal_s
        self.last_s = at_s
        return at_s


def _open(path: Path) -> tuple[Decoder, list[tuple[Image, float | None]]]:
    """Return the decoder for a file and its first pictures, at most two."""
    decoder: Decoder = OpenCvDecoder(path)
    first = _first(decoder)
    sound = len(first) == 2 and not np.array_equal(first[0][0], first[1][0])
    if sound or not path.is_file():  # a pipe cannot be read twice
        if not first:
            decoder.close()
            raise _undecodable(path, False)
        return decoder, first
    interlaced = bool(first) and is_interlaced(path)
    if first and not interlaced:
        return decoder, first
    decoder.close()
    if not has_pyav():
        raise _undecodable(path, interlaced)
    try:
        decoder = PyAvDecoder(path)
    except (OSError, ValueError) as error:
        raise _undecodable(path, interlaced) from error
    first = _first(decoder)
    if not first:
        decoder.close()
        raise _undecodable(path, interlaced)
    return decoder, first


def _first(decoder: Decoder) -> list[tuple[Image, float | None]]:
    pictures = (decoder.read(), decoder.read())
    return [picture for picture in pictures if picture is not None]


def _undecodable(path: Path, interlaced: bool) -> SourceError:
    filters = "-vf bwdif " if interlaced else ""
    convert = f"ffmpeg -i {path.name} {filters}-c:v libx264 {path.stem}-converted.mp4"
    hint = convert if has_pyav() else f"{install_hint('video')}, or {convert}"
    if interlaced:
        return SourceError(f"{path} is interlaced, which OpenCV cannot decode", hint)
    codec = codec_of(path)
    if codec:
        return SourceError(f"cannot decode {path}: no decoder for its codec {codec}", hint)
    return SourceError(f"{path} is not a video that can be read", f"ffprobe {path}")
