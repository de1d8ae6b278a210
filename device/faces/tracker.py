"""Follow faces from frame to frame: assign this frame's detections to tracks.

Each track's landmarks are predicted with a velocity that is smoothed over its detections (the
position is the newest detection's). A detection goes to the track whose prediction it matches best,
by overlap of the boxes and distance of the landmarks, one to one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..boxes import iou
from ..types import Detection
from .motion import travel_time_s

VELOCITY_GAIN = 0.3  # share of a prediction's residual that goes into the velocity
MAX_DISTANCE = 1.0  # mean landmark distance, in face widths; further apart are two faces
MAX_MISSES = 2  # detections in a row that missed a track: it is not visible


@dataclass(eq=False)
class TrackedFace:
    """One track; a mutable record of the tracker."""

    detection: Detection  # the last
    seen_s: float  # when that was
    velocity: np.ndarray  # float64 (4, 2): of the landmarks, px/s
    hits: int = 1  # frames in which the face was detected
    misses: int = 0  # detections in a row that did not find it
    id: int = 0  # from 1; 0 until confirmed
    mean_velocity: tuple[float, float] = (0.0, 0.0)  # of the whole face, px/s
    _predicted: tuple[float, Detection] | None = None  # for when, and what

    def predict(self, now_s: float) -> Detection:
        """Return the face where it should be now: as detected, or moved on since."""
        if now_s <= self.seen_s:
            return self.detection
        if self._predicted is None or self._predicted[0] != now_s:
            time_s = travel_time_s(now_s - self.seen_s)
            dx, dy = (time_s * speed for speed in self.mean_velocity)
            x, y, w, h = self.detection.box
            landmarks = self.detection.landmarks + self.velocity * time_s
            moved = Detection((x + dx, y + dy, w, h), self.detection.score, landmarks)
            self._predicted = now_s, moved
        return self._predicted[1]

    def update(self, detection: Detection, now_s: float) -> None:
        """Take a detection for this track's."""
        elapsed_s = max(now_s - self.seen_s, 1e-3)
        residual = detection.landmarks - self.predict(now_s).landmarks
        self.velocity = self.velocity + VELOCITY_GAIN * residual / elapsed_s
        x, y = self.velocity.mean(axis=0).tolist()
        self.mean_velocity = (x, y)
        self.detection, self.seen_s, self._predicted = detection, now_s, None
        self.hits, self.misses = self.hits + 1, 0


@dataclass
class Tracker:
    """All tracks; use it from one thread.

    min_hits: detections until a track gets an id; lower gives false tracks, higher a delay.
    max_lost_s: how long a lost track keeps its id; shorter gives one person several ids, longer
    gives the next person the last one's.
    """

    min_hits: int = 3
    max_lost_s: float = 1.0
    _tracks: list[TrackedFace] = field(default_factory=list)
    _last_id: int = 0

    def update(
        self,
        detections: list[Detection],
        now_s: float,
        expected: Sequence[TrackedFace] | None = None,
    ) -> list[TrackedFace]:
        """Return the confirmed tracks detected in this frame, in the order of `detections`.

        expected: tracks that this detection would have found, which count as missed if it did not;
        None: all.
        """
        self._tracks = [track for track in self._tracks if self._is_kept(track, now_s)]
        pairs = _match(self._tracks, detections, now_s)
        found: list[TrackedFace] = []
        for number, detection in enumerate(detections):
            track = pairs.get(number)
            if track:
                track.update(detection, now_s)
            else:
                track = TrackedFace(detection, now_s, np.zeros_like(detection.landmarks))
                self._tracks.append(track)
            if not track.id and track.hits >= self.min_hits:
                track.id = self._next_id()
            found.append(track)
        for track in self._tracks if expected is None else expected:
            if track not in found:
                track.misses += 1
        return [track for track in found if track.id]

    @property
    def tracks(self) -> list[TrackedFace]:
        """All tracks, confirmed or not."""
        return self._tracks

    def visible(self) -> list[TrackedFace]:
        """Return the tracks that are confirmed and not missed, from left to right."""
        visible = [track for track in self._tracks if track.id and track.misses < MAX_MISSES]
        return sorted(visible, key=lambda track: track.detection.box[0])

    def assign_new_id(self, track: TrackedFace) -> None:
        """Give a track a new id: another person took the place of the first."""
        track.id, track.hits = self._next_id(), 1

    @property
    def ids(self) -> set[int]:
        """The ids of the confirmed tracks, visible or not."""
        return {track.id for track in self._tracks if track.id}

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _is_kept(self, track: TrackedFace, now_s: float) -> bool:
        # An unconfirmed track may be a false detection.
        doubtful = not track.id and track.misses >= MAX_MISSES
        return now_s - track.seen_s <= self.max_lost_s and not doubtful


def _match(
    tracks: list[TrackedFace], detections: list[Detection], now_s: float
) -> dict[int, TrackedFace]:
    """Return detection number -> track, the best pairs first, each detection and track once."""
    costs = []
    for track in tracks:
        predicted = track.predict(now_s)
        for number, detection in enumerate(detections):
            apart = distance(detection, predicted)
            if apart <= MAX_DISTANCE:
                costs.append((apart - iou(detection.box, predicted.box), number, track))
    pairs: dict[int, TrackedFace] = {}
    for _, number, track in sorted(costs, key=lambda cost: cost[0]):
        if number not in pairs and track not in pairs.values():
            pairs[number] = track
    return pairs


def distance(detection: Detection, predicted: Detection) -> float:
    """Return the mean distance of two faces' landmarks, in widths of the wider one."""
    pairs = zip(detection.landmarks.tolist(), predicted.landmarks.tolist(), strict=True)
    apart = sum(math.dist(point, other) for point, other in pairs) / len(detection.landmarks)
    return apart / max(detection.box[2], predicted.box[2], 1.0)
