"""Read a photo file: JPEG, PNG, WebP and more; grey, with alpha, turned by EXIF.

Decoding takes at most BUDGET bytes: a larger JPEG is decoded at a half, a quarter or an eighth of
its size, and photos of the other formats that do not fit are refused.
"""

import contextlib
import ctypes
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from PIL import Image

from ..errors import SourceError, os_reason
from ..files import open_regular
from ..resources import install_hint
from ..types import Image as BgrImage
from .deep_colour import BAND_PX, decode_deep, deep_tiff, has_16_bits, is_dark, range_of, scaled
from .full_size import FullSizeJpeg
from .own_memory import OwnMemoryJpeg
from .photo_files import HEAD, JPEG2000, PHOTO_ENDINGS, photo_format
from .photo_metadata import capture_time, exif_of, pixel_aspect, upright_turn
from .pillow_warnings import pillow_warnings_off

__all__ = ["PHOTO_ENDINGS", "Photo", "PhotoError", "decode_photo", "read_photo"]

# Bytes that decoding one photo may take; Facet itself takes 120 MB. Enough for 24 megapixels of
# full size, and for any JPEG of a phone at reduced size.
BUDGET = 170_000_000
# Pillow's module of each format, and the bytes per px while it decodes (measured: Pillow 13.0).
DECODERS = {
    "JPEG": ("PIL.JpegImagePlugin", 4),
    "PNG": ("PIL.PngImagePlugin", 4),
    "BMP": ("PIL.BmpImagePlugin", 4),
    "GIF": ("PIL.GifImagePlugin", 5),
    "PPM": ("PIL.PpmImagePlugin", 4),
    "TIFF": ("PIL.TiffImagePlugin", 8),
    "WEBP": ("PIL.WebPImagePlugin", 17),
    "AVIF": ("PIL.AvifImagePlugin", 10),
    "HEIF": ("pillow_heif", 10),
}
RESULT = 3  # bytes per px of the picture itself
OPENCV_WEBP = 7  # bytes per px with the picture; OpenCV drops alpha, so it has the large ones only
SCALES = (1, 2, 4, 8)  # of a JPEG
WHOLE_FILE = ("WEBP", "AVIF", "HEIF")  # decoders that read the file into memory
TRIMMED_PX = 4_000_000  # from here on free memory is returned before a photo is decoded
ENLARGED_PX = 8_000_000  # up to here the coarser axis of non-square pixels is enlarged
HINT = "another photo, or copy this one again"


class PhotoError(SourceError):
    """A photo that is missing, truncated, too large to decode or not a picture."""


class _RefusedError(Exception):
    """Why a photo is not decoded, and a hint."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded photo."""

    bgr: BgrImage  # upright, alpha over black
    scale: float  # px of the file per px of `bgr`, from 1
    taken: datetime | None  # UTC, of its EXIF data
    full_size: FullSizeJpeg | None = None  # of one that was decoded at reduced size


def read_photo(path: Path | str) -> BgrImage:
    """Return the photo upright, uint8 (H, W, 3) in B, G, R order; alpha is blended over black.

    Raises PhotoError naming the file.
    """
    return decode_photo(path).bgr


def decode_photo(path: Path | str, content: bytes | None = None) -> Photo:
    """Return the photo of a file, or of `content` if that is given; PhotoError names `path`.

    Only the formats in DECODERS are opened, by what the file holds. Pillow decodes, not OpenCV:
    cv2.imread returns half-grey pictures for truncated files without an error.
    """
    hint = HINT
    try:
        open_file = partial(open_regular, path) if content is None else partial(io.BytesIO, content)
        with pillow_warnings_off():
            return _decode(open_file)
    except _RefusedError as error:
        reason, hint = error.args
        cause: Exception = error
    except FileNotFoundError as error:
        reason, cause = "no such file", error
    except Exception as error:  # Pillow's many decoders raise errors of any type on broken files
        reason, cause = os_reason(error), error
    raise PhotoError(f"cannot read the photo {path}: {reason}", hint) from cause


def is_animated(path: Path, head: bytes) -> bool:
    """Whether a file that begins with `head` is a GIF of several frames: a film, not a photo."""
    if photo_format(head) != "GIF":
        return False
    with contextlib.suppress(Exception), open_regular(path) as file, _open(file, "GIF") as image:
        return bool(getattr(image, "is_animated", False))
    return False


