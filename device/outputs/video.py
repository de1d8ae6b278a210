"""Record the annotated picture as a video. Only where the user asks: it stores faces."""

from pathlib import Path

import cv2
import numpy as np

from device.errors import UsageError
from device.outputs import Result
from device.outputs.draw import annotate

ENDINGS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}


class VideoRecord:
    """A video of the first frame's size; frames of other sizes are fitted into it.

    Raises UsageError where the file's ending is unknown or it cannot be written.
    """

    def __init__(self, path: Path, fps: float):
        self.path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._canvas: np.ndarray | None = None
        if path.suffix.lower() not in ENDINGS:
            raise UsageError(
                f"cannot record {path}: unknown ending {path.suffix!r}",
                f"Known are {', '.join(ENDINGS)}",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
        except OSError as error:
            raise UsageError(f"cannot record {path}: {error.strerror}") from error

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self._writer is not None:
            self._writer.release()

    def write(self, result: Result) -> bool:
        if self._writer is None:
            self._open(result.frame.bgr.shape)
        canvas = self._canvas
        _fit_into(result.frame.bgr, canvas)
        if result.frame.bgr.shape == canvas.shape:
            annotate(canvas, result.tracks, result.labels)
        else:
            picture = result.frame.bgr.copy()
            annotate(picture, result.tracks, result.labels)
            _fit_into(picture, canvas)
        self._writer.write(canvas)
        return True

    def _open(self, shape: tuple[int, ...]) -> None:
        height, width = shape[0] // 2 * 2 or 2, shape[1] // 2 * 2 or 2  # codecs want even sides
        code = cv2.VideoWriter.fourcc(*ENDINGS[self.path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self.path), code, self._fps, (width, height))
        if not self._writer.isOpened():
            raise UsageError(f"cannot record {self.path} at {width}x{height}")
        self._canvas = np.zeros((height, width, 3), np.uint8)


def _fit_into(picture: np.ndarray, canvas: np.ndarray) -> None:
    """Copy a picture into the canvas, shrunk or grown to fit, black around it."""
    if picture.shape == canvas.shape:
        np.copyto(canvas, picture)
        return
    (height, width), (high, wide) = picture.shape[:2], canvas.shape[:2]
    scale = min(high / height, wide / width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (wide - w) // 2, (high - h) // 2
    canvas[:] = 0
    cv2.resize(picture, (w, h), dst=canvas[y : y + h, x : x + w], interpolation=cv2.INTER_AREA)
