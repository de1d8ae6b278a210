"""Read one photo file, whichever kind it is: JPEG, PNG, WebP, grey, with alpha, turned by EXIF."""

import contextlib
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import SourceError

PHOTO_ENDINGS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".avif"),
    *(".tif", ".tiff", ".ppm", ".pgm"),
}
# What Pillow mutters about odd metadata and large pictures it reads all the same.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class PhotoError(SourceError):
    """A photo that is missing, truncated or not a picture."""


def read_photo(path: Path | str) -> np.ndarray:
    """Return the photo upright, uint8 (H, W, 3), in B, G, R order.

    Alpha is laid over black. Raises PhotoError naming the file. Pillow, not OpenCV, decodes:
    cv2.imread returns half-grey pictures for truncated files without an error.
    """
    try:
        with Image.open(path) as image:
            image.load()
            upright = image
            # Pillow's EXIF reader raises struct.error, TypeError and more: then as it lies.
            with contextlib.suppress(Exception):
                upright = ImageOps.exif_transpose(image)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright)
            elif upright.mode.startswith("I;16"):
                # Pillow clips 16-bit grey at 255 instead of scaling it.
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            rgb = np.asarray(upright.convert("RGB"))
    except Exception as error:  # broken files raise whatever Pillow's many decoders raise
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise PhotoError(f"cannot read the photo {path}: {reason}") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])
