"""Pictures of stream and snapshot, JPEG: as in the window, or with blurred faces."""

from __future__ import annotations

import cv2

from ..outputs.overlay import annotate, draw_lines
from ..settings import WebSettings
from ..types import Box, Image, Result

BLUR_CELLS = 6  # a face is reduced to so many cells in width and height
BLUR_MARGIN = 0.25  # of the box on each side: hair, chin, and movement since the detection


class Pictures:
    """Encodes results, each of them once. Use from one thread."""

    def __init__(self, settings: WebSettings):
        self._settings = settings
        self._last: Result | None = None
        self._jpeg = b""
        self.encoded = 0
        """Number of pictures that were encoded."""

    def jpeg(self, result: Result) -> bytes:
        """Return the picture of a result as a JPEG file; the result is not changed."""
        if result is not self._last:
            picture = painted(result, self._settings)
            quality = [cv2.IMWRITE_JPEG_QUALITY, self._settings.quality]
            _, encoded = cv2.imencode(".jpg", picture, quality)
            self._last, self._jpeg = result, encoded.tobytes()
            self.encoded += 1
        return self._jpeg

    def forget(self) -> None:
        """Keep no picture while nobody looks."""
        self._last, self._jpeg = None, b""


def painted(result: Result, settings: WebSettings) -> Image:
    """Return a new picture with lines, boxes and labels; faces blurred if the settings say so."""
    picture = result.frame.bgr.copy()
    if settings.blur:
        for face in result.faces:
            blur(picture, face.box)
    draw_lines(picture, result.lines)
    annotate(picture, result.faces)
    height, width = picture.shape[:2]
    if width > settings.width:
        size = settings.width, max(1, round(height * settings.width / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return picture


def blur(picture_bgr: Image, box: Box) -> None:
    """Replace a face in the picture by its colours: the mean of 6 x 6 cells, smoothly joined."""
    height, width = picture_bgr.shape[:2]
    x, y, w, h = box
    left, right = (round(x - BLUR_MARGIN * w), round(x + (1 + BLUR_MARGIN) * w))
    top, bottom = (round(y - BLUR_MARGIN * h), round(y + (1 + BLUR_MARGIN) * h))
    region = picture_bgr[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    if region.size:
        cells = cv2.resize(region, (BLUR_CELLS, BLUR_CELLS), interpolation=cv2.INTER_AREA)
        size = region.shape[1], region.shape[0]
        region[:] = cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)
