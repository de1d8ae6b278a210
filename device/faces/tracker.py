"""Follow faces from frame to frame: assign this frame's detections to tracks.

Each track's landmarks are predicted with a velocity that is smoothed over its detections (the
position is the newest detection's). A detection goes to the track whose prediction it matches best,
by overlap of the boxes and distance of the landmarks, one to one.

Every limit holds in frames and in time, so that a camera with one frame in ten seconds is followed
as well as one with 120 frames/s (`frame_rate.FrameRate`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..boxes import iou
from ..types import Detection
from .frame_rate import LEAST_HIT_S, MAX_MISSES, FrameRate
from .motion import travel_time_s

EVEN_ERROR = 0.03  # of a prediction, face widths, up to which a track moves evenly
EVEN_S, LONG_S = 0.08, 0.16  # between two detections of such a track, and once one held so long
SLACK_S = 1e-3  # by which a camera's frame may come too early
VELOCITY_GAIN = 0.3  # share of a prediction's residual that goes into the velocity
LEAST_STEP_S = 1 / 120  # between closer frames a detector's noise would be a high velocity


@dataclass(eq=False)
class TrackedFace:
    """One track; a mutable record of the tracker."""

    detection: Detection  # the last
    seen_s: float  # when that was
    velocity: np.ndarray  # float64 (4, 2): of the landmarks, px/s
    hits: int = 1  # frames in which the face was detected
    misses: int = 0  # detections in a row that did not find it
    unseen_s: float = 0.0  # from the last detection to the last miss
    upside_down: bool = False  # as the last examination found it
    checked_s: float | None = None  # when that was
    upright_checks: int = 0  # examinations in a row that found it upright
    first_s: float = field(init=False)  # when it was first seen
    clear_s: float = field(init=False)  # when it was last detected with a high enough score
    id: int = 0  # from 1; 0 until confirmed
    mean_velocity: tuple[float, float] = (0.0, 0.0)  # of the whole face, px/s
    wait_s: float = 0.0  # until it is to be detected again
    _predicted: tuple[float, Detection] | None = None  # for when, and what

    def __post_init__(self) -> None:
        self.first_s = self.clear_s = self.seen_s

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

    def is_due(self, now_s: float) -> bool:
        """Whether to detect it now: until it moves as predicted, in every frame."""
        return now_s - self.seen_s + SLACK_S >= self.wait_s

    def update(self, detection: Detection, now_s: float) -> None:
        """Take a detection for this track's."""
        elapsed_s = max(now_s - self.seen_s, LEAST_STEP_S)
        residual = detection.landmarks - self.predict(now_s).landmarks
        error = cv2.norm(residual, cv2.NORM_INF) / max(detection.box[2], 1.0)
        held = LONG_S if elapsed_s + SLACK_S >= EVEN_S else max(EVEN_S, self.wait_s)
        self.wait_s = held if self.id and error <= EVEN_ERROR else 0.0
        self.velocity = self.velocity + VELOCITY_GAIN * residual / elapsed_s
        x, y = (self.velocity.sum(axis=0) / len(self.velocity)).tolist()
        self.mean_velocity = (x, y)
        self.detection, self.seen_s, self._predicted = detection, now_s, None
        self.hits, self.misses = self.hits + 1, 0


@dataclass
class Tracker:
    """All tracks; use it from one thread.

    min_hits: detections until a track gets an id; lower gives false tracks, higher a delay.
    max_lost_s: how long a lost track keeps its id; shorter gives one person several ids, longer
    gives the next person the last one's. interval_s: between two frames, where it is known. Below 4
    and above 30 frames/s these limits follow the time (`FrameRate`). min_score: from which a
    detection is clear.
    """

    min_hits: int = 3
    max_lost_s: float = 1.0
    interval_s: float = 0.0
    min_score: float = 0.0
    _tracks: list[TrackedFace] = field(default_factory=list)
    _last_id: int = 0

    def __post_init__(self) -> None:
        self.frame_rate = FrameRate(self.interval_s)

    def update(
        self,
        detections: list[Detection],
        now_s: float,
        expected: Sequence[TrackedFace] | None = None,
        confirm: bool = False,
    ) -> list[TrackedFace]:
        """Return the confirmed tracks detected in this frame, in the order of `detections`.

        expected: tracks that this detection would have found, which count as missed if it did not;
        None: all. confirm: whether new tracks get an id at once.
        """
        self.frame_rate.add(now_s)
        self._tracks = [track for track in self._tracks if self._is_kept(track, now_s)]
        pairs = _match(self._tracks, detections, now_s, self.frame_rate.max_distance())
        found: list[TrackedFace] = []
        for number, detection in enumerate(detections):
            track = pairs.get(number)
            if track:
                track.update(detection, now_s)
                if detection.score >= self.min_score:
                    track.clear_s = now_s
            else:
                track = TrackedFace(detection, now_s, np.zeros_like(detection.landmarks))
                self._tracks.append(track)
            if not track.id and (confirm or self._is_confirmed(track, now_s)):
                track.id = self._next_id()
            found.append(track)
        for track in self._tracks if expected is None else expected:
            if track not in found:
                track.misses, track.wait_s = track.misses + 1, 0.0
                track.unseen_s = now_s - track.seen_s
        return [track for track in found if track.id]

    def begin_scene(self, detections: list[Detection], now_s: float, confirm: bool) -> None:
        """Take the detections of a scene's first frame; tracks without one are not visible.

        confirm: as of `update`.
        """
        self.update(detections, now_s, confirm=confirm)
        for track in self._tracks:
            if track.seen_s < now_s:
                track.misses = MAX_MISSES
                track.unseen_s = max(track.unseen_s, MAX_MISSES * LEAST_HIT_S)

    def forget(self) -> None:
        """End all tracks: what the next frame shows has nothing to do with them."""
        self._tracks = []

    @property
    def tracks(self) -> list[TrackedFace]:
        """All tracks, confirmed or not."""
        return self._tracks

    def visible(self) -> list[TrackedFace]:
        """Return the tracks that are confirmed and not missed, from left to right."""
        visible = [
            t for t in self._tracks if t.id and not self.frame_rate.is_gone(t.misses, t.unseen_s)
        ]
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
        doubtful = not track.id and self.frame_rate.is_gone(track.misses, track.unseen_s)
        lost_s = self.frame_rate.lost_s(self.max_lost_s)
        return now_s - track.seen_s <= lost_s and not doubtful

    def _is_confirmed(self, track: TrackedFace, now_s: float) -> bool:
        least_s = (self.min_hits - 1) * LEAST_HIT_S
        slow = self.frame_rate.is_slow
        return track.hits >= self.frame_rate.hits(self.min_hits) and (
            slow or now_s - track.first_s >= least_s - 1e-6
        )


def _match(
    tracks: list[TrackedFace], detections: list[Detection], now_s: float, max_distance: float
) -> dict[int, TrackedFace]:
    """Return detection number -> track, the best pairs first, each detection and track once."""
    costs = []
    for track in tracks:
        predicted = track.predict(now_s)
        for number, detection in enumerate(detections):
            apart = distance(detection, predicted)
            if apart <= max_distance:
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
