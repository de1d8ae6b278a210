"""A clip without a camera: two portraits, panned, zoomed and tilted.

Both are in the public domain: Grace Hopper (US Navy) and Eileen Collins (NASA).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import cv2
import numpy as np

from ..errors import SourceError
from ..resources import install_hint, portrait_path
from ..types import Frame, Image

SIZE_WH = (640, 480)
FPS = 25.0
SHOT_S = 4.0  # length of a shot


@dataclass(frozen=True)
class Portrait:
    """A picture, and where its face is, px of the picture."""

    file: str
    face_xy: tuple[float, float]  # centre
    face_px: float  # width


ASTRONAUT = Portrait("astronaut.png", (224, 125), 100)
ADMIRAL = Portrait("grace_hopper.jpg", (251, 200), 190)


@dataclass(frozen=True)
class Panel:
    """One portrait in a shot: its face's first and last width, px, and tilt, degrees."""

    portrait: Portrait
    face_px: tuple[float, float]
    tilt: tuple[float, float]  # positive is counter-clockwise


# The panels of a shot are side by side.
SHOTS = (
    (Panel(ASTRONAUT, (90, 190), (-12, 12)),),
    (Panel(ADMIRAL, (200, 80), (15, -15)),),
    (Panel(ASTRONAUT, (80, 130), (0, 15)), Panel(ADMIRAL, (130, 80), (-15, 0))),
)


def portrait(wanted: Portrait) -> Image:
    """Return the picture, BGR; SourceError if it is missing or damaged."""
    from .image_io import PhotoError, read_photo  # here, as cameras need no Pillow

    path = portrait_path(wanted.file)
    try:
        return read_photo(path)
    except PhotoError as error:
        message = f"cannot read the demo's portrait {path}"
        raise SourceError(message, install_hint("files")) from error


class Demo:
    """The clip: 12 s at 640x480, always the same frames. Raises SourceError as `portrait` does."""

    name, fps = "demo", FPS
    mode = f"{SIZE_WH[0]}x{SIZE_WH[1]}, {FPS:g} frames/s"

    def __init__(self) -> None:
        self._pictures = {wanted: portrait(wanted) for wanted in (ASTRONAUT, ADMIRAL)}
        self._started = datetime.now(UTC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __len__(self) -> int:
        """Return the number of frames."""
        return round(len(SHOTS) * SHOT_S * FPS)

    def __iter__(self) -> Iterator[Frame]:
        per_shot = round(SHOT_S * FPS)
        for index in range(len(self)):
            shot = SHOTS[index // per_shot]
            progress = (index % per_shot) / per_shot
            width = SIZE_WH[0] // len(shot)
            bgr = np.hstack([self._draw(panel, progress, width) for panel in shot])
            at_s = index / FPS
            yield Frame(bgr, index, self._started + timedelta(seconds=at_s), at_s, self.name)

    def _draw(self, panel: Panel, progress: float, width: int) -> Image:
        """Return a panel, (480, width, 3) BGR, at a progress of its shot from 0 to 1."""
        # A cosine starts and ends at rest, as a hand that holds a camera does.
        blend = (1 - math.cos(math.pi * progress)) / 2
        first_px, last_px = panel.face_px
        first_tilt, last_tilt = panel.tilt
        face_px = first_px + blend * (last_px - first_px)
        tilt = first_tilt + blend * (last_tilt - first_tilt)
        face_xy = panel.portrait.face_xy
        matrix: np.ndarray = cv2.getRotationMatrix2D(
            face_xy, tilt, face_px / panel.portrait.face_px
        )
        sway = 0.06 * width * math.sin(2 * math.pi * blend)
        matrix[:, 2] += np.array([width / 2 + sway, SIZE_WH[1] * 0.45]) - face_xy
        return cv2.warpAffine(
            self._pictures[panel.portrait],
            matrix,
            (width, SIZE_WH[1]),
            flags=cv2.INTER_AREA,
            borderMode=cv2.BORDER_REPLICATE,
        )
