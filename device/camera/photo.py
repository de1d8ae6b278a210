"""Read one photo file, whichever kind it is: JPEG, PNG, WebP, grey, with alpha, turned by EXIF."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from device.errors import SourceError

PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


class PhotoError(SourceError):
    """A photo that is missing, truncated or not a picture."""


def read_photo(path: Path | str) -> np.ndarray:
    """Return the photo upright, uint8 (H, W, 3), in B, G, R order.

    Alpha is laid over black. Raises PhotoError naming the file. Pillow, not OpenCV, decodes:
    cv2.imread returns half-grey pictures for truncated files without an error.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright)
            elif upright.mode.startswith("I;16"):
                # Pillow clips 16-bit grey at 255 instead of scaling it.
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            rgb = np.asarray(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise PhotoError(f"cannot read the photo {path}: {reason}") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])
