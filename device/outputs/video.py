"""Record the annotated picture as a video. Only where the user asks: it stores faces."""

from pathlib import Path

import cv2
import numpy as np

from ..errors import FacetError, UsageError
from ..files import ffmpeg_path, move_aside
from ..types import Result
from .overlay import annotate

ENDINGS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
LONGEST_SIDE = 4096  # px; larger frames are shrunk, codecs end at 8191
LONGEST_GAP_S = 10.0  # a camera that was away longer is not filled up with its last picture


class VideoRecord:
    """A video of the first frame's size; frames of other sizes are fitted into it.

    live: frames were dropped between those written, so each is repeated until the next one's
    time, and the film runs as fast as the world did. A file of that name is moved aside.
    Raises UsageError where the file's ending is unknown or it cannot be written, FacetError at
    the end where not all of it was.
    """

    def __init__(self, path: Path, fps: float, live: bool):
        self.path, self._fps, self._live = path, fps, live
        self._writer: cv2.VideoWriter | None = None
        self._canvas: np.ndarray | None = None
        self._started_s = 0.0
        self._written = 0
        if path.suffix.lower() not in ENDINGS:
            raise UsageError(
                f"cannot record {path}: unknown ending {path.suffix!r}",
                f"Known are {', '.join(ENDINGS)}",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.moved_to = move_aside(path) if path.is_file() else None
            path.open("ab").close()
        except OSError as error:
            raise UsageError(f"cannot record {path}: {error.strerror}") from error

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self._writer is None:
            self.path.unlink(missing_ok=True)  # no frame came
            return
        self._writer.release()
        # OpenCV says nothing when the disk is full.
        film = cv2.VideoCapture(ffmpeg_path(self.path), cv2.CAP_FFMPEG)
        kept = film.get(cv2.CAP_PROP_FRAME_COUNT) if film.isOpened() else 0
        film.release()
        if kept < 0.9 * self._written and exc[0] is None:
            raise FacetError(
                f"{self.path} holds {max(0, kept):.0f} of {self._written} frames", "Free the disk"
            )

    def write(self, result: Result) -> None:
        bgr = result.frame.bgr
        if self._writer is None:
            self._open(bgr.shape)
            self._started_s = result.frame.at_s
        for _ in range(self._missed(result.frame.at_s)):
            self._put()
        if bgr.shape == self._canvas.shape:
            np.copyto(self._canvas, bgr)
            annotate(self._canvas, result.faces)
        else:
            picture = bgr.copy()
            annotate(picture, result.faces)
            _fit_into(picture, self._canvas)
        self._put()

    def _missed(self, now_s: float) -> int:
        """Return how many frames lie between the last one written and this one."""
        if not self._live or not self._written:
            return 0
        due = round((now_s - self._started_s) * self._fps)
        return min(max(0, due - self._written), round(LONGEST_GAP_S * self._fps))

    def _put(self) -> None:
        self._writer.write(self._canvas)
        self._written += 1

    def _open(self, shape: tuple[int, ...]) -> None:
        shrink = min(1.0, LONGEST_SIDE / max(shape[:2]))
        # Codecs want even sides.
        height, width = (max(2, int(side * shrink) // 2 * 2) for side in shape[:2])
        code = cv2.VideoWriter.fourcc(*ENDINGS[self.path.suffix.lower()])
        name = ffmpeg_path(self.path)
        self._writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, code, self._fps, (width, height))
        if not self._writer.isOpened():
            raise UsageError(f"cannot record {self.path} at {width}x{height}")
        self._canvas = np.zeros((height, width, 3), np.uint8)


def _fit_into(picture: np.ndarray, canvas: np.ndarray) -> None:
    """Copy a picture into the canvas, shrunk or grown to fit, black around it."""
    (height, width), (high, wide) = picture.shape[:2], canvas.shape[:2]
    scale = min(high / height, wide / width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (wide - w) // 2, (high - h) // 2
    canvas[:] = 0
    canvas[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
