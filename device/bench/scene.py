"""A camera for the bench: portraits that move and tilt, drawn once and held in memory.

The time of a camera driver or a video decoder is not Facet's, so the bench leaves it out.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Self

import cv2
import numpy as np

from ..camera.demo import ADMIRAL, ASTRONAUT, portrait
from ..text import counted
from ..types import Frame, Image

FPS = 30.0
MAX_BYTES = 256 * 2**20  # of frames in memory
MAX_LOOP = 60  # frames until the movement repeats
FACE_SHARE = 0.3  # width of a face, as a share of its panel's shorter side
TILT_DEG = 12.0  # to either side
SWAY = 0.06  # to either side, as a share of the panel's sides
PORTRAITS = (ASTRONAUT, ADMIRAL)


class Scene:
    """`faces` moving portraits in pictures of `size_wh` px, for `frames` frames at FPS frames/s.

    Each iteration yields the same pictures.
    """

    fps = FPS

    def __init__(self, faces: int, size_wh: tuple[int, int], frames: int):
        self.name = f"{counted(faces, 'face')} {size_wh[0]}x{size_wh[1]}"
        self.mode = f"{size_wh[0]}x{size_wh[1]}, {FPS:g} frames/s"
        self._frames = frames
        length = max(15, min(MAX_LOOP, MAX_BYTES // (3 * size_wh[0] * size_wh[1])))
        pictures = [portrait(subject) for subject in PORTRAITS]
        self._loop = [_draw(faces, size_wh, n / length, pictures) for n in range(length)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        started = datetime.now(UTC)
        for index in range(self._frames):
            at_s = index / FPS
            bgr = self._loop[index % len(self._loop)]
            yield Frame(bgr, index, started + timedelta(seconds=at_s), at_s, self.name)


def _draw(faces: int, size_wh: tuple[int, int], phase: float, pictures: list[Image]) -> Image:
    """Return the picture at `phase` 0..1 of the loop, uint8 (h, w, 3)."""
    picture = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
    columns = math.ceil(math.sqrt(faces * size_wh[0] / size_wh[1])) if faces else 1
    rows = math.ceil(faces / columns)
    for n in range(faces):
        subject, source = PORTRAITS[n % 2], pictures[n % 2]
        left, right = (size_wh[0] * (n % columns + end) // columns for end in (0, 1))
        top, bottom = (size_wh[1] * (n // columns + end) // rows for end in (0, 1))
        w, h = right - left, bottom - top
        angle = 2 * math.pi * (phase + n / faces)
        zoom = FACE_SHARE * min(w, h) / subject.face_px
        matrix = cv2.getRotationMatrix2D(subject.face_xy, TILT_DEG * math.sin(angle), zoom)
        sway = SWAY * np.array([w * math.cos(angle), h * math.sin(angle)])
        matrix[:, 2] += np.array([w / 2, h * 0.45]) + sway - np.array(subject.face_xy)
        picture[top:bottom, left:right] = cv2.warpAffine(
            source, matrix, (w, h), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )
    return picture
