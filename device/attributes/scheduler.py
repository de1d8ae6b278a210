"""Schedule attribute inference: new tracks at once, others by age and appearance change.

A face changes slowly compared with a camera's rate, and inference is what costs: each track is
classified a few times a second, and its smoothed probabilities hold in the frames between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..boxes import clamp
from ..faces.quality_gate import QualityLimits, QualityResult
from ..faces.tracker import TrackedFace
from ..frame_budget import FrameBudget
from ..settings import TracksSettings
from ..types import OK, UPSIDE_DOWN, Detection, Face, Frame, Probabilities
from .classifier import Classification, Classifier
from .labels import labels_for
from .smoother import ProbabilitySmoother

ONE_TOKEN = 1 - 1e-6  # the sum of six sixths may fall short of 1
THUMBNAIL_PX = 8  # side of a thumbnail, which is only compared
SAMPLES = 16  # px across the face that a thumbnail is made of
# Mean difference of two thumbnails, bytes, from which a face is classified again at once: one
# person seldom makes 35 between two classifications, a cut to another portrait 45 to 100.
CHANGE_THRESHOLD = 42.0


@dataclass
class TrackState:
    """What the scheduler keeps of one track."""

    smoother: ProbabilitySmoother
    classified_at_s: float
    thumbnail: np.ndarray  # at that time
    state: str = OK
    probabilities: np.ndarray | None = None  # float32 (attributes,); None unless OK
    labels: tuple[str, ...] = ()


class AttributeScheduler:
    """Classifies the tracked faces in turn; use it from one thread.

    shown: attributes that labels may name. classify_hz: classifications per second of the camera's
    time for each track; new tracks are classified at once.
    """

    def __init__(
        self,
        classifier: Classifier,
        shown: Sequence[str],
        limits: QualityLimits,
        tracks: TracksSettings,
        classify_hz: float,
        budget: FrameBudget,
    ):
        self._classifier, self._shown = classifier, shown
        self._limits, self._relaxed = limits, limits.relaxed()
        self._tracks, self._classify_hz, self._budget = tracks, classify_hz, budget
        self._states: dict[TrackedFace, TrackState] = {}
        self._tokens = 0.0  # classifications allowed by now
        self._last_s = 0.0

    def classify(self, frame: Frame, tracks: Sequence[TrackedFace]) -> list[TrackedFace]:
        """Classify the tracks whose turn it is.

        Returns the identity switches: tracks whose crop shows another person than before.
        """
        self._forget_lost(tracks, frame.at_s)
        elapsed_s = max(0.0, frame.at_s - self._last_s)
        self._last_s = frame.at_s
        # Spread over the frames, so that no frame waits for many faces.
        tokens = self._tokens + elapsed_s * self._classify_hz * len(tracks)
        self._tokens = min(tokens, len(tracks))
        queue = [(self._priority(frame, track), track) for track in tracks]
        queue.sort(key=lambda entry: -entry[0])
        switches = []
        for priority, track in queue:
            if priority < np.inf:
                if self._tokens < ONE_TOKEN or priority <= 0:
                    break
                self._tokens -= 1
            if not self._budget.has_time_for("classification"):
                break
            with self._budget.measure("classification"):
                if self._update(frame, track):
                    switches.append(track)
        return switches

    def faces(self, frame: Frame, tracks: Sequence[TrackedFace]) -> list[Face]:
        """Return the tracks that were assessed at least once, as faces of this frame."""
        return [
            self._face(frame, track, state)
            for track in tracks
            if (state := self._states.get(track)) is not None
        ]

    def _priority(self, frame: Frame, track: TrackedFace) -> float:
        state = self._states.get(track)
        if state is None:
            return np.inf
        change = _appearance_change(state.thumbnail, _thumbnail(frame, track.predict(frame.at_s)))
        age_s = frame.at_s - state.classified_at_s
        return np.inf if change > CHANGE_THRESHOLD else age_s * (1 + change / CHANGE_THRESHOLD)

    def _update(self, frame: Frame, track: TrackedFace) -> bool:
        """Classify one track's face now; return whether it is an identity switch."""
        face = track.predict(frame.at_s)
        state = self._states.get(track)
        limits = self._relaxed if state and state.state == OK else self._limits
        if track.upside_down:
            result = Classification(QualityResult(UPSIDE_DOWN), None)
        else:
            result = self._classifier.classify_face(frame.bgr, face, limits)
        new = result.probabilities
        switch = bool(state and new is not None and state.smoother.is_identity_switch(new))
        if state is None or switch:
            settings = self._tracks
            smoother = ProbabilitySmoother(
                self._classifier.thresholds, settings.smoothing_s, settings.hysteresis
            )
            state = TrackState(smoother, frame.at_s, _thumbnail(frame, face))
            self._states[track] = state
        else:
            state.classified_at_s, state.thumbnail = frame.at_s, _thumbnail(frame, face)
        self._take(state, result, frame.at_s)
        return switch

    def _take(self, state: TrackState, result: Classification, now_s: float) -> None:
        state.state = result.quality.state
        state.probabilities, state.labels = None, ()
        if result.probabilities is None:
            return
        smoother = state.smoother
        smoother.add(result.probabilities, now_s, result.quality.weight)
        state.probabilities = smoother.probabilities
        names = self._classifier.card.names
        state.labels = labels_for(names, state.probabilities, smoother.thresholds, self._shown)

    def _face(self, frame: Frame, track: TrackedFace, state: TrackState) -> Face:
        detection = track.predict(frame.at_s)
        return Face(
            id=track.id,
            box=clamp(detection.box, (frame.bgr.shape[1], frame.bgr.shape[0])),
            score=detection.score,
            landmarks=detection.landmarks,
            state=state.state,
            labels=state.labels,
            probabilities=Probabilities(self._classifier.card.names, state.probabilities),
            hits=track.hits,
            velocity=track.mean_velocity,
        )

    def _forget_lost(self, tracks: Sequence[TrackedFace], now_s: float) -> None:
        # Not at once: a track missed for a moment keeps its id and its probabilities.
        limit_s = now_s - self._tracks.max_lost_s - 1 / self._classify_hz
        for track in self._states.keys() - set(tracks):
            if self._states[track].classified_at_s < limit_s:
                del self._states[track]


def _thumbnail(frame: Frame, face: Detection) -> np.ndarray:
    """Return a face shrunk to uint8 (THUMBNAIL_PX, THUMBNAIL_PX, 3)."""
    box = clamp(face.box, (frame.bgr.shape[1], frame.bgr.shape[0]))
    left, top, w, h = (int(side) for side in box)
    # Some of the pixels suffice: the whole face is compared, not its detail.
    region = frame.bgr[
        top : top + max(h, 1) : max(1, h // SAMPLES), left : left + max(w, 1) : max(1, w // SAMPLES)
    ]
    return cv2.resize(region, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)


def _appearance_change(before: np.ndarray, now: np.ndarray) -> float:
    """Return the mean difference of two thumbnails, bytes."""
    return cv2.norm(before, now, cv2.NORM_L1) / before.size
