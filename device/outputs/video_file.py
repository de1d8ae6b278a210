"""Video files that a kill or a power cut leaves playable up to their last second.

With PyAV (the extra `video`): H.264 with the frames' own times, in fragmented MP4 or Matroska.
Without it, and for AVI: OpenCV's encoders at a constant rate.
"""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from ..errors import UsageError, os_reason
from ..files import ffmpeg_path
from ..log import log
from ..types import Image

if TYPE_CHECKING:
    import av

ENCODERS = ("libx264", "libopenh264")  # of FFmpeg, by preference
FRAGMENTED = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "cluster_time_limit": "1000",  # ms, of Matroska
    "flush_packets": "1",
}
H264_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
# FOURCC and container by suffix, for OpenCV. Its MP4 is unreadable until it is closed; Matroska and
# AVI lose the last 256 kB, the buffer of its FFmpeg.
OPENCV_FORMATS = {
    ".mp4": ("mp4v", ".mkv"),
    ".mov": ("mp4v", ".mkv"),
    ".mkv": ("mp4v", ".mkv"),
    ".avi": ("MJPG", ".avi"),
}
SUFFIXES = tuple(OPENCV_FORMATS)
FRAGMENT_S = 1.0  # what a kill loses
TICKS = 1000  # a second, of the frames' times
THREADS = 2  # of the encoder; the models need the other cores
MAX_GAP_S = 10.0  # at a constant rate a longer gap is not filled with the last picture


class VideoFile(Protocol):
    """An open video and the picture that is written next."""

    canvas: Image

    def put(self, at_s: float) -> None:
        """Write the canvas as the picture at `at_s`, s since the first one."""

    def close(self) -> str:
        """Finish the file; return what is missing in it, "" if it is complete."""


def h264_encoder() -> str:
    """Return the name of PyAV's H.264 encoder; "" without PyAV or without one."""
    try:
        import av
    except (ImportError, OSError):  # not installed, or its libraries do not load
        return ""
    return next((name for name in ENCODERS if name in av.codecs_available), "")


class SinkFile(FileIO):
    """A file that takes all of each write, or nothing more after the first fault."""

    fault = ""

    def write(self, content: Any) -> int:
        rest = memoryview(content)
        while rest and not self.fault:
            try:
                rest = rest[os.write(self.fileno(), rest) :]
            except OSError as error:
                self.fault = os_reason(error)
        return len(content)


class H264File:
    """Write H.264 through PyAV, with a key frame and a flush every second.

    file: empty, seekable. A full disk ends the recording with a line in the log; `close` returns
    what is missing. Raises UsageError if the encoder refuses the size.
    """

    def __init__(
        self, path: Path, file: SinkFile, encoder: str, fps: float, size_wh: tuple[int, int]
    ):
        import av

        self._path, self._file = path, file
        self._total = self._kept = 0  # frames: given, and in finished fragments
        self._last_tick, self._key_tick = -1, -TICKS
        width, height = size_wh
        self.canvas = np.zeros((height, width, 3), np.uint8)
        self._container = av.open(
            self._file,
            "w",
            format=H264_FORMATS[path.suffix.lower()],
            container_options=FRAGMENTED,
        )
        self._stream = _stream(self._container, encoder, fps, size_wh)
        try:
            self._stream.codec_context.open()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise UsageError(
                f"cannot record {path} at {width}x{height}: {os_reason(error)}", "--record FILE.avi"
            ) from error

    def put(self, at_s: float) -> None:
        from av.video.frame import PictureType, VideoFrame

        self._total += 1
        if self._file.fault:
            return
        frame = VideoFrame.from_ndarray(self.canvas, format="bgr24")
        frame.pts = self._last_tick = max(self._last_tick + 1, round(at_s * TICKS))
        frame.time_base = Fraction(1, TICKS)
        if frame.pts - self._key_tick >= FRAGMENT_S * TICKS:
            frame.pict_type, self._key_tick = PictureType.I, frame.pts
            self._mux(frame)
            self._kept = self._kept if self._file.fault else self._total - 1
        else:
            self._mux(frame)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            self._file.fault = self._file.fault or os_reason(error)
        if self._file.fault:
            log.warning(
                "cannot record %s: %s; the recording ends here", self._path, self._file.fault
            )

    def close(self) -> str:
        with self._file:
            if not self._file.fault:
                self._mux(None)
            with contextlib.suppress(OSError):
                self._container.close()
            if not self._file.fault:
                self._kept = self._total
            if not os.fstat(self._file.fileno()).st_nlink:  # deleted meanwhile
                self._kept = 0
        if self._kept == self._total:
            return ""
        reason = f": {self._file.fault}" if self._file.fault else ""
        return f"{self._path} holds {self._kept} of {self._total} frames{reason}"


def _stream(
    container: av.container.OutputContainer, encoder: str, fps: float, size_wh: tuple[int, int]
) -> av.VideoStream:
    import av

    stream = container.add_stream(encoder, rate=Fraction(fps).limit_denominator(TICKS))
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = size_wh
    stream.pix_fmt = "yuv420p"  # what browsers decode
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.thread_count = THREADS
    context.gop_size = 100_000  # `put` chooses the key frames, by time
    if encoder == "libx264":  # zerolatency: no frames wait in the encoder
        context.options = {"preset": "superfast", "tune": "zerolatency", "crf": "23"}
    else:
        context.bit_rate = size_wh[0] * size_wh[1] * 8  # 2.5 Mbit/s at 640x480
    return stream


class ConstantRateFile:
    """Write through OpenCV at `fps`; a picture is repeated until the next one's time.

    Raises UsageError if OpenCV cannot write such a file.
    """

    def __init__(self, path: Path, fps: float, size_wh: tuple[int, int]):
        self._path, self._fps, self._written = path, fps, 0
        width, height = size_wh
        self.canvas = np.zeros((height, width, 3), np.uint8)
        self._last = self.canvas.copy()
        code, ending = OPENCV_FORMATS[path.suffix.lower()]
        # OpenCV chooses the container by the name; the open file takes its own name then.
        part = path.with_name(f"{path.name[:200]}.{os.urandom(8).hex()}{ending}")
        self._writer = cv2.VideoWriter(
            ffmpeg_path(part), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), fps, size_wh
        )
        if not self._writer.isOpened():
            part.unlink(missing_ok=True)
            raise UsageError(f"cannot record {path} at {width}x{height}", "another suffix")
        part.replace(path)

    def put(self, at_s: float) -> None:
        due = min(round(at_s * self._fps) - self._written, round(MAX_GAP_S * self._fps))
        if self._written:
            for _ in range(due):
                self._write(self._last)
        self._write(self.canvas)
        np.copyto(self._last, self.canvas)

    def _write(self, picture: Image) -> None:
        self._writer.write(picture)
        self._written += 1

    def close(self) -> str:
        self._writer.release()
        # OpenCV reports no full disk.
        video = cv2.VideoCapture(ffmpeg_path(self._path), cv2.CAP_FFMPEG)
        kept = video.get(cv2.CAP_PROP_FRAME_COUNT) if video.isOpened() else 0
        video.release()
        if kept >= 0.9 * self._written:
            return ""
        return f"{self._path} holds {max(0, kept):.0f} of {self._written} frames"
