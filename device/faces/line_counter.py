"""Count the tracks that cross lines in the picture, in each direction.

The point that crosses is the centre of the face's box: unlike the box's lower edge it moves little
when the box changes its size, and a face has no foot that stands on the ground.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..types import IN, OUT, Crossing, Face, Frame, Line, LineCount
from .frame_rate import FrameRate

MARGIN = 0.15  # face widths that a track must be past the line, so that jitter does not count
MIN_MARGIN_PX = 4.0

Point = tuple[float, float]  # x, y, px


@dataclass(slots=True)
class _Walk:
    """A track and one line; distances are signed, px, positive on the side that in leads to."""

    point: Point
    distance: float
    side: int = 0  # of the last position past the margin: 1 or -1; 0 before the first
    met: bool = False  # whether it was on the segment when it last changed sides


@dataclass(slots=True)
class _Track:
    hits: int = 0
    last_s: float = 0.0
    walks: dict[str, _Walk] = field(default_factory=dict)  # by the name of the line


class LineCounter:
    """Turns the faces of a stream, frame by frame, into crossings.

    A track has crossed a line when it is seen past the margin on one side after it was past the
    margin on the other, and its path between these frames met the line between its two ends. A
    track that is lost and found again with its ID goes on where it was. Positions that are only
    predicted do not count. max_lost_s: as for the tracker.
    """

    def __init__(self, lines: Sequence[Line], max_lost_s: float):
        self._counts = {line.name: LineCount(line) for line in lines}
        self._max_lost_s = max_lost_s
        self._tracks: dict[int, _Track] = {}
        self._frame_rate = FrameRate()

    @property
    def counts(self) -> tuple[LineCount, ...]:
        """The lines and their crossings so far."""
        return tuple(self._counts.values())

    def add(self, frame: Frame, faces: Sequence[Face]) -> tuple[Crossing, ...]:
        """Take the faces of a frame; return the crossings that have ended in it."""
        self._frame_rate.add(frame.at_s)
        crossings = [crossing for face in faces for crossing in self._update(frame, face)]
        limit_s = frame.at_s - self._frame_rate.lost_s(self._max_lost_s)
        self._tracks = {id: track for id, track in self._tracks.items() if track.last_s >= limit_s}
        return tuple(crossings)

    def _update(self, frame: Frame, face: Face) -> list[Crossing]:
        track = self._tracks.setdefault(face.id, _Track())
        track.last_s = frame.at_s
        if face.hits == track.hits:  # not detected in this frame
            return []
        track.hits = face.hits
        height, width = frame.bgr.shape[:2]
        x, y, w, h = face.box
        point = (x + w / 2, y + h / 2)
        margin = max(MIN_MARGIN_PX, MARGIN * w)
        crossings = []
        for name, count in self._counts.items():
            ends = _in_px(count.line, width, height)
            direction = _moved(track.walks, name, point, ends, margin)
            if direction:
                self._counts[name] = _counted(count, direction)
                crossings.append(Crossing(frame.time, face.id, name, direction))
        return crossings


def _in_px(line: Line, width: int, height: int) -> tuple[Point, Point]:
    (x0, y0), (x1, y1) = line.from_xy, line.to_xy
    return (x0 * width, y0 * height), (x1 * width, y1 * height)


def _moved(
    walks: dict[str, _Walk], name: str, point: Point, ends: tuple[Point, Point], margin: float
) -> str:
    """Move a track to a point; return the direction in which it has crossed the line, or ""."""
    distance = signed_distance(point, ends)
    walk = walks.setdefault(name, _Walk(point, distance))
    if (distance >= 0) != (walk.distance >= 0):
        # Here, not when it is past the margin: in between it may walk along the line, past an end.
        walk.met = _is_between(walk.point, point, ends)
    walk.point, walk.distance = point, distance
    side = 0 if abs(distance) <= margin else int(math.copysign(1, distance))
    if not side or side == walk.side:
        return ""
    crossed = walk.side != 0 and walk.met
    walk.side, walk.met = side, False
    return "" if not crossed else IN if side > 0 else OUT


def signed_distance(point: Point, ends: tuple[Point, Point]) -> float:
    """Return the distance of a point from a line through `ends`, px; positive on its right.

    Right is that of a viewer of the picture who looks from the first end to the second.
    """
    return _turn(*ends, point) / math.dist(*ends)


def _is_between(start: Point, end: Point, ends: tuple[Point, Point]) -> bool:
    """Whether a way that crosses the line through `ends` does it between them, or at one."""
    return _turn(start, end, ends[0]) * _turn(start, end, ends[1]) <= 0


def _turn(start: Point, end: Point, point: Point) -> float:
    """Return twice the area of a triangle, px²; positive if it turns to the viewer's right."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    return (point[1] - start[1]) * along_x - (point[0] - start[0]) * along_y


def _counted(count: LineCount, direction: str) -> LineCount:
    if direction == IN:
        return replace(count, ins=count.ins + 1)
    return replace(count, outs=count.outs + 1)
