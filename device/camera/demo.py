"""A clip without a camera: public-domain portraits, panned, zoomed and tilted.

The pictures are files of wheels, found without importing those: Grace Hopper's portrait (US Navy)
in matplotlib's and Eileen Collins's (NASA) in scikit-image's.
"""

import importlib.metadata
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError
from ..types import Frame
from .image_io import read_photo

SIZE_WH = (640, 480)
FPS = 25.0
SHOT_S = 4.0  # s a shot lasts


@dataclass(frozen=True)
class Portrait:
    """A picture in a wheel, and where its face is, px of the picture."""

    wheel: str
    file: str
    face_xy: tuple[float, float]
    face_px: float  # width


ASTRONAUT = Portrait("scikit-image", "astronaut.png", (224, 125), 100)
ADMIRAL = Portrait("matplotlib", "grace_hopper.jpg", (251, 200), 190)

# Each shot: portraits side by side, with the first and last width of the face in px and its tilt.
SHOTS = (
    ((ASTRONAUT, (90, 190), (-12, 12)),),
    ((ADMIRAL, (200, 80), (15, -15)),),
    ((ASTRONAUT, (80, 130), (0, 15)), (ADMIRAL, (130, 80), (-15, 0))),
)


def portrait(wanted: Portrait) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3) BGR; SourceError names the command that installs it."""
    mend = "Run: pip install --force-reinstall --no-deps -r requirements-files.txt"
    try:
        files = importlib.metadata.files(wanted.wheel) or []
    except importlib.metadata.PackageNotFoundError:
        raise SourceError(f"the demo needs a picture of {wanted.wheel}", mend) from None
    for file in files:
        if file.name == wanted.file:
            return read_photo(Path(file.locate()))
    raise SourceError(f"the demo's picture {wanted.file} is missing in {wanted.wheel}", mend)


class Demo:
    """The clip: 12 s at 640x480, always the same frames."""

    live, stills, name, fps = False, False, "demo", FPS
    mode = f"{SIZE_WH[0]}x{SIZE_WH[1]}, {FPS:g} frames/s"

    def __init__(self):
        self._pictures = {one: portrait(one) for one in (ASTRONAUT, ADMIRAL)}
        self._started = datetime.now(UTC)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def __len__(self) -> int:
        return round(len(SHOTS) * SHOT_S * FPS)

    def __iter__(self) -> Iterator[Frame]:
        per_shot = round(SHOT_S * FPS)
        for index in range(len(self)):
            shot = SHOTS[index // per_shot]
            bgr = np.hstack([self._panel(part, index, per_shot, len(shot)) for part in shot])
            at_s = index / FPS
            yield Frame(bgr, index, self._started + timedelta(seconds=at_s), at_s, self.name)

    def _panel(self, part, index: int, per_shot: int, panels: int) -> np.ndarray:
        who, (width_from, width_to), (tilt_from, tilt_to) = part
        # A cosine starts and ends at rest, as a hand that holds a camera does.
        share = (1 - math.cos(math.pi * (index % per_shot) / per_shot)) / 2
        face_px = width_from + share * (width_to - width_from)
        tilt = tilt_from + share * (tilt_to - tilt_from)
        size = (SIZE_WH[0] // panels, SIZE_WH[1])
        matrix = cv2.getRotationMatrix2D(who.face_xy, tilt, face_px / who.face_px)
        sway = 0.06 * size[0] * math.sin(2 * math.pi * share)
        matrix[:, 2] += np.array([size[0] / 2 + sway, size[1] * 0.45]) - who.face_xy
        return cv2.warpAffine(
            self._pictures[who], matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )
