"""Decode a JPEG into an array: Pillow's own memory is read only through two or three copies."""

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile


class OwnMemoryJpeg(JpegImageFile):
    """A JPEG whose `load`, in colour, decodes into `rgbx`; errors are those of Pillow's `load`."""

    rgbx: np.ndarray | None = None  # uint8 (H, W, 4), the last byte 255; None: as Pillow has it

    def load_prepare(self) -> None:
        """Give the decoder its memory; called by `load`."""
        if self.mode != "RGB":
            super().load_prepare()
            return
        width, height = self.size
        self.rgbx = np.empty((height, width, 4), np.uint8)
        # The decoder asks for four bytes a px, which is what Pillow has for RGB, too.
        self.im = Image.frombuffer("RGBX", self.size, self.rgbx, "raw", "RGBX", 0, 1).im