def _decode(open_file: Callable[[], IO[bytes]]) -> Photo:
    with open_file() as file:
        head = file.read(HEAD)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if not size:
            raise _RefusedError("it is empty", HINT)
        stored = _stored(file, photo_format(head), size)
    bgr, (wide, high) = _with_square_pixels(stored.bgr, stored.aspect), stored.size_wh
    scale = max(1.0, min(wide / bgr.shape[1], high / bgr.shape[0]))
    turn = upright_turn(stored.exif)
    full_size = None
    if stored.reduced_by and stored.aspect == 1:
        full_size = FullSizeJpeg(open_file, stored.size_wh, stored.reduced_by, turn)
    return Photo(turn.apply(bgr), scale, capture_time(stored.exif), full_size)


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """A photo's picture as the file has it, not turned."""

    bgr: BgrImage
    size_wh: tuple[int, int]  # px of the file
    aspect: float  # of its pixels
    exif: Image.Exif
    reduced_by: int = 0  # the factor of a picture whose file can be read at full size in parts


def _stored(file: IO[bytes], name: str, size: int) -> _Stored:
    """Return the picture; Pillow's own copy is free again when it returns."""
    if name == "TIFF" and (deep := deep_tiff(file)):
        size_wh, per_px = deep
        return _Stored(_deep(file, size_wh, per_px, size), size_wh, 1.0, Image.Exif())
    file.seek(0)
    with _open(file, name) as image:
        size_wh, aspect = image.size, pixel_aspect(image)
        if name == "WEBP" and DECODERS[name][1] * size_wh[0] * size_wh[1] + size > BUDGET:
            return _Stored(_large_webp(file, size_wh, size), size_wh, aspect, exif_of(image))
        scale, reduce = _reduction(image, name, size)
        in_parts = scale > 1 and image.mode in ("RGB", "L") and not _coefficients(image)
        if image.width * image.height > TRIMMED_PX:
            _return_free_memory()
        high_bytes = has_16_bits(image)
        if scale > 1:
            image.draft(None, (image.width // scale, image.height // scale))
        image.load()
        # Not before the size is checked: Pillow decodes a PNG to look for EXIF data behind it.
        exif = exif_of(image)
        if isinstance(image, OwnMemoryJpeg) and (bgr := image.take_bgr()) is not None:
            return _Stored(bgr, size_wh, aspect, exif, scale if in_parts else 0)
        if not (high_bytes and is_dark(image)):
            return _Stored(_bgr(image, reduce), size_wh, aspect, exif, scale if in_parts else 0)
    del image  # its memory is needed
    return _Stored(_deep(file, size_wh, 8, size), size_wh, aspect, exif)


def _return_free_memory() -> None:
    """Give what the C library has kept of earlier photos back: up to 40 MB beside the next one."""
    with contextlib.suppress(AttributeError, OSError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _open(file: IO[bytes], name: str) -> Image.Image:
    """Return the opened image; only the header is read."""
    if name not in DECODERS:
        what = f"it is {JPEG2000}" if name == JPEG2000 else "its content is none of the formats"
        raise _RefusedError(f"{what}, not {', '.join(DECODERS)}", "a JPEG or PNG copy of it")
    module, _ = DECODERS[name]
    try:
        plugin = import_module(module)
    except ImportError:
        raise _RefusedError("HEIF needs the package pillow-heif", install_hint("heif")) from None
    if name == "HEIF":
        plugin.register_heif_opener()
    if name == "JPEG":
        return OwnMemoryJpeg(file, "")
    # Not Image.open: it tries other formats, and refuses large photos of phones as attacks.
    opened: Image.Image = Image.OPEN[name][0](file, "")
    return opened


def _reduction(image: Image.Image, name: str, size: int) -> tuple[int, int]:
    """Return the scale to decode at and the factor to reduce by then, so that it fits BUDGET."""
    pixels, per_px = image.width * image.height, DECODERS[name][1]
    held = float(size if name in WHOLE_FILE else 0)
    if name == "JPEG":
        held = _coefficients(image)
        for scale in SCALES:
            if held + (per_px + RESULT) * pixels / scale**2 <= BUDGET:
                return scale, 1
    for reduce in SCALES if name != "JPEG" else ():
        if held + (per_px + RESULT / reduce**2) * pixels <= BUDGET:
            return 1, reduce
    raise _too_large(image.size, name)


def _too_large(size_wh: tuple[int, int], name: str) -> _RefusedError:
    reason = f"decoding {size_wh[0]}x{size_wh[1]} px takes more than {BUDGET // 1_000_000} MB"
    other = "a copy that is smaller or not progressive" if name == "JPEG" else "a JPEG copy of it"
    return _RefusedError(reason, other)


def _coefficients(image: Any) -> float:
    """Return the bytes that libjpeg keeps of a JPEG whose scans do not hold whole pixels."""
    try:
        layers = image.layer  # (id, horizontal, vertical sampling, table) of each component
        if not image.info.get("progressive") and _is_one_scan(image.fp, len(layers)):
            return 0.0
        most = max(h for _, h, _, _ in layers) * max(v for _, _, v, _ in layers)
        samples = float(sum(h * v for _, h, v, _ in layers) / most)
    except (AttributeError, OSError, TypeError, ValueError, ZeroDivisionError):
        samples = 4.0
    return 2.0 * samples * float(image.width * image.height)


def _is_one_scan(file: IO[bytes], components: int) -> bool:
    """Whether the scan whose header the file has just read holds every component."""
    length = 6 + 2 * components
    end = file.seek(0, os.SEEK_CUR)
    file.seek(end - length)
    header = file.read(length)
    return header[:3] == bytes((0, length, components))


def _deep(file: IO[bytes], size_wh: tuple[int, int], per_px: int, size: int) -> BgrImage:
    if (per_px + RESULT) * size_wh[0] * size_wh[1] + size > BUDGET:
        raise _too_large(size_wh, "")
    return decode_deep(file, size_wh)


def _large_webp(file: IO[bytes], size_wh: tuple[int, int], size: int) -> BgrImage:
    if OPENCV_WEBP * size_wh[0] * size_wh[1] + size > BUDGET:
        raise _too_large(size_wh, "WEBP")
    file.seek(0)
    content = np.frombuffer(file.read(), np.uint8)
    bgr: BgrImage | None = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise ValueError("it is truncated or damaged")
    return bgr


def _bgr(image: Image.Image, reduce: int) -> BgrImage:
    """Return a loaded image as B, G, R; in bands, because each conversion makes a copy."""
    width, height = image.size
    bgr = np.empty((-(-height // reduce), -(-width // reduce), 3), np.uint8)
    limits = _levels(image)
    rows = max(1, BAND_PX // width // reduce) * reduce
    for top in range(0, height, rows):
        band = _rgb(image.crop((0, top, width, min(top + rows, height))), limits)
        if reduce > 1:
            band = band.reduce(reduce)
        start = top // reduce
        # A copy with the last axis reversed by NumPy takes several times as long.
        cv2.cvtColor(np.asarray(band), cv2.COLOR_RGB2BGR, dst=bgr[start : start + band.height])
    return bgr


def _rgb(band: Image.Image, levels: tuple[float, float] | None) -> Image.Image:
    if levels:
        band = Image.fromarray(scaled(np.asarray(band), *levels))
    elif band.mode in ("RGBA", "LA", "PA") or "transparency" in band.info:
        band = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", band.size, "black"), band)
    return band.convert("RGB")


def _levels(image: Image.Image) -> tuple[float, float] | None:
    """Return the values that become black and white, of a mode with more than 8 bits; or None."""
    if not image.mode.startswith(("I", "F")):
        return None
    rows, (width, height) = max(1, BAND_PX // image.width), image.size
    tops = range(0, height, rows)
    bands = (image.crop((0, top, width, min(top + rows, height))) for top in tops)
    return range_of(map(np.asarray, bands), image.mode.startswith("F"))


def _with_square_pixels(bgr: BgrImage, aspect: float) -> BgrImage:
    if aspect == 1:
        return bgr
    height, width = bgr.shape[:2]
    if (aspect > 1) == (max(aspect, 1 / aspect) * width * height <= ENLARGED_PX):
        size = (max(1, round(width * aspect)), height)
    else:
        size = (width, max(1, round(height / aspect)))
    way = cv2.INTER_AREA if size[0] < width or size[1] < height else cv2.INTER_LINEAR_EXACT
    resized: BgrImage = cv2.resize(bgr, size, interpolation=way)
    return resized
