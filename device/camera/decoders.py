"""Decode a video: through OpenCV, or through PyAV (the extra `video`) what OpenCV cannot.

OpenCV cannot convert interlaced pictures, and its wheels lack codecs such as AV1.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2

from ..errors import SourceError
from ..files import ffmpeg_path
from ..quarter_turns import quarter_turned
from ..types import Image
from .ffmpeg import BYTES_A_PIXEL, FILE, Capture, limit_blocks, reduced, refuse_large

if TYPE_CHECKING:
    import av

USUAL_FPS = 25.0  # some containers say 0 or nan
FPS = (0.001, 1000.0)  # what a container's header is believed
MAX_BAD = 200  # frames in a row that cannot be decoded: the file ends there
OPEN_S, READ_S = 5.0, 5.0  # limits of an address, for PyAV


class Decoder(Protocol):
    """The pictures of one video file, in order."""

    fps: float  # frames/s, the mean if the rate varies
    length_s: float  # as the container says; 0: unknown
    frames: float  # as the container says, or its length at its nominal rate; 0: unknown
    lost: int  # frames that could not be decoded, between those that could

    def read(self) -> tuple[Image, float | None] | None:
        """Return the next picture and its time in the file, s; None: at the end."""

    def close(self) -> None: ...


class OpenCvDecoder:
    """A file through OpenCV; `read` returns None at once where it cannot be opened.

    Raises SourceError for pictures of more than `max_pixels`.
    """

    def __init__(self, path: Path, max_pixels: float):
        self._capture = Capture(ffmpeg_path(path), FILE, path.name, max_pixels)
        raw = self._capture.raw
        self.fps = believed_fps(self._capture.fps)
        frames, nominal_fps = raw.get(cv2.CAP_PROP_FRAME_COUNT), self._capture.fps or self.fps
        self.frames = frames if 0 < frames < 1e9 else 0.0
        self.length_s = self.frames / nominal_fps
        wide, high = (raw.get(p) for p in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN))
        self._aspect = wide / high if wide > 0 and high > 0 else 1.0
        self.lost = 0

    def read(self) -> tuple[Image, float | None] | None:
        if not self._capture.opened:
            return None
        for bad in range(MAX_BAD):
            bgr = self._capture.read()
            if bgr is not None:
                self.lost += bad
                at_s = self._capture.raw.get(cv2.CAP_PROP_POS_MSEC) / 1000
                return square_pixels(bgr, self._aspect), at_s
        return None

    def close(self) -> None:
        self._capture.close()


class PyAvDecoder:
    """A file or stream through PyAV: every codec of FFmpeg, interlaced pictures deinterlaced.

    source: a path, an address, or an object with `read`; options: FFmpeg's; live: pictures come
    without delay. from_s: where it begins, or skip: after so many pictures. Raises ValueError or
    OSError where it is not a video, SourceError for pictures of more than `max_pixels`, before one
    of them is decoded.
    """

    def __init__(
        self,
        source: Any,
        options: dict[str, str],
        name: str,
        max_pixels: float,
        live: bool = False,
        from_s: float = 0.0,
        skip: int = 0,
    ):
        import av

        limit_blocks(max_pixels)
        timeout = (OPEN_S, READ_S) if options.get("rtsp_transport") else None
        self._name, self._max_pixels = name, max_pixels
        self._from_s, self._skip = from_s, skip
        self._container = av.open(
            source, options=options, metadata_errors="replace", timeout=timeout
        )
        try:
            self._stream = next(
                stream
                for stream in self._container.streams.video
                if not stream.disposition & av.stream.Disposition.attached_pic
            )
            size = self._stream.codec_context.width, self._stream.codec_context.height
            refuse_large(name, *size, max_pixels)
            if from_s:
                self._container.seek(round(from_s * av.time_base))
        except BaseException as error:
            self._container.close()
            if isinstance(error, StopIteration):
                raise ValueError("no video") from None
            raise
        limit_blocks(BYTES_A_PIXEL * size[0] * size[1])
        self._stream.thread_type = "SLICE" if live else "AUTO"
        self.fps = believed_fps(float(self._stream.average_rate or 0))
        length = self._stream.duration
        base = self._stream.time_base
        self.length_s = float(length * base) if length and base else 0.0
        self.frames = float(self._stream.frames)
        self.lost, self._bad = 0, 0
        self._graph: Any = None
        self._frames = self._decoded()

    def read(self) -> tuple[Image, float | None] | None:
        frame = next(self._frames, None)
        while frame is not None and self._is_before(frame):
            frame = next(self._frames, None)
        if frame is None:
            return None
        refuse_large(self._name, frame.width, frame.height, self._max_pixels)
        bgr = reduced(frame.to_ndarray(format="bgr24"))
        bgr = quarter_turned(bgr, frame.rotation // 90)
        aspect = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
        aspect = aspect or self._stream.sample_aspect_ratio
        return square_pixels(bgr, float(aspect) if aspect else 1.0), frame.time

    def _is_before(self, frame: av.VideoFrame) -> bool:
        """Whether a picture stands before the beginning that was asked for."""
        self._skip -= 1
        return self._skip >= 0 or (frame.time is not None and frame.time < self._from_s)

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


class PyAvCapture:
    """A stream through PyAV, with the methods of `Capture`."""

    def __init__(
        self, source: object, options: dict[str, str], name: str, max_pixels: float, skip: int = 0
    ):
        self._decoder: PyAvDecoder | None = None
        try:
            self._decoder = PyAvDecoder(source, options, name, max_pixels, live=True, skip=skip)
        except SourceError:
            raise
        except (OSError, ValueError):
            self.opened, self.fps = False, 0.0
        else:
            self.opened, self.fps = True, self._decoder.fps

    def read(self) -> Image | None:
        picture = self._decoder.read() if self._decoder is not None else None
        return None if picture is None else picture[0]


def open_wire(
    source: object,
    options: dict[str, str],
    name: str,
    max_pixels: float,
    parameters: tuple[int, ...] = (),
    by_pyav: bool = False,
    skip: int = 0,
) -> Capture | PyAvCapture:
    """Return a network camera's pictures; skip: after so many of them, by PyAV only."""
    if by_pyav:
        return PyAvCapture(source, options, name, max_pixels, skip)
    return Capture(source, options, name, max_pixels, *parameters)


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
