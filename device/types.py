"""What travels between the stages: Frame -> Detection -> Face -> Result, each frozen.

Boxes are x, y, width, height and points are x, y, in px of the frame; "left" is the viewer's left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from .errors import nearest

# Face.state: classified, or why not
OK, TOO_SMALL, BLURRED, TURNED_AWAY = "ok", "too small", "blurred", "turned away"
TOO_DARK, TOO_BRIGHT, UPSIDE_DOWN = "too dark", "too bright", "upside down"
STATES = (OK, TOO_SMALL, BLURRED, TURNED_AWAY, TOO_DARK, TOO_BRIGHT, UPSIDE_DOWN)  # Face.state
IN, OUT = "in", "out"  # Crossing.direction
NO_FACE = "no face"  # in the log only: of a photo without faces
UNREADABLE = "unreadable"  # in tables of photos only: of one that cannot be read
UNKNOWN = "unknown"  # Face.person of a face that belongs to no enrolled person

Box = tuple[float, float, float, float]  # x, y, w, h in px of the frame
Region = tuple[int, int, int, int]  # left, top, right, bottom in px; right and bottom are outside
Image = np.ndarray  # uint8 (H, W, 3), B, G, R unless its name ends in _rgb


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """A part of a photo at a higher resolution than the photo's frame."""

    bgr: Image
    """The part, uint8 (H, W, 3), B, G, R."""
    left_top: tuple[int, int]
    """Its corner in the photo at full size, px."""
    factor: int
    """px of the file per px of the part."""
    scale: int
    """px of the file per px of the frame."""


class FullSize(Protocol):
    """A photo that was decoded at reduced size, to be read at full size in parts."""

    @property
    def size_wh(self) -> tuple[int, int]:
        """px, as the frame shows it."""

    @property
    def scale(self) -> int:
        """px of the file per px of the frame."""

    def close_ups(
        self, regions: Sequence[Region], factors: Sequence[int], stopping: Callable[[], bool]
    ) -> Iterator[tuple[int, CloseUp]]:
        """Yield (number of the region, its close-up) in any order.

        regions: px of the full size. factors: px of the file per px of the close-up, 1, 2, 4 or 8.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera or file."""

    bgr: Image
    """The picture, uint8 (H, W, 3), B, G, R."""
    index: int
    """Number of the frame, from 0; dropped frames of a camera count."""
    time: datetime
    """UTC: when it was captured; in a video, when the video was opened plus the position in it;
    of a photo whose EXIF data has no time, when it was read."""
    at_s: float
    """s on a monotonic clock, for intervals between frames."""
    source: str
    """Name of the camera or of the file."""
    scale: float = 1.0
    """px of the file per px of `bgr`: large photos are decoded at reduced size."""
    full_size: FullSize | None = None
    """Reads parts of such a photo at full size; None: `bgr` is all there is."""
    cut: bool = False
    """Whether nothing of the frames before goes on in it, as where a video begins again."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face as the detector finds it, or as the tracker predicts it."""

    box: Box
    """x, y, width, height, px of the frame."""
    score: float
    """Score of the detector, 0..1."""
    landmarks: np.ndarray
    """float64 (4, 2), px: left eye, right eye, nose tip, mouth centre."""


class Probabilities(Mapping[str, float]):
    """Calibrated probabilities 0..1 by attribute name; empty if a face is not classified.

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

    id: int
    """ID of the track, from 1; in photos, the position from left to right."""
    box: Box
    """x, y, width, height, px; inside the frame."""
    score: float
    """Score of the detector, 0..1."""
    landmarks: np.ndarray
    """float64 (4, 2), px: left eye, right eye, nose tip, mouth centre."""
    state: str = OK
    """OK, or why the face is not classified: TOO_SMALL, BLURRED, TURNED_AWAY, TOO_DARK,
    TOO_BRIGHT or UPSIDE_DOWN."""
    labels: tuple[str, ...] = ()
    """Words for the attributes that are present."""
    probabilities: Probabilities = field(default_factory=Probabilities)
    """Calibrated probabilities by attribute name."""
    hits: int = 1
    """Number of frames in which the track was detected."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Of the track, px/s."""
    person: str = ""
    """Name of an enrolled person, or UNKNOWN; empty if not (yet) recognized."""
    person_score: float | None = None
    """Similarity to the nearest enrolled person, 0..1; None if not compared."""

    def __getitem__(self, name: str) -> float | None:
        """Return the probability of an attribute, 0..1; None if the face is not classified.

        Raises KeyError, which names the nearest, for an attribute that is not computed.
        """
        names = self.probabilities.names
        if names and name not in names:
            raise KeyError(f"unknown attribute {name!r}. Try: {nearest(name, names)}")
        return self.probabilities.get(name)


@dataclass(frozen=True, slots=True)
class Line:
    """A line in the picture. Looking from `from_xy` to `to_xy`, in is from the left to the right.

    The points are shares of the picture's width and height, 0..1.
    """

    name: str
    from_xy: tuple[float, float]
    to_xy: tuple[float, float]
    in_name: str = IN
    """What the picture says for in."""
    out_name: str = OUT
    """What the picture says for out."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track that has crossed a line."""

    time: datetime
    """UTC, of the frame in which it was seen on the other side."""
    track: int
    """ID of the track."""
    line: str
    """Name of the line."""
    direction: str
    """IN or OUT."""


@dataclass(frozen=True, slots=True)
class LineCount:
    """A line and its crossings since the start of the run."""

    line: Line
    ins: int = 0
    """Crossings in."""
    outs: int = 0
    """Crossings out."""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One frame and the faces in it; unpacks as `frame, faces`."""

    frame: Frame
    """The frame: its picture, number, time and source."""
    faces: Sequence[Face]
    """Its faces, from left to right."""
    fps: float = 0.0
    """frames/s over the last 30 frames."""
    age_s: float | None = None
    """Of a live camera: s since the analyzed frame was captured; None for videos and photos."""
    analyzed: bool = True
    """False for a preview: the faces of an earlier frame at their predicted position."""
    crossings: Sequence[Crossing] = ()
    """The lines of the settings that a track has crossed since the frame before."""
    lines: Sequence[LineCount] = ()
    """The lines of the settings, with their crossings so far."""

    def __iter__(self) -> Iterator[Any]:
        yield self.frame
        yield self.faces
