"""What a photo's metadata says: how it is turned, when it was taken, and its pixels' shape."""

import contextlib
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from .turn import Turn

ORIENTATION, EXIF_IFD, TAKEN, SUBSECOND, OFFSET = 0x0112, 0x8769, 0x9003, 0x9291, 0x9011
TURNS = {  # of EXIF's orientations; 1 is upright
    2: Turn(True, 0),
    3: Turn(False, 2),
    4: Turn(True, 2),
    5: Turn(True, 1),
    6: Turn(False, 3),
    7: Turn(True, 3),
    8: Turn(False, 1),
}
UPRIGHT = Turn()


def exif_of(image: Image.Image) -> Image.Exif:
    """Return an image's EXIF data, empty if it is malformed."""
    # Pillow's EXIF reader raises struct.error, TypeError and more: the photo then has none.
    with contextlib.suppress(Exception):
        return image.getexif()
    return Image.Exif()


def upright_turn(exif: Image.Exif) -> Turn:
    """Return the turn by which EXIF's orientation, 1 to 8, wants the picture shown."""
    orientation: Any = exif.get(ORIENTATION)
    return TURNS.get(orientation, UPRIGHT) if isinstance(orientation, int) else UPRIGHT


def capture_time(exif: Image.Exif) -> datetime | None:
    """Return when the photo was taken, UTC; without an offset, by this computer's time zone."""
    with contextlib.suppress(Exception):  # as of `exif_of`
        tags = exif.get_ifd(EXIF_IFD)
        text = str(tags[TAKEN]).strip("\0 ")
        offset = str(tags.get(OFFSET, "")).strip("\0 ")
        fraction = str(tags.get(SUBSECOND, "")).strip("\0 ")
        if fraction.isascii() and fraction.isdecimal():
            text += f".{fraction[:6]}"
        taken = datetime.strptime(text + offset, _time_format(text, offset))
        return taken.astimezone(UTC) if taken.year > 1900 else None
    return None


def _time_format(text: str, offset: str) -> str:
    return "%Y:%m:%d %H:%M:%S" + (".%f" if "." in text else "") + ("%z" if offset else "")


def pixel_aspect(image: Image.Image) -> float:
    """Return a pixel's width over its height; 1 where the file says nothing believable."""
    info = image.info
    across, down = info.get("dpi") or info.get("aspect") or info.get("jfif_density") or (1, 1)
    with contextlib.suppress(ArithmeticError, TypeError, ValueError):
        aspect = float(down) / float(across)
        if 0.25 <= aspect <= 4 and abs(aspect - 1) > 0.02:
            return aspect
    return 1.0
