"""Decode a camera's JPEG or PNG within a limit of memory: its size is read before its pixels."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import Image

FULL_PIXELS = 12_000_000  # up to here at full size: the pipeline holds four frames of 36 MB
MAX_BYTES = 32 << 20  # of one picture
MAX_COEFFICIENTS = 100_000_000  # bytes that a progressive JPEG takes besides its pixels
BASELINE, FRAMES = (0xC0, 0xC1), (0xC0, 0xC1, 0xC2)  # markers of frame headers that are decoded


class TooLarge(ValueError):
    """A picture beyond the limit: "16000x16000"."""


class Broken(ValueError):
    """Bytes that are no whole picture."""


def decode(data: bytes, max_pixels: float) -> Image:
    """Return the picture, uint8 (H, W, 3) BGR, at reduced size above FULL_PIXELS.

    Raises TooLarge for one of more than `max_pixels`, before it is decoded, and Broken.
    """
    width, height, coefficients = header(data)
    pixels = width * height
    if not pixels:
        raise Broken("no size")
    if pixels > max_pixels or coefficients > MAX_COEFFICIENTS:
        raise TooLarge(f"{width}x{height}")
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    if pixels > FULL_PIXELS:
        if data.startswith(b"\x89PNG"):  # only JPEG is decoded at reduced size
            raise TooLarge(f"{width}x{height} PNG")
        reduced = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
        part = next((part for part in reduced if pixels / part**2 <= FULL_PIXELS), 8)
        flags = reduced.get(part, cv2.IMREAD_REDUCED_COLOR_8) | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise Broken("not decoded")
    return bgr


def header(data: bytes) -> tuple[int, int, int]:
    """Return width, height, and the bytes of a progressive JPEG's coefficients, from the header.

    Raises Broken for what is neither JPEG nor PNG, or has no end.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) > 45:
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), 0
    if not data.startswith(b"\xff\xd8") or b"\xff\xd9" not in data[-64:]:
        raise Broken("no whole JPEG")
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker not in FRAMES:  # lossless, arithmetic: no camera sends them
                raise Broken("an unusual JPEG")
            height, width = (
                int.from_bytes(data[at + 5 : at + 7]),
                int.from_bytes(data[at + 7 : at + 9]),
            )
            components = data[at + 9]
            memory = 0 if marker in BASELINE else 2 * width * height * components
            return width, height, memory
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise Broken("no JPEG header")
