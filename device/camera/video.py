"""Read a video file: every frame, in order, to the end, at its own time."""

import shlex
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np

from ..errors import SourceError
from ..files import ffmpeg_path, file_name
from ..log import log
from ..resources import install_hint
from ..settings import CameraSettings
from ..text import counted
from ..types import Frame, Image
from .decoders import Decoder, OpenCvDecoder, PyAvDecoder, has_pyav
from .ffmpeg import FILE, PROBE, Unconverted
from .orientation import Oriented
from .video_probe import codec_of, is_interlaced, is_playlist, lacks_index, start_s

SNAP_S = 0.0015  # containers round times, to 1 ms at worst
CUT_S = 0.5  # a file that ends so much earlier than it says is incomplete
EXAMINE_S = (1.0, 60.0)  # of the film, least and most, between two examinations of it
MAX_PIXELS = 1e6 * CameraSettings().max_video_megapixels

Picture = tuple[Image, float | None]  # with its time in the file, s


class VideoFile(Oriented):
    """A video; its frames are timed by the container's timestamps, from when it was opened.

    max_pixels: of a picture. reports: log at its end what is lost in the file. Raises SourceError
    where the file is not a video, cannot be decoded, or has larger pictures, also where that begins
    in its middle.
    """

    def __init__(self, path: Path, max_pixels: float = MAX_PIXELS, reports: bool = True):
        self.name, self._path, self._max_pixels = file_name(Path(path.name)), path, max_pixels
        self._reports = reports
        self._reading = threading.Lock()
        self._decoder, self._first = _open(path, max_pixels)
        self.fps = self._decoder.fps
        self._started = datetime.now(UTC)
        height, width = self._first[0][0].shape[:2]
        self._size = f"{width}x{height}"
        self.frame_bytes = 3 * width * height

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
        if not self._reports:
            return
        if black == index + 1:
            log.warning(f"{self.name}: every frame is black")
        self._report(clock.last_s + 1 / self.fps, index + 1)

    def _pictures(self) -> Iterator[Picture]:
        suspicion, count = _Suspicion(), 0
        while (picture := self._next()) is not None:
            if self._is_by_opencv and suspicion(*picture):
                at_s, skip = (0.0, count) if suspicion.went_back else (picture[1] or 0.0, 0)
                if is_interlaced(self._path, at_s, skip):
                    self._turn_to_pyav(at_s, skip)
                    continue
            count += 1
            yield picture

    def _next(self) -> Picture | None:
        if self._first:  # not kept: large
            return self._first.pop(0)
        with self._reading:
            return self._decoder.read()

    @property
    def _is_by_opencv(self) -> bool:
        # A pipe cannot be read twice.
        return isinstance(self._decoder, OpenCvDecoder) and self._path.is_file()

    def _turn_to_pyav(self, at_s: float, skip: int) -> None:
        """Decode by PyAV from a picture on, as the film is interlaced from there."""
        if not has_pyav():
            raise _undecodable(self._path, True)
        with self._reading:
            lost = self._decoder.lost
            self._decoder.close()
            self._first.clear()
            self._decoder = _pyav(self._path, self._max_pixels, at_s, skip)
            self._decoder.lost = lost

    def _report(self, ended_s: float, frames: int) -> None:
        lost, length_s = self._decoder.lost, self._decoder.length_s
        if lost:
            log.warning(f"{self.name}: {counted(lost, 'damaged frame')} left out")
        allowed_s = max(CUT_S, 2 / self.fps)
        # A last frame may be shown for long.
        if frames + lost >= self._decoder.frames > 0 or length_s - ended_s <= allowed_s:
            return
        length_s -= start_s(self._path)  # some containers count from 0 s, also in a film from 9 s
        if length_s - ended_s > allowed_s:
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


class _Suspicion:
    """Says when a film is examined for pictures that OpenCV fails to convert.

    At most once a second of the film, and less often where that was in vain.
    """

    def __init__(self) -> None:
        self._unconverted = Unconverted()
        self._pause_s, self._next_s, self._last_s = EXAMINE_S[0], -1e9, -1e9
        self.went_back = False  # a timestamp, which then does not name a place in the file

    def __call__(self, bgr: Image, stamp_s: float | None) -> bool:
        suspicious = self._unconverted(bgr)
        at_s = stamp_s or 0.0
        if at_s < self._last_s:
            self.went_back, self._next_s = True, at_s
        self._last_s = at_s
        if not suspicious or at_s < self._next_s:
            return False
        self._next_s, self._pause_s = at_s + self._pause_s, min(2 * self._pause_s, EXAMINE_S[1])
        return True


def _open(path: Path, max_pixels: float) -> tuple[Decoder, list[Picture]]:
    """Return the decoder for a file and its first pictures, at most two."""
    if path.is_file() and is_playlist(path):
        raise SourceError(f"{path} is a playlist, which names other files", "one of these files")
    decoder: Decoder = OpenCvDecoder(path, max_pixels)
    first = _first(decoder)
    sound = len(first) == 2 and not np.array_equal(first[0][0], first[1][0])
    if sound or not path.is_file():  # a pipe cannot be read twice
        if not first:
            decoder.close()
            raise _undecodable(path, False)
        return decoder, first
    interlaced = bool(first) and is_interlaced(path)
    black = _is_black(first)
    if first and not interlaced and not (black and has_pyav()):
        return decoder, first
    if not has_pyav():
        decoder.close()
        raise _undecodable(path, interlaced)
    by_pyav = _pyav(path, max_pixels)
    pictures = _first(by_pyav)
    if first and not interlaced and _is_black(pictures):  # in truth
        by_pyav.close()
        return decoder, first
    decoder.close()
    if not pictures:
        by_pyav.close()
        raise _undecodable(path, interlaced)
    return by_pyav, pictures


def _pyav(path: Path, max_pixels: float, from_s: float = 0.0, skip: int = 0) -> Decoder:
    try:
        return PyAvDecoder(ffmpeg_path(path), FILE, path.name, max_pixels, from_s=from_s, skip=skip)
    except SourceError:
        raise
    except (OSError, ValueError) as error:
        raise _undecodable(path, is_interlaced(path)) from error


def _first(decoder: Decoder) -> list[Picture]:
    pictures = (decoder.read(), decoder.read())
    return [picture for picture in pictures if picture is not None]


def _is_black(pictures: list[Picture]) -> bool:
    return not any(bgr[::PROBE, ::PROBE].any() for bgr, _ in pictures)


def _undecodable(path: Path, interlaced: bool) -> SourceError:
    filters = "-vf bwdif " if interlaced else ""
    old, new = (
        shlex.quote(f"./{name}" if name.startswith("-") else name)
        for name in (path.name, f"{path.stem}-converted.mp4")
    )
    convert = f"ffmpeg -i {old} {filters}-c:v libx264 {new}"
    hint = convert if has_pyav() else f"{install_hint('video')}, or {convert}"
    if interlaced:
        return SourceError(f"{path} is interlaced, which OpenCV cannot decode", hint)
    codec = codec_of(path)
    if codec:
        return SourceError(f"cannot decode {path}: no decoder for its codec {codec}", hint)
    if lacks_index(path):
        return SourceError(f"{path} is cut off: the index at its end is missing", "copy it again")
    return SourceError(f"{path} is not a video that can be read", f"ffprobe {path}")
