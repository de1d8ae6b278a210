"""Find people and follow them: search the whole picture now and then, look where they are between.

A search costs six times a look. Searches are made a few times a second; every third one is of a
part of the picture, where people too far away for the whole picture's resolution are found. In the
frames between, each person is looked for where the motion so far leads. Who is followed is shown
in every frame, looked at or not.
"""

import math
from typing import Protocol

import numpy as np

from ..frame_budget import FrameBudget
from ..types import Face, Frame, Region
from .tracker import FARTHEST, Person, Tracker, distance, overlap

LOOKS = 2  # people looked for in one frame; more cost as much as a search and hardly follow better
# Side of the neighbourhood: face widths, and px beyond, for small faces need more around them.
AROUND, BEYOND_PX = 2.0, 48
PART_EVERY = 3  # of so many searches one is of a part
PART = 0.4  # side of a part, as a share of the picture's longer side
PART_SIDES = 1.5  # and at least, in sides of the detector's input: less finds no smaller faces
PARTS_SHARE = 0.25  # of a part overlaps with its neighbour, or a face between them would be missed
SAME = 0.3  # intersection over union above which two faces are one
EDGE_PX = 2  # a face so near to a part's inner edge may be cut by it
SEARCH_SHARE = 0.5  # of the time may be spent on searching when a live camera's machine is slow


class Detector(Protocol):
    """What finds faces."""

    side: int  # px of the longest side that it sees; larger pictures are shrunk to that

    def detect(self, frame_bgr: np.ndarray, region: Region | None = None) -> list[Face]:
        """Return the faces of a uint8 (H, W, 3) picture, or of a part of it."""


class DetectionScheduler:
    """Whoever is in the picture; use it from one thread.

    searcher: for whole pictures and their parts. looker: for neighbourhoods. search_hz: searches
    per second of the camera's time; fewer are made where they would take half of a live camera's.
    """

    def __init__(
        self,
        searcher: Detector,
        looker: Detector,
        tracker: Tracker,
        search_hz: float,
        pace: FrameBudget,
    ):
        self._searcher, self._looker, self.tracker = searcher, looker, tracker
        self._period_s, self._pace = 1 / search_hz, pace
        self._next_s = -math.inf
        self._searches = 0

    def update(self, frame: Frame) -> list[Person]:
        """Return everybody confirmed and present, from left to right."""
        if frame.at_s >= self._next_s - 1e-3:
            with self._pace.doing("search"):
                self._search(frame)
            wait_s = self._period_s
            if self._pace.live:
                wait_s = max(wait_s, self._pace.expected_s("search") / SEARCH_SHARE)
            self._next_s = frame.at_s + wait_s
        else:
            self._look(frame)
        return self.tracker.present()

    def forget(self) -> None:
        """Start anew: the next picture has nothing to do with those before."""
        self.tracker = Tracker(self.tracker.confirm, self.tracker.hold_s)
        self._next_s, self._searches = -math.inf, 0

    def _search(self, frame: Frame) -> None:
        size_wh = (frame.bgr.shape[1], frame.bgr.shape[0])
        turn, is_part = divmod(self._searches, PART_EVERY)
        regions = parts(size_wh, self._searcher.side)
        self._searches += 1
        if regions and is_part == PART_EVERY - 1:
            region = regions[turn % len(regions)]
            faces = self._searcher.detect(frame.bgr, region)
            faces = [face for face in faces if not _cut(face, region, size_wh)]
        else:
            faces = self._searcher.detect(frame.bgr)
        # Nobody counts as missed: those far away are seen from near only.
        self.tracker.update(faces, frame.at_s, looked_for=())

    def _look(self, frame: Frame) -> None:
        # Newcomers first, who wait to be shown, then whoever was not seen for longest.
        people = sorted(self.tracker.people, key=lambda one: (one.id > 0, one.seen_s))
        looked_for, faces = [], []
        for person in people[:LOOKS]:
            if not self._pace.allows("look"):
                break
            with self._pace.doing("look"):
                face = self._nearest(frame, person)
            looked_for.append(person)
            if face and all(overlap(face.box, other.box) < SAME for other in faces):
                faces.append(face)
        self.tracker.update(faces, frame.at_s, looked_for)

    def _nearest(self, frame: Frame, person: Person) -> Face | None:
        """Return the face nearest to where the person should be, if one is there."""
        expected = person.at(frame.at_s)
        region = neighbourhood(expected, (frame.bgr.shape[1], frame.bgr.shape[0]))
        if region is None:  # gone out of the picture
            return None
        faces = self._looker.detect(frame.bgr, region)
        face = min(faces, key=lambda one: distance(one, expected), default=None)
        return face if face and distance(face, expected) <= FARTHEST else None


def neighbourhood(face: Face, size_wh: tuple[int, int]) -> Region | None:
    """Return the square around a face, cut at the picture's edges; None where nothing is left."""
    x, y, w, h = face.box
    half = (AROUND * max(w, h) + BEYOND_PX) / 2
    left, top = max(0, round(x + w / 2 - half)), max(0, round(y + h / 2 - half))
    right = min(size_wh[0], round(x + w / 2 + half))
    bottom = min(size_wh[1], round(y + h / 2 + half))
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else None


def parts(size_wh: tuple[int, int], side: int) -> list[Region]:
    """Return overlapping regions that cover a picture; none where the whole is small enough.

    side: px of the detector's input; a picture that is hardly shrunk has nothing to gain.
    """
    part = round(max(PART * max(size_wh), PART_SIDES * side))
    if max(size_wh) <= part:
        return []
    return [
        (left, top, min(left + part, size_wh[0]), min(top + part, size_wh[1]))
        for top in _starts(size_wh[1], part)
        for left in _starts(size_wh[0], part)
    ]


def _starts(length: int, part: int) -> list[int]:
    """Return where parts begin that cover a side, evenly spread."""
    if length <= part:
        return [0]
    step = part * (1 - PARTS_SHARE)
    count = 1 + math.ceil((length - part) / step)
    return [round(n * (length - part) / (count - 1)) for n in range(count)]


def _cut(face: Face, region: Region, size_wh: tuple[int, int]) -> bool:
    """Whether a face lies at an edge of the region that is not an edge of the picture."""
    x, y, w, h = face.box
    left, top, right, bottom = region
    return (
        (left > 0 and x < left + EDGE_PX)
        or (top > 0 and y < top + EDGE_PX)
        or (right < size_wh[0] and x + w > right - EDGE_PX)
        or (bottom < size_wh[1] and y + h > bottom - EDGE_PX)
    )
