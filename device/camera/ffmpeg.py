"""Open with OpenCV's FFmpeg what comes from a file or over a wire, which may open nothing else.

FFmpeg takes as much memory as a stream's header asks for. `limit_blocks` bounds it, so that a
picture beyond the limit fails to decode instead of filling the memory.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from typing import Any

import cv2

from ..errors import SourceError
from ..silence import silence_opencv
from ..types import Image
from .jpeg import FULL_PIXELS

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # that OpenCV reads at every opening
# Containers that cameras send. Others (concat, sdp, hls, ...) name files and hosts to open.
CONTAINERS = "mpegts,mpeg,mov,mp4,matroska,webm,flv,avi"
# Those of files: whole films, elementary streams, and no playlists or numbered pictures.
FILE_CONTAINERS = (
    f"{CONTAINERS},asf,ogg,dv,mxf,mxf_opatom,gxf,nut,rm,wtv,nsv,ivf,obu,av1,h261,h263,h264,hevc,"
    "vvc,m4v,mpegvideo,vc1,cavsvideo,dirac,mjpeg,mpjpeg,yuv4mpegpipe,gif,apng,swf,flic,amv,roq,"
    "smk,bink,4xm,vivo,lmlm4,mpegtsraw,mv,nuv,pva,live_flv,cine"
)
BYTES = {"protocol_whitelist": "none", "format_whitelist": CONTAINERS}
FILE = {"protocol_whitelist": "file", "format_whitelist": FILE_CONTAINERS}
# No tls: rtsp_relay.py encrypts. No udp: anybody can send such packets.
RTSP = {
    "protocol_whitelist": "rtsp,tcp",
    "format_whitelist": "rtsp",
    "rtsp_transport": "tcp",
}
# Bytes of a block for which any stream may ask: pictures of 11 megapixels with 4 bytes each, and
# the index of a film of 20 hours.
MIN_BLOCK = 44_000_000
BYTES_A_PIXEL = 4  # of a decoded picture, in one block
PROBE = 16  # px between the pixels that are compared
RECENT = 4  # pictures; OpenCV repeats an older one where it cannot convert the new one

_lock = threading.Lock()


class Unconverted:
    """Finds the pictures that OpenCV may have failed to convert: black, or one of the last again.

    They may be black or repeated in truth.
    """

    def __init__(self) -> None:
        self._recent: collections.deque[bytes] = collections.deque(maxlen=RECENT)

    def __call__(self, bgr: Image) -> bool:
        sample = bgr[::PROBE, ::PROBE].tobytes()
        found = sample in self._recent or not any(sample)
        self._recent.append(sample)
        return found


class Capture:
    """cv2.VideoCapture of an address, a file or of bytes; `opened` says whether it is one.

    name: in errors. parameters: OpenCV's, as (number, value, ...). Raises SourceError for pictures
    of more than `max_pixels`, before one of them is decoded.
    """

    def __init__(
        self,
        source: object,
        options: dict[str, str],
        name: str,
        max_pixels: float,
        *parameters: int,
    ):
        self._name, self._max_pixels = name, max_pixels
        # Opening decodes as well, at a size that nobody has checked yet.
        limit_blocks(max_pixels)
        self.raw = _open(source, options, parameters)
        self.opened = self.raw.isOpened()
        width, height = (
            self.raw.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        try:
            refuse_large(name, width, height, max_pixels)
        except SourceError:
            self.raw.release()
            raise
        limit_blocks(BYTES_A_PIXEL * width * height)
        self.fps = self.raw.get(cv2.CAP_PROP_FPS)

    def read(self) -> Image | None:
        """Return the next picture, uint8 (H, W, 3) BGR; None: there is none.

        One of more than FULL_PIXELS is returned at a half or a quarter of its size.
        """
        ok, read = self.raw.read()
        if not ok:
            return None
        bgr: Image = read
        refuse_large(self._name, bgr.shape[1], bgr.shape[0], self._max_pixels)
        return reduced(bgr)

    def close(self) -> None:
        self.raw.release()


def refuse_large(name: str, width: float, height: float, max_pixels: float) -> None:
    """Raise SourceError for pictures, width x height px, beyond the limit."""
    if width * height > max_pixels:
        raise SourceError(
            f"{name} has pictures of {width:.0f}x{height:.0f}, more than "
            f"{max_pixels / 1e6:.3g} megapixels",
            "[camera] max_video_megapixels",
        )


def reduced(bgr: Image) -> Image:
    """Return a picture of at most FULL_PIXELS: the same, or a half, a quarter, ... of its size."""
    while bgr.shape[0] * bgr.shape[1] > FULL_PIXELS:
        bgr = cv2.resize(bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return bgr


def limit_blocks(size: float) -> None:
    """Bound each block of memory that FFmpeg takes, in this process, to `size` bytes.

    The limit is at least MIN_BLOCK. It holds for every FFmpeg that is loaded: OpenCV's and PyAV's.
    """
    for library in _loaded("libavutil"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(library).av_max_alloc(ctypes.c_size_t(round(max(size, MIN_BLOCK))))


def _loaded(name: str) -> set[str]:
    """Return the paths of the loaded libraries that are called so."""
    try:
        with open("/proc/self/maps", errors="surrogateescape") as maps:
            paths = (line.rstrip("\n").split(maxsplit=5)[-1] for line in maps if name in line)
            return {path for path in paths if os.path.basename(path).startswith(name)}
    except OSError:
        return set()


def _open(source: object, options: dict[str, str], parameters: tuple[int, ...]) -> Any:
    silence_opencv()
    capture = cv2.VideoCapture()
    text = "|".join(f"{key};{value}" for key, value in options.items())
    with _options(text), contextlib.suppress(cv2.error):
        capture.open(source, cv2.CAP_FFMPEG, list(parameters))  # type: ignore[call-overload]
    return capture


@contextlib.contextmanager
def _options(options: str) -> Iterator[None]:
    """Set OpenCV's only way to FFmpeg's options, a variable of the process, within the block."""
    with _lock:
        before = os.environ.get(OPTIONS)
        os.environ[OPTIONS] = options
        try:
            yield
        finally:
            if before is None:
                del os.environ[OPTIONS]
            else:
                os.environ[OPTIONS] = before
