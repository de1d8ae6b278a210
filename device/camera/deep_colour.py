"""Pictures with more than 8 bits for a colour, scaled by the range that the file uses.

Pillow keeps the high byte of 16 bits and opens no TIFF of floats, so OpenCV decodes these.
"""

import contextlib
from collections.abc import Iterator
from typing import IO, Any

import cv2
import numpy as np
from PIL import Image

from ..types import Image as BgrImage

BAND_PX = 1_000_000  # converted at once
USED = (0.1, 99.9)  # percentiles of floats that become black and white
BRIGHT = 128  # a high byte from here on needs all 16 bits: it is the picture
WIDTH, HEIGHT, BITS, COLOURS, RGB = 256, 257, 258, 262, 2  # tags of TIFF; value of COLOURS


def has_16_bits(image: Any) -> bool:
    """Whether Pillow will give the high bytes only of an opened image that is not loaded."""
    rawmodes = [str(tile.args) for tile in image.tile]
    return image.mode in ("RGB", "RGBA", "LA") and any(";16" in mode for mode in rawmodes)


def is_dark(image: Image.Image) -> bool:
    """Whether the high bytes of a loaded image are so low that its file uses fewer bits."""
    highest = [high for _, high in np.reshape(image.getextrema(), (-1, 2))]
    return bool(max(highest[:1] if image.mode == "LA" else highest[:3]) < BRIGHT)


def deep_tiff(file: IO[bytes]) -> tuple[tuple[int, int], int] | None:
    """Return the size, and the bytes of a pixel, of a TIFF with 32 or 64 bits for a colour."""
    from PIL import TiffImagePlugin  # here: other photos do not need it, nor does a camera

    with contextlib.suppress(Exception):  # as Pillow's other readers: any error for broken files
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits = tags[BITS]
        if tags[COLOURS] == RGB and len(bits) in (3, 4) and min(bits) >= 32:
            return (int(tags[WIDTH]), int(tags[HEIGHT])), sum(bits) // 8
    return None


def decode_deep(file: IO[bytes], size_wh: tuple[int, int]) -> BgrImage:
    """Return the picture, uint8 (H, W, 3) BGR, alpha over black; ValueError for a damaged one."""
    file.seek(0)
    content = np.frombuffer(file.read(), np.uint8)
    values: np.ndarray | None = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if values is None or values.shape[:2] != size_wh[::-1] or values.ndim != 3:
        raise ValueError("it is truncated or damaged")
    low, high = range_of(_bands(values[:, :, :3]), values.dtype.kind == "f")
    bgr = np.empty((*values.shape[:2], 3), np.uint8)
    rows = _rows(values.shape[1])
    for top in range(0, len(values), rows):
        band = values[top : top + rows]
        colours = scaled(band[:, :, :3], low, high)
        if band.shape[2] == 4:
            opaque = 1.0 if band.dtype.kind == "f" else float(np.iinfo(band.dtype).max)
            colours = (colours * (band[:, :, 3:] / opaque)).astype(np.uint8)
        bgr[top : top + rows] = colours
    return bgr


def _bands(values: np.ndarray) -> Iterator[np.ndarray]:
    rows = _rows(values.shape[1])
    return (values[top : top + rows] for top in range(0, len(values), rows))


def _rows(width: int) -> int:
    return max(1, BAND_PX // width)


def range_of(bands: Iterator[np.ndarray], floats: bool) -> tuple[float, float]:
    """Return the values that become black and white.

    White is the highest value of as many bits as the file uses (12 bits in 16 are common), of
    floats 1 or 255; beyond those, the extremes. Not a number and infinite do not count, nor do
    floats of a few pixels, such as -1e30 for "no data".
    """
    lows, highs = [], []
    for band in bands:
        finite = band[np.isfinite(band)]
        if finite.size:
            extremes = finite.min(), finite.max()
            if floats:
                extremes = np.percentile(finite, USED, method="nearest")
            lows.append(float(extremes[0]))
            highs.append(float(extremes[1]))
    low, high = min(lows, default=0.0), max(highs, default=0.0)
    if low < 0 or low > high / 2:
        return low, max(high, low + 1e-6)
    if floats:
        usual = [white for white in (1.0, 255.0) if white / 8 <= high <= white]
        return 0.0, usual[0] if usual else max(high, 1e-6)
    return 0.0, float(2 ** max(8, int(high).bit_length()))


def scaled(values: np.ndarray, low: float, high: float) -> Any:
    """Return values from `low` to `high` as uint8."""
    finite = np.clip(np.nan_to_num(values.astype(np.float32)), low, high)
    return np.minimum((finite - low) * (256 / (high - low)), 255).astype(np.uint8)
