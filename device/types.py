"""What travels between the stages: Frame -> Detection -> Face -> Result, each frozen.

Boxes are x, y, width, height and points are x, y, in px of the frame; "left" is the viewer's left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from .errors import nearest

# Face.state: classified, or why not
OK, TOO_SMALL, BLURRED, TURNED_AWAY = "ok", "too small", "blurred", "turned away"
NO_FACE = "no face"  # in the log only: of a photo without faces
UNKNOWN = "unknown"  # Face.person of a face that belongs to no enrolled person

Box = tuple[float, float, float, float]  # x, y, w, h in px of the frame
Region = tuple[int, int, int, int]  # left, top, right, bottom in px; right and bottom are outside
Image = np.ndarray  # uint8 (H, W, 3), B, G, R unless its name ends in _rgb


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera or file."""

    bgr: Image
    index: int  # from 0; dropped frames of a camera count
    # UTC: when captured; in a video, when opened plus the position in the video; of a photo without
    # that in its EXIF data, when it was read
    time: datetime
    at_s: float  # s on a monotonic clock, for intervals between frames
    source: str  # the camera's name, or the file's
    scale: float = 1.0  # px of the file per px of `bgr`: large photos are decoded at reduced size


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face as the detector finds it, or as the tracker predicts it."""

    box: Box
    score: float  # 0..1
    landmarks: np.ndarray  # float64 (4, 2): left eye, right eye, nose tip, mouth centre


class Probabilities(Mapping[str, float]):
    """Calibrated probabilities 0..1 by attribute name; empty where a face is not classified.

    names: the computed attributes, in the model card's order. array: float32 (attributes,) or None.
    """

    __slots__ = ("array", "names")

    def __init__(self, names: Sequence[str] = (), array: np.ndarray | None = None):
        self.names, self.array = tuple(names), array

    def __getitem__(self, name: str) -> float:
        if self.array is None or name not in self.names:
            raise KeyError(name)
        return float(self.array[self.names.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(() if self.array is None else self.names)

    def __len__(self) -> int:
        return 0 if self.array is None else len(self.names)

    def __bool__(self) -> bool:
        return self.array is not None

    def __repr__(self) -> str:
        return repr({name: round(value, 3) for name, value in self.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame, with its attributes. `face["Smiling"]` is a probability."""

    id: int  # from 1: of the track; in photos, from left to right
    box: Box  # inside the frame
    score: float  # 0..1, of the detector
    landmarks: np.ndarray  # as in Detection
    state: str = OK  # or why the face is not classified
    labels: tuple[str, ...] = ()  # words for the attributes that are present
    probabilities: Probabilities = field(default_factory=Probabilities)
    hits: int = 1  # frames in which the track was detected
    velocity: tuple[float, float] = (0.0, 0.0)  # px/s
    person: str = ""  # an enrolled person's name, or UNKNOWN; empty where not (yet) recognized
    person_score: float | None = None  # likeness to the most similar enrolled person, 0..1

    def __getitem__(self, name: str) -> float | None:
        """Return the probability of an attribute, 0..1; None where the face is not classified.

        Raises KeyError, which names the nearest, for an attribute that is not computed.
        """
        names = self.probabilities.names
        if names and name not in names:
            raise KeyError(f"unknown attribute {name!r}. Try: {nearest(name, names)}")
        return self.probabilities.get(name)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One frame and the faces in it; unpacks as `frame, faces`."""

    frame: Frame
    faces: Sequence[Face]
    fps: float = 0.0  # frames/s over the last 30 frames
    age_s: float | None = None  # of a live camera: since the frame that was analyzed was captured
    analyzed: bool = True  # False: a preview, with the faces of an earlier frame moved on

    def __iter__(self) -> Iterator[object]:
        yield self.frame
        yield self.faces
