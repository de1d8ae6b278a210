"""What travels between the rooms: Frame -> Face -> Track, each made once and not changed.

Boxes are x, y, width, height and points are x, y, in pixels of the frame; "left" is the viewer's.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

# Track.state: told, or why not
OK, TOO_SMALL, BLURRED, TURNED_AWAY = "ok", "too small", "blurred", "turned away"
UNKNOWN = "unknown"  # Track.person: nobody that was enrolled


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera or file."""

    bgr: np.ndarray  # uint8 (H, W, 3)
    index: int  # from 0; of a camera, frames that were dropped count
    time: datetime  # UTC: when captured; in a video, when opened plus the place in the film
    at_s: float  # s on a clock that nobody sets: to measure what passed between two frames
    source: str  # the camera's name, or the file's


Box = tuple[float, float, float, float]  # x, y, w, h in px of the frame
Region = tuple[int, int, int, int]  # left, top, right, bottom in px; right and bottom are outside


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face as the detector sees it, or where it should have gone since."""

    box: Box  # of what was detected: inside the frame
    score: float  # 0..1
    landmarks: np.ndarray  # float64 (4, 2): left eye, right eye, nose tip, mouth centre


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person over time; in photos, one face from left to right."""

    id: int  # from 1
    face: Face  # in this frame; where it was not looked for, as it was moving
    age: int  # frames in which the person was seen
    state: str  # OK, or why there is no attribute to show
    probabilities: np.ndarray | None  # float32 (attributes,) in the card's order; None unless OK
    motion: tuple[float, float] = (0.0, 0.0)  # of the face, px/s
    person: str = ""  # a name or UNKNOWN; empty where nobody was asked, or the face not clear yet
    person_score: float | None = None  # likeness to the most similar of those enrolled, 0..1
