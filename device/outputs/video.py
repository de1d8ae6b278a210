"""Record the annotated picture as a video; only on request, because it stores faces."""

from pathlib import Path

import cv2
import numpy as np

from ..errors import FacetError, UsageError
from ..files import ffmpeg_path, move_aside
from ..types import Image, Result
from .overlay import annotate

CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
MAX_SIDE = 4096  # px; larger frames are shrunk, codecs end at 8191
MAX_GAP_S = 10.0  # a longer gap in a live camera's frames is not filled with its last picture


class VideoRecord:
    """A video of the first frame's size; frames of other sizes are fitted into it.

    live: frames were dropped between those written, so each is repeated until the next one's time,
    and the video runs in real time. A file of that name is moved aside. Raises UsageError if the
    file's suffix is unknown or it cannot be written, FacetError at the end if it is incomplete.
    """

    def __init__(self, path: Path, fps: float, live: bool):
        self.path, self._fps, self._live = path, fps, live
        self._file: _VideoFile | None = None
        if path.suffix.lower() not in CODECS:
            raise UsageError(
                f"cannot record {path}: unknown suffix {path.suffix!r}",
                f"one of {', '.join(CODECS)}",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.moved_to = move_aside(path) if path.is_file() else None
            path.open("ab").close()
        except OSError as error:
            raise UsageError(
                f"cannot record {path}: {error.strerror}",
                "--record FILE.mp4 in a folder that you may write to",
            ) from error

    def __enter__(self) -> "VideoRecord":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is None:
            self.path.unlink(missing_ok=True)  # no frame came
            return
        missing = self._file.close()
        if missing and exc[0] is None:
            raise FacetError(missing, "free the disk")

    def write(self, result: Result) -> None:
        frame = result.frame
        if self._file is None:
            self._file = _VideoFile(self.path, self._fps, frame.bgr.shape, frame.at_s)
        if self._live:
            self._file.fill_gap(frame.at_s)
        canvas = self._file.canvas
        if frame.bgr.shape == canvas.shape:
            np.copyto(canvas, frame.bgr)
            annotate(canvas, result.faces)
        else:
            picture = frame.bgr.copy()
            annotate(picture, result.faces)
            _fit_into(picture, canvas)
        self._file.put()


class _VideoFile:
    """An open video and the picture that is written next."""

    def __init__(self, path: Path, fps: float, shape: tuple[int, ...], started_s: float):
        shrink = min(1.0, MAX_SIDE / max(shape[:2]))
        # Codecs want even sides.
        height, width = (max(2, int(side * shrink) // 2 * 2) for side in shape[:2])
        self._path, self._fps, self._started_s, self._written = path, fps, started_s, 0
        code = cv2.VideoWriter.fourcc(*CODECS[path.suffix.lower()])
        name = ffmpeg_path(path)
        self._writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, code, fps, (width, height))
        if not self._writer.isOpened():
            raise UsageError(f"cannot record {path} at {width}x{height}", "another suffix")
        self.canvas = np.zeros((height, width, 3), np.uint8)

    def put(self) -> None:
        """Write the canvas as the next frame."""
        self._writer.write(self.canvas)
        self._written += 1

    def fill_gap(self, now_s: float) -> None:
        """Repeat the last picture up to a frame's time."""
        if not self._written:
            return
        due = round((now_s - self._started_s) * self._fps)
        for _ in range(min(max(0, due - self._written), round(MAX_GAP_S * self._fps))):
            self.put()

    def close(self) -> str:
        """Finish the file; return what is missing in it, "" if it is complete."""
        self._writer.release()
        # OpenCV reports no full disk.
        video = cv2.VideoCapture(ffmpeg_path(self._path), cv2.CAP_FFMPEG)
        kept = video.get(cv2.CAP_PROP_FRAME_COUNT) if video.isOpened() else 0
        video.release()
        if kept >= 0.9 * self._written:
            return ""
        return f"{self._path} holds {max(0, kept):.0f} of {self._written} frames"


def _fit_into(picture: Image, canvas: Image) -> None:
    """Copy a picture into the canvas, scaled to fit, with black around it."""
    (height, width), (high, wide) = picture.shape[:2], canvas.shape[:2]
    scale = min(high / height, wide / width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (wide - w) // 2, (high - h) // 2
    canvas[:] = 0
    canvas[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
