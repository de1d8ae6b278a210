"""Make the photo of the probes: several people at several distances, as a camera would."""

from pathlib import Path

import cv2

from .portraits import people
from .room import background, place

SIZE_WH = (4000, 3000)
# Centre of each face and its width, px; the farthest first, as those before hide them.
FACES = (
    ((700, 640), 60),
    ((1500, 560), 80),
    ((2300, 620), 100),
    ((3200, 600), 130),
    ((1000, 1250), 180),
    ((2050, 1300), 240),
    ((3350, 1350), 340),
    ((800, 2250), 420),
    ((2300, 2150), 560),
)


def main(path: Path) -> None:
    """Write the photo, a JPEG of 12 megapixels."""
    picture = background(SIZE_WH)
    for person, (xy, face_px) in zip(people(len(FACES)), FACES, strict=True):
        place(picture, person, xy, face_px, 0.0)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
