"""Decode a video file: through OpenCV, or through PyAV what OpenCV cannot.

OpenCV gives interlaced pictures as black or as what its memory held before, and reports success;
its wheels lack codecs such as AV1. PyAV (the extra `video`) decodes both.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from ..files import ffmpeg_path
from ..types import Image

if TYPE_CHECKING:
    import av

USUAL_FPS = 25.0  # some containers say 0 or nan
FPS = (0.001, 1000.0)  # what a container's header is believed
MAX_BAD = 200  # frames in a row that cannot be decoded: the file ends there
FIRST_PICTURES = 10  # of a suspicious file, examined for interlacing
TRIAL_S = 30.0  # limit of the examination
SNIFFED = 4 << 20  # bytes at either end of a file, where its codec is named


class Decoder(Protocol):
    """The pictures of one video file, in order."""

    fps: float  # frames/s, the mean if the rate varies
    length_s: float  # as the container says; 0: unknown
    lost: int  # frames that could not be decoded, between those that could

    def read(self) -> tuple[Image, float | None] | None:
        """Return the next picture and its time in the file, s; None: at the end."""

    def close(self) -> None: ...


class OpenCvDecoder:
    """A file through OpenCV; `read` returns None at once where it cannot be opened."""

    def __init__(self, path: Path):
        self._capture = cv2.VideoCapture(ffmpeg_path(path), cv2.CAP_FFMPEG)
        self.fps = believed_fps(self._capture.get(cv2.CAP_PROP_FPS))
        frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.length_s = frames / self.fps if 0 < frames < 1e9 else 0.0
        wide, high = (self._capture.get(p) for p in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
        self._aspect = wide / high if wide > 0 and high > 0 else 1.0
        self.lost = 0

    def read(self) -> tuple[Image, float | None] | None:
        if not self._capture.isOpened():
            return None
        for bad in range(MAX_BAD):
            ok, bgr = self._capture.read()
            if ok:
                self.lost += bad
                at_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                return square_pixels(bgr, self._aspect), at_s
        return None

    def close(self) -> None:
        self._capture.release()


class PyAvDecoder:
    """A file through PyAV: every codec of FFmpeg, interlaced pictures deinterlaced.

    Raises ValueError or OSError where it is not a video.
    """

    def __init__(self, path: Path):
        import av

        self._container = av.open(
            ffmpeg_path(path), options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
        try:
            (self._stream, *_) = self._container.streams.video
        except ValueError:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self.fps = believed_fps(float(self._stream.average_rate or 0))
        length = self._stream.duration
        base = self._stream.time_base
        self.length_s = float(length * base) if length and base else 0.0
        self.lost, self._bad = 0, 0
        self._graph: Any = None
        self._frames = self._decoded()

    def read(self) -> tuple[Image, float | None] | None:
        frame = next(self._frames, None)
        if frame is None:
            return None
        bgr: Image = frame.to_ndarray(format="bgr24")
        if frame.rotation:
            bgr = np.ascontiguousarray(np.rot90(bgr, frame.rotation // 90))
        aspect = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
        aspect = aspect or self._stream.sample_aspect_ratio
        return square_pixels(bgr, float(aspect) if aspect else 1.0), frame.time

    def close(self) -> None:
        self._frames.close()
        self._container.close()

    def _decoded(self) -> Generator[av.VideoFrame, None, None]:
        """Yield progressive frames."""
        for frame in self._raw():
            if frame.interlaced_frame and self._graph is None:
                self._graph = _deinterlacer(frame)
            if self._graph is None:
                yield frame
            else:
                self._graph.push(frame)
                yield from _pulled(self._graph)
        if self._graph is not None:
            self._graph.push(None)
            yield from _pulled(self._graph)

    def _raw(self) -> Iterator[av.VideoFrame]:
        import av

        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    self._bad += 1
                    continue
                if frames:
                    self.lost, self._bad = self.lost + self._bad, 0
                yield from frames
        except av.error.FFmpegError:  # cut in the middle of a packet
            return


def _deinterlacer(frame: av.VideoFrame) -> Any:
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    deinterlace, sink = (
        graph.add("bwdif", "mode=send_frame:deint=interlaced"),
        graph.add("buffersink"),
    )
    source.link_to(deinterlace)
    deinterlace.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Any) -> Iterator[av.VideoFrame]:
    import av

    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def has_pyav() -> bool:
    """Whether the extra `video` is installed."""
    return find_spec("av") is not None


def is_interlaced(path: Path) -> bool:
    """Whether OpenCV cannot convert a video's first pictures because they are interlaced.

    With PyAV, from the pictures' own marks; without, from what FFmpeg prints in another process.
    """
    if has_pyav():
        import av

        try:
            with av.open(ffmpeg_path(path), options={"protocol_whitelist": "file"}) as container:
                frames = container.decode(video=0)
                return any(f.interlaced_frame for f in itertools.islice(frames, FIRST_PICTURES))
        except (OSError, ValueError, IndexError):
            return False
    code = (
        "import cv2, sys\n"
        "capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)\n"
        f"[capture.read() for _ in range({FIRST_PICTURES})]"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV")}
    trial = [sys.executable, "-I", "-c", code, ffmpeg_path(path)]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=TRIAL_S, env=env)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"interlaced to progressive" in done.stderr


def believed_fps(fps: float) -> float:
    """Return a header's frame rate, or the usual one where it cannot be."""
    return fps if FPS[0] < fps < FPS[1] else USUAL_FPS


def square_pixels(bgr: Image, aspect: float) -> Image:
    """Return a picture with square pixels; aspect: width of its pixels, in heights."""
    if not 0.1 < aspect < 10 or abs(aspect - 1) < 0.01:
        return bgr
    height, width = bgr.shape[:2]
    size = (max(1, round(width * aspect)), height)
    return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if aspect < 1 else cv2.INTER_LINEAR)


CODECS = {
    "av01": "AV1", "V_AV1": "AV1", "hvc1": "HEVC", "hev1": "HEVC", "vvc1": "VVC", "avc1": "H.264",
    "vp08": "VP8", "vp09": "VP9", "apcn": "ProRes", "apch": "ProRes", "ap4h": "ProRes",
}  # fmt: skip


def codec_of(path: Path) -> str:
    """Return the name of a video's codec as its MP4 or Matroska header has it; "" if none is found.

    For messages only.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SNIFFED)
            file.seek(max(0, path.stat().st_size - SNIFFED))
            content = head + file.read(SNIFFED)
    except OSError:
        return ""
    for name, codec in CODECS.items():
        place = content.find(b"stsd")
        while place >= 0:
            if content[place + 16 : place + 20] == name.encode():
                return codec
            place = content.find(b"stsd", place + 4)
        if name.startswith("V_") and name.encode() in content:
            return codec
    return ""
