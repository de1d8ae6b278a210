"""Read a network camera: motion JPEG, single pictures or a stream over HTTP, or RTSP."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self

import msgspec

from ..errors import SourceError
from ..log import Repeated, log
from ..resources import install_hint
from ..settings import CameraSettings
from ..types import Frame, Image
from .address import PASSWORD, Address, parse, with_credentials
from .decoders import has_pyav
from .ffmpeg import Unconverted
from .http_client import DROPPED_HINT, NO_PICTURE_HINT
from .jpeg import Broken, TooLarge
from .orientation import Oriented

USUAL_FPS = 25.0  # where the stream does not say
FIRST_READS = 5  # some cameras begin with a torn picture
MAX_BAD = 50  # pictures in a row; after them the camera is opened again
UNCONVERTED = 25  # pictures in a row that are black or repeated: OpenCV may be at fault


class Stream(Protocol):
    """Pictures of a camera over the network, open."""

    finite: bool  # a film; `read` returns None at its end
    fps: float  # frames/s; 0 if unknown
    kind: str
    by_opencv: bool  # decoded by OpenCV's FFmpeg

    def read(self) -> Image | None:
        """Return the next picture, or None where none is due; SourceError, TooLarge, Broken."""

    def close(self) -> None:
        """End what reads, in any thread."""


class NetworkCamera:
    """A network camera, a Device; `name` is its address without secrets, or its name in settings.

    `finite` says after `open` whether it is a film, whose end is a None of `read`.
    """

    def __init__(self, url: str, settings: CameraSettings | None = None):
        settings = msgspec.structs.replace(settings or CameraSettings(), source=url)
        self._settings = settings
        self._address: Address = parse(url)
        self.name = settings.name or self._address.name
        self.fps, self.mode, self.finite = USUAL_FPS, "", False
        self._stream: Stream | None = None
        self._first: Image | None = None
        self._bad, self._reason, self._bad_log = 0, "", Repeated()
        self._by_pyav: bool | None = None  # None: may be tried
        self._given, self._repeated, self._unconverted = 0, 0, Unconverted()
        self._warn(url)

    def open(self) -> None:
        self._open(skip=0)

    def _open(self, skip: int) -> None:
        self.close()
        address = with_credentials(self._settings)
        stream = _open(address, self._settings, self.name, self._by_pyav is True, skip)
        self._stream, self._bad, self._given = stream, 0, skip
        try:
            self._first = self._first_picture(stream)
        except BaseException:
            self.close()
            raise
        self.finite = stream.finite
        self.fps = stream.fps if 0.1 < stream.fps < 1000 else USUAL_FPS
        height, width = self._first.shape[:2]
        self.mode = f"{width}x{height}, {self.fps:.3g} frames/s"

    def _first_picture(self, stream: Stream) -> Image:
        for _ in range(FIRST_READS):
            bgr = self._good(stream)
            if bgr is not None:
                return bgr
        reason = f" ({self._reason})" if self._reason else ""
        raise SourceError(
            f"{self.name} gives no usable picture{reason}", "its address in a browser"
        )

    def read(self) -> Image | None:
        stream = self._stream
        if stream is None:
            raise SourceError(f"{self.name} dropped", DROPPED_HINT)
        bgr, self._first = self._first, None
        if bgr is None:
            bgr = self._good(stream)
        if bgr is None or not stream.by_opencv or self._by_pyav is not None:
            return bgr
        self._given += 1
        self._repeated = self._repeated + 1 if self._unconverted(bgr) else 0
        # At the beginning two are enough, as then nothing is lost.
        if self._repeated < (1 if self._given == 2 else UNCONVERTED):
            return bgr
        return self._by_pyav_from(stream, bgr)

    def _by_pyav_from(self, stream: Stream, bgr: Image) -> Image | None:
        """Decode by PyAV from here on; `bgr` where that is not possible."""
        if not has_pyav():
            if self._given > 2:
                self._by_pyav = False
                log.warning(
                    f"{self.name} gives black or repeated pictures, as OpenCV does if they are "
                    f"interlaced. Try: {install_hint('video')}, or progressive in the camera"
                )
            return bgr
        self._by_pyav = True
        try:
            self._open(self._given - 1 if stream.finite else 0)
        except SourceError:
            self._by_pyav = False
            raise
        log.info(f"{self.name} gives black or repeated pictures: decoded by PyAV from now on")
        return self.read()

    def _good(self, stream: Stream) -> Image | None:
        """Return a stream's next picture; None for one that is none, which is counted."""
        try:
            bgr = stream.read()
        except (TooLarge, Broken) as bad:
            self._bad += 1
            self._reason = str(bad)
            if isinstance(bad, TooLarge):
                self._reason += ", more than max_megapixels or the memory for it"
            self._bad_log.warning(f"{self.name}: a picture was dropped ({self._reason})")
            if self._bad >= MAX_BAD:
                raise SourceError(f"{self.name} sends no usable picture", NO_PICTURE_HINT) from None
            return None
        if bgr is not None:
            self._bad = 0
        return bgr

    def cancel(self) -> None:
        """End what `read` waits for, from another thread."""
        stream = self._stream
        if stream is not None:
            stream.close()

    def close(self) -> None:
        stream, self._stream, self._first = self._stream, None, None
        if stream is not None:
            stream.close()

    def _warn(self, url: str) -> None:
        if self._address.password and url in " ".join(sys.argv):
            log.warning(
                "the camera's password can be read in the process list. "
                f"Try: [camera] user and password_file, or {PASSWORD}"
            )
        if self._address.secure and not self._settings.tls_verify:
            log.warning(f"the certificate of {self.name} is not verified (tls_verify is off)")


class NetworkFilm(Oriented):
    """A film that a network camera's address turned out to be: every frame, to its end.

    Takes over an open NetworkCamera. Raises SourceError from the iteration where it breaks off.
    """

    def __init__(self, device: NetworkCamera):
        self._device = device
        self.name, self.fps = device.name, device.fps
        self._started = datetime.now(UTC)

    @property
    def mode(self) -> str:
        return self._device.mode + self.orientation.words

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._device.cancel()  # prefetching may still read it

    def __iter__(self) -> Iterator[Frame]:
        for index in itertools.count():
            bgr = self._device.read()
            if bgr is None:
                return
            bgr = self.orientation.apply(bgr)
            at_s = index / self.fps
            yield Frame(bgr, index, self._started + timedelta(seconds=at_s), at_s, self.name)


def _open(
    address: Address, settings: CameraSettings, name: str, by_pyav: bool, skip: int
) -> Stream:
    if address.scheme in ("http", "https"):
        from .http_stream import Decoding, open_http

        return open_http(address, settings, name, Decoding(by_pyav, skip))
    from .rtsp import RtspStream

    return RtspStream(address, settings, name, by_pyav)
