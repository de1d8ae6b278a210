"""A camera for the bench: so many portraits that move and tilt, drawn once and held in memory.

Drawing costs as much as a camera's driver would, and is not what the bench is about.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from ..camera.demo import ADMIRAL, ASTRONAUT, portrait
from ..types import Frame

FPS = 30.0
HELD_BYTES = 256 * 2**20  # of frames in memory
LONGEST_LOOP = 60  # frames until the movement repeats
FACE_SHARE = 0.3  # of a panel's shorter side
TILT_DEG, SWAY = 12.0, 0.06  # in +-; the sway is a share of the panel's sides


class Scene:
    """`people` faces in pictures of `size_wh` px, `frames` of them; the same at each iteration."""

    live, stills, fps = False, False, FPS

    def __init__(self, people: int, size_wh: tuple[int, int], frames: int):
        self.name = f"{people} faces {size_wh[0]}x{size_wh[1]}"
        self.mode = f"{size_wh[0]}x{size_wh[1]}, {FPS:g} frames/s"
        self._frames = frames
        held = max(15, min(LONGEST_LOOP, HELD_BYTES // (3 * size_wh[0] * size_wh[1])))
        pictures = [portrait(one) for one in (ASTRONAUT, ADMIRAL)]
        self._loop = [_drawn(people, size_wh, n / held, pictures) for n in range(held)]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def __iter__(self) -> Iterator[Frame]:
        started = datetime.now(UTC)
        for index in range(self._frames):
            at_s = index / FPS
            bgr = self._loop[index % len(self._loop)]
            yield Frame(bgr, index, started + timedelta(seconds=at_s), at_s, self.name)


def _drawn(people: int, size_wh: tuple[int, int], phase: float, pictures) -> np.ndarray:
    """Return the picture at `phase` 0..1 of the loop, uint8 (h, w, 3)."""
    picture = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
    columns = math.ceil(math.sqrt(people * size_wh[0] / size_wh[1])) if people else 1
    rows = math.ceil(people / columns)
    for n in range(people):
        who, source = ((ASTRONAUT, ADMIRAL)[n % 2], pictures[n % 2])
        left, right = (size_wh[0] * (n % columns + end) // columns for end in (0, 1))
        top, bottom = (size_wh[1] * (n // columns + end) // rows for end in (0, 1))
        w, h = right - left, bottom - top
        turn = 2 * math.pi * (phase + n / people)
        zoom = FACE_SHARE * min(w, h) / who.face_px
        matrix = cv2.getRotationMatrix2D(who.face_xy, TILT_DEG * math.sin(turn), zoom)
        sway = SWAY * np.array([w * math.cos(turn), h * math.sin(turn)])
        matrix[:, 2] += np.array([w / 2, h * 0.45]) + sway - who.face_xy
        picture[top:bottom, left:right] = cv2.warpAffine(
            source, matrix, (w, h), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )
    return picture
