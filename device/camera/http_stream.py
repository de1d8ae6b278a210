"""Pictures of a camera over HTTP: motion JPEG, single pictures, and what FFmpeg demultiplexes.

FFmpeg gets bytes (`ByteSource`), never an address, so nothing in them makes it open another one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import SourceError
from ..settings import CameraSettings
from ..types import Image
from .address import Address
from .byte_source import ByteSource
from .decoders import open_wire
from .ffmpeg import BYTES
from .http_client import DROPPED_HINT, NO_PICTURE_HINT, PICTURE_S, HttpRequest
from .jpeg import MAX_BYTES, decode
from .playlist import Playlist

MAX_LINE, MAX_HEADERS = 4096, 32  # bytes and lines of a part's head
MAX_LINES = 1 << 18  # of a part without length; a JPEG of MAX_BYTES has half as many
POLL_S = 0.5  # of waiting for the next single picture
CHUNK = 1 << 16
PLAYLISTS = ("mpegurl", "x-mpegurl", "vnd.apple.mpegurl")


class MotionJpeg:
    """A stream of JPEG parts (multipart/x-mixed-replace)."""

    finite, fps, kind, by_opencv = False, 0.0, "motion JPEG", False

    def __init__(self, request: HttpRequest, name: str, max_pixels: float):
        self._request, self._name, self._max_pixels = request, name, max_pixels
        boundary = request.response.headers.get_boundary() or ""
        self._boundary = b"--" + boundary.strip('"').removeprefix("--").encode()

    def read(self) -> Image | None:
        """Return the next picture; raises SourceError, and what `decode` raises."""
        self._request.response.within(PICTURE_S)
        return decode(self._part(), self._max_pixels)

    def _part(self) -> bytes:
        length = self._head()
        if length is None:
            return self._until_boundary()
        if length > MAX_BYTES:
            raise SourceError(f"{self._name} sends a picture of {length >> 20} MB", NO_PICTURE_HINT)
        parts: list[bytes] = []
        missing = length
        while missing:
            data = self._request.read(min(missing, CHUNK))
            if not data:
                raise SourceError(f"{self._name} dropped", DROPPED_HINT)
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def _head(self) -> int | None:
        """Read up to the end of a part's head; return its length where it has one."""
        length, begun = None, False
        for _ in range(MAX_HEADERS):
            line = self._request.readline(MAX_LINE)
            if not line:
                raise SourceError(f"{self._name} dropped", DROPPED_HINT)
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
            if line.strip() and not line.startswith(b"--"):
                begun = True
            if not line.strip() and begun:
                return length
        raise SourceError(f"{self._name} sends no motion JPEG", NO_PICTURE_HINT)

    def _until_boundary(self) -> bytes:
        picture = bytearray()
        for _ in range(MAX_LINES):
            line = self._request.readline(CHUNK)
            if not line:
                raise SourceError(f"{self._name} dropped", DROPPED_HINT)
            if line.startswith(b"--") and self._boundary in line:
                return bytes(picture).removesuffix(b"\n").removesuffix(b"\r")
            picture += line
            if len(picture) > MAX_BYTES:
                break
        raise SourceError(
            f"{self._name} sends a picture of more than {MAX_BYTES >> 20} MB", NO_PICTURE_HINT
        )

    def close(self) -> None:
        self._request.close()


class Snapshots:
    """An address that gives one picture, asked for at a rate. `first`: its first answer."""

    finite, kind, by_opencv = False, "single pictures", False

    def __init__(self, first: HttpRequest, address: Address, settings: CameraSettings, name: str):
        self._request: HttpRequest | None = first
        self._address, self._settings, self._name = address, settings, name
        self.fps, self._closed = settings.snapshot_fps, threading.Event()
        self._next_s = time.monotonic()

    def read(self) -> Image | None:
        """Return the next picture, None while it is not due; raises as MotionJpeg's."""
        wait_s = self._next_s - time.monotonic()
        if wait_s > 0:
            self._closed.wait(min(wait_s, POLL_S))
            if wait_s > POLL_S:
                return None
        if self._closed.is_set():
            raise SourceError(f"{self._name} dropped", DROPPED_HINT)
        self._next_s = max(self._next_s, time.monotonic() - 1 / self.fps) + 1 / self.fps
        request, self._request = self._request, None
        if request is None:
            request = HttpRequest(self._address, self._settings, self._name)
        try:
            data = request.read_all(MAX_BYTES)
        finally:
            request.close()
        return decode(data, self._settings.max_megapixels * 1e6)

    def close(self) -> None:
        self._closed.set()
        if self._request is not None:
            self._request.close()


