"""Decode a JPEG into an array: Pillow's own memory is read only through two or three copies.

Decoded rows are converted, and their memory given back, while the file is read: the most memory is
little more than the picture's. Of a progressive JPEG libjpeg gives no row before the last scan.
"""

import mmap

import cv2
import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ..types import Image as BgrImage

BAND = 1 << 22  # bytes of the decoder's memory that are converted at a time
RGBX = 4  # bytes per px of it; X is 255 where a pixel is decoded


class OwnMemoryJpeg(JpegImageFile):
    """A JPEG that `load`, in colour, decodes for `take_bgr`; with the errors of Pillow's `load`."""

    _decoding: "_Decoding | None" = None  # None: Pillow has the picture

    def load_prepare(self) -> None:
        """Give the decoder its memory; called by `load`."""
        if self.mode != "RGB":
            super().load_prepare()
            return
        self._decoding = _Decoding(*self.size)
        # The decoder asks for four bytes a px, which is what Pillow has for RGB, too.
        rgbx = self._decoding.rgbx
        self.im = Image.frombuffer("RGBX", self.size, rgbx, "raw", "RGBX", 0, 1).im

    def load_read(self, read_bytes: int) -> bytes:
        """Return more of the file; called by `load`."""
        if self._decoding:
            self._decoding.convert_decoded()
        return super().load_read(read_bytes)

    def take_bgr(self) -> BgrImage | None:
        """Return the loaded picture once, uint8 (H, W, 3); None where Pillow has it, as in grey."""
        decoding, self._decoding = self._decoding, None
        if decoding is None:
            return None
        decoding.convert(decoding.height)
        return decoding.bgr


class _Decoding:
    """The decoder's memory, and the picture that it becomes from top to bottom."""

    def __init__(self, width: int, height: int):
        self.height = height
        self._memory = mmap.mmap(-1, RGBX * width * height, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.bgr = np.empty((height, width, 3), np.uint8)
        self.rgbx = np.frombuffer(self._memory, np.uint8).reshape(height, width, RGBX)
        self._band = max(1, BAND // (RGBX * width))
        self._done = self._freed = 0  # rows, bytes

    def convert_decoded(self) -> None:
        """Convert the next band, if it is decoded."""
        end = self._done + self._band
        if end <= self.height and self.rgbx[end - 1, -1, 3]:
            self.convert(end)

    def convert(self, end: int) -> None:
        """Convert the rows up to `end`."""
        for top in range(self._done, end, self._band):
            rows = slice(top, min(top + self._band, end))
            cv2.cvtColor(self.rgbx[rows], cv2.COLOR_RGBA2BGR, dst=self.bgr[rows])
            whole = self.rgbx[: rows.stop].nbytes // mmap.PAGESIZE * mmap.PAGESIZE
            if whole > self._freed:
                self._memory.madvise(mmap.MADV_DONTNEED, self._freed, whole - self._freed)
                self._freed = whole
        self._done = end
