"""Read videos, photos and folders of photos: every frame, in order, to the end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2

from ..errors import SourceError
from ..types import Frame


def ffmpeg_name(path: Path) -> str:
    """Return a path as OpenCV's FFmpeg takes it; SourceError for names that crash it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise SourceError(f"{str(path)!r} is not a name in UTF-8", "Rename the file") from None
    # FFmpeg would take what stands before a colon in a relative name for a protocol.
    return str(path.absolute())


class VideoFile:
    """A film; its frames' times run with the film, from when it was opened."""

    live, stills = False, False

    def __init__(self, path: Path):
        self.name = path.name
        self._capture = cv2.VideoCapture(ffmpeg_name(path), cv2.CAP_FFMPEG)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0.1 < fps < 1000 else 25.0  # some containers say 0 or nan
        self._started = datetime.now(UTC)
        self._index = 0
        ok, self._first = self._capture.read()
        if not ok:
            self._capture.release()
            raise SourceError(
                f"{path} is not a video that can be read", "Try: ffprobe " + str(path)
            )
        height, width = self._first.shape[:2]
        self.mode = f"{width}x{height}, {self.fps:.3g} frames/s"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        bgr = self._first
        while bgr is not None:
            at_s = self._index / self.fps
            moment = self._started + timedelta(seconds=at_s)
            yield Frame(bgr, self._index, moment, at_s, self.name)
            self._index += 1
            ok, bgr = self._capture.read()
            bgr = bgr if ok else None