@dataclass(frozen=True)
class Decoding:
    """How a stream is decoded: by OpenCV, or by PyAV, then after its first `skip` pictures."""

    by_pyav: bool = False
    skip: int = 0


class Container:
    """A stream or file that FFmpeg demultiplexes: MPEG-TS, MP4, Matroska, FLV."""

    kind = "stream"

    def __init__(
        self,
        source: ByteSource,
        name: str,
        max_pixels: float,
        finite: bool,
        close: Callable[[], None],
        decoding: Decoding,
    ):
        self._source, self._name, self.finite, self._close = source, name, finite, close
        self.by_opencv = not decoding.by_pyav
        self._capture = open_wire(
            source, BYTES, name, max_pixels, by_pyav=decoding.by_pyav, skip=decoding.skip
        )
        if not self._capture.opened:
            raise source.fault or _unreadable(name, source)
        self.fps = self._capture.fps

    def read(self) -> Image | None:
        """Return the next picture, None at the end of a finite one; SourceError."""
        bgr = self._capture.read()
        if bgr is not None:
            self._source.silent_bytes, self._source.until_s = 0, float("inf")
            self._source.has_late_index = False
            return bgr
        if self._source.has_late_index:
            raise _unreadable(self._name, self._source)
        if self._source.fault is None and self.finite:
            return None
        raise self._source.fault or SourceError(f"{self._name} dropped", DROPPED_HINT)

    def close(self) -> None:
        """End what `read` waits for; its memory is freed with the last reference."""
        self._close()


def _unreadable(name: str, source: ByteSource) -> SourceError:
    if source.has_late_index:
        return SourceError(
            f"{name} has its index at its end, and its server sends no part of a file",
            "download it, then --camera FILE",
        )
    return SourceError(f"{name} is no stream that can be read", NO_PICTURE_HINT)


def open_http(
    address: Address, settings: CameraSettings, name: str, decoding: Decoding = Decoding()
) -> MotionJpeg | Snapshots | Container:
    """Return the pictures of an address, by what it answers; raises SourceError."""
    request = HttpRequest(address, settings, name)
    try:
        return _by_kind(request, address, settings, name, decoding)
    except BaseException:
        request.close()
        raise


def _by_kind(
    request: HttpRequest,
    address: Address,
    settings: CameraSettings,
    name: str,
    decoding: Decoding,
) -> MotionJpeg | Snapshots | Container:
    max_pixels = settings.max_video_megapixels * 1e6
    main, _, kind = request.kind.partition("/")
    if main == "multipart":
        return MotionJpeg(request, name, settings.max_megapixels * 1e6)
    begin = request.peek()
    # Some cameras call everything application/octet-stream.
    if (main == "image" and kind not in PLAYLISTS) or begin.startswith(b"\xff\xd8\xff"):
        return Snapshots(request, address, settings, name)
    if kind == "html":
        raise SourceError(f"{name} answers with a web page, not with pictures", NO_PICTURE_HINT)
    if kind in PLAYLISTS or begin.startswith(b"#EXTM3U"):
        playlist = Playlist(request, address, settings, name)
        source = ByteSource(name, playlist.pieces())
        return Container(source, name, max_pixels, playlist.ended, playlist.close, decoding)
    return _container(request, address, settings, name, max_pixels, decoding)


def _container(
    request: HttpRequest,
    address: Address,
    settings: CameraSettings,
    name: str,
    max_pixels: float,
    decoding: Decoding,
) -> Container:
    size = request.response.length  # None: a stream without end
    requests = [request]

    def pieces(current: HttpRequest) -> Iterator[bytes]:
        while data := current.read(CHUNK):
            yield data
        if current.response.length:
            raise SourceError(f"{name} dropped", DROPPED_HINT)

    def reopen(at: int) -> Iterator[bytes]:
        requests[0].close()
        requests[0] = HttpRequest(address, settings, name, start=at)
        if at and requests[0].response.status != 206:
            raise SourceError(f"{name} cannot be read from its middle", NO_PICTURE_HINT)
        return pieces(requests[0])

    ranges = request.response.headers.get("Accept-Ranges", "").lower() == "bytes"
    source = ByteSource(name, pieces(request), size, reopen if ranges else None)
    return Container(
        source, name, max_pixels, size is not None, lambda: requests[0].close(), decoding
    )
