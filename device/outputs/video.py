"""Record the annotated picture as a video; only on request, because it stores faces."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np

from ..errors import FacetError, UsageError, os_reason
from ..files import NEW_FILE, move_aside
from ..resources import install_hint
from ..types import Image, Result
from .overlay import annotate, draw_lines
from .video_file import (
    H264_FORMATS,
    OPENCV_FORMATS,
    SUFFIXES,
    ConstantRateFile,
    H264File,
    SinkFile,
    VideoFile,
    h264_encoder,
)

MAX_SIDE = 4096  # px; larger frames are shrunk, codecs end at 8191


class VideoRecord:
    """A video of the first frame's size; frames of other sizes are fitted into it.

    timed: pictures are shown at their frames' times, so that the video is as long as what it shows;
    else each lasts 1 / fps s, as for photos. A file of that name is moved aside, a link is not
    followed. `moved_to` is the file's new path, `note` what the user should know about the format.
    Raises UsageError if the file's suffix is unknown or it cannot be written, FacetError at the end
    if it is incomplete.
    """

    def __init__(self, path: Path, fps: float, timed: bool = True):
        self.path, self._fps, self._timed = path, fps, timed
        self._video: VideoFile | None = None
        self._started_s, self._frames = 0.0, 0
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise UsageError(
                f"cannot record {path}: unknown suffix {path.suffix!r}",
                f"one of {', '.join(SUFFIXES)}",
            )
        self._encoder = h264_encoder() if suffix in H264_FORMATS else ""
        self.note = "" if self._encoder else _format_note(suffix)
        self.moved_to, self._file = _new_file(path)

    def __enter__(self) -> "VideoRecord":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._video is None:
            self._file.close()
            self.path.unlink(missing_ok=True)  # no frame came
            return
        missing = self._video.close()
        if missing and exc[0] is None:
            limited = os.strerror(errno.EFBIG) in missing
            raise FacetError(missing, "ulimit -f unlimited" if limited else "free the disk")

    def write(self, result: Result) -> None:
        frame = result.frame
        if self._video is None:
            self._video = self._open(frame.bgr.shape)
            self._started_s = frame.at_s
        canvas = self._video.canvas
        if frame.bgr.shape == canvas.shape:
            np.copyto(canvas, frame.bgr)
            _draw(canvas, result)
        else:
            picture = frame.bgr.copy()
            _draw(picture, result)
            _fit_into(picture, canvas)
        at_s = frame.at_s - self._started_s if self._timed else self._frames / self._fps
        self._video.put(at_s)
        self._frames += 1

    def _open(self, shape: tuple[int, ...]) -> VideoFile:
        shrink = min(1.0, MAX_SIDE / max(shape[:2]))
        # Codecs want even sides.
        height, width = (max(2, int(side * shrink) // 2 * 2) for side in shape[:2])
        if self._encoder:
            return H264File(self.path, self._file, self._encoder, self._fps, (width, height))
        self._file.close()
        return ConstantRateFile(self.path, self._fps, (width, height))


def _draw(picture: Image, result: Result) -> None:
    draw_lines(picture, result.lines)
    annotate(picture, result.faces)


def _format_note(suffix: str) -> str:
    """Return what a user should know who asked for a format that takes PyAV; "" for others."""
    if OPENCV_FORMATS[suffix][1] == suffix:
        return ""
    return (
        f"the recording has the format Matroska, not {suffix[1:].upper()}: without the package av "
        f"({install_hint('video')}) a power cut would make {suffix} unreadable"
    )


def _new_file(path: Path) -> tuple[Path | None, SinkFile]:
    """Return where the file of that name was moved, and the new one; raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        moved_to = move_aside(path) if path.is_file() or path.is_symlink() else None
        if os.path.lexists(path):
            raise UsageError(f"cannot record {path}: it is not a file", "another --record")
        return moved_to, SinkFile(os.open(path, NEW_FILE, 0o666), "wb")
    except OSError as error:
        raise UsageError(
            f"cannot record {path}: {os_reason(error)}",
            "--record FILE.mp4 in a folder that you may write to",
        ) from error


def _fit_into(picture: Image, canvas: Image) -> None:
    """Copy a picture into the canvas, scaled to fit, with black around it."""
    (height, width), (high, wide) = picture.shape[:2], canvas.shape[:2]
    scale = min(high / height, wide / width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (wide - w) // 2, (high - h) // 2
    canvas[:] = 0
    canvas[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
