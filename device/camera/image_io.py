"""Read a photo file: JPEG, PNG, WebP and more; grey, with alpha, turned by EXIF."""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import SourceError, os_reason
from ..types import Image as BgrImage

PHOTO_ENDINGS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".avif"),
    *(".tif", ".tiff", ".ppm", ".pgm"),
}


HINT = "another photo, or copy this one again"


class PhotoError(SourceError):
    """A photo that is missing, truncated or not a picture."""


def read_photo(path: Path | str) -> BgrImage:
    """Return the photo upright, uint8 (H, W, 3) in B, G, R order; alpha is laid over black.

    Raises PhotoError naming the file. Pillow decodes, not OpenCV: cv2.imread returns half-grey
    pictures for truncated files without an error.
    """
    try:
        with _pillow_warnings_off(), Image.open(path) as image:
            image.load()
            rgb = np.asarray(_upright_rgb(image))
    except Exception as error:  # Pillow's many decoders raise errors of any type on broken files
        raise PhotoError(f"cannot read the photo {path}: {_reason(error)}", HINT) from error
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):  # its text repeats the path
        return "not a picture"
    return os_reason(error)


def _upright_rgb(image: Image.Image) -> Image.Image:
    # Pillow's EXIF reader raises struct.error, TypeError and more: the photo is then left as it is.
    with contextlib.suppress(Exception):
        image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    elif image.mode.startswith("I;16"):
        # Pillow clips 16-bit grey at 255 instead of scaling it.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


_lock = threading.Lock()
_readers = 0
_filters = contextlib.ExitStack()


@contextlib.contextmanager
def _pillow_warnings_off() -> Iterator[None]:
    """Ignore Pillow's warnings about odd metadata and large pictures, which it reads nevertheless.

    Filters belong to the process, and catch_warnings restores those it found: of several threads
    that read photos, the first to enter changes the filters and the last to leave restores them.
    """
    global _readers
    with _lock:
        _readers += 1
        if _readers == 1:
            _filters.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\.")
            warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                _filters.close()
