"""Tell everybody's attributes: newcomers at once, the others in turn, those first who need it most.

A face changes slowly beside a camera's rate, and telling it is what costs: each is told a few times
a second, and what was said stands in the frames between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..faces.quality_gate import Limits, look
from ..faces.tracker import Person
from ..frame_budget import FrameBudget
from ..settings import TracksSettings
from ..types import OK, Face, Frame, Track
from .classifier import Classifier
from .labels import words
from .smoother import ProbabilitySmoother

ONE = 1 - 1e-6  # what six sixths may come to
GLIMPSE = 8  # px across a face that is only to be compared
SAMPLES = 16  # px across it that are looked at for that
# Mean difference of two glimpses, bytes, beyond which a face is looked at again at once: one person
# seldom makes 35 from one turn to the next, a cut from one portrait to the other 45 to 100.
CHANGED = 42.0


@dataclass
class Belief:
    """What is believed of one person."""

    steady: ProbabilitySmoother
    told_s: float  # when last looked at
    glimpse: np.ndarray  # and as what
    state: str = OK
    probabilities: np.ndarray | None = None  # float32 (attributes,); None unless OK
    labels: tuple[str, ...] = ()


class AttributeScheduler:
    """The beliefs about everybody who is being followed; use it from one thread.

    shown: attributes that labels may mention. refresh_hz: how often each face is told, per second
    of the camera's time; newcomers are told at once. renew: gives another number to somebody whose
    crop shows another person than before.
    """

    def __init__(
        self,
        classifier: Classifier,
        shown: Sequence[str],
        limits: Limits,
        tracks: TracksSettings,
        refresh_hz: float,
        pace: FrameBudget,
    ):
        self._classifier, self._shown = classifier, shown
        self._limits, self._eased = limits, limits.eased()
        self._tracks, self._refresh_hz, self._pace = tracks, refresh_hz, pace
        self._thresholds = classifier.card.column("threshold")
        self._beliefs: dict[int, Belief] = {}
        self._allowed = 0.0  # how many may be told by now
        self._last_s = 0.0

    def update(
        self, frame: Frame, people: Sequence[Person], renew: Callable[[Person], None]
    ) -> None:
        """Look at those of `people` whose turn it is."""
        self._forget_all_but({person.id for person in people}, frame.at_s)
        passed_s = max(0.0, frame.at_s - self._last_s)
        self._last_s = frame.at_s
        # Spread over the frames, so that no frame waits for many faces.
        self._allowed = min(self._allowed + passed_s * self._refresh_hz * len(people), len(people))
        turns = []
        for person in people:
            belief = self._beliefs.get(person.id)
            if belief is None:
                need = np.inf
            else:
                change = _change(belief.glimpse, _glimpse(frame, person.at(frame.at_s)))
                aged_s = frame.at_s - belief.told_s
                need = np.inf if change > CHANGED else aged_s * (1 + change / CHANGED)
            turns.append((need, person))
        turns.sort(key=lambda one: -one[0])
        for need, person in turns:
            if need < np.inf:
                if self._allowed < ONE or need <= 0:
                    break
                self._allowed -= 1
            if not self._pace.allows("face"):
                break
            self._tell(frame, person, renew)

    def tracks(self, frame: Frame, people: Sequence[Person]) -> list[tuple[Track, list[str]]]:
        """Return everybody about whom something is believed, each with its labels."""
        told = []
        for person in people:
            if belief := self._beliefs.get(person.id):
                face = _inside(person.at(frame.at_s), frame)
                state, probabilities = belief.state, belief.probabilities
                track = Track(person.id, face, person.hits, state, probabilities, person.motion)
                told.append((track, list(belief.labels)))
        return told

    def forget(self) -> None:
        """Start anew, with other people."""
        self._beliefs = {}

    def _tell(self, frame: Frame, person: Person, renew: Callable[[Person], None]) -> None:
        with self._pace.doing("face"):
            face = person.at(frame.at_s)
            belief = self._beliefs.get(person.id)
            limits = self._eased if belief and belief.state == OK else self._limits
            seen = look(frame.bgr, face, self._classifier, limits)
            if seen.crop is not None:
                fresh = self._classifier.classify(seen.crop)
                if belief and belief.steady.contradicts(fresh):
                    renew(person)
                    belief = None
            if belief is None:
                settings = self._tracks
                steady = ProbabilitySmoother(
                    self._thresholds, settings.smoothing_s, settings.hysteresis
                )
                glimpse = _glimpse(frame, face)
                belief = self._beliefs[person.id] = Belief(steady, frame.at_s, glimpse)
            else:
                belief.told_s, belief.glimpse = frame.at_s, _glimpse(frame, face)
            belief.state = seen.state
            belief.probabilities, belief.labels = None, ()
            if seen.crop is not None:
                steady = belief.steady
                steady.add(fresh, frame.at_s, seen.worth)
                belief.probabilities = steady.probabilities
                belief.labels = tuple(
                    words(
                        self._classifier.card.names,
                        belief.probabilities,
                        steady.thresholds,
                        self._shown,
                    )
                )

    def _forget_all_but(self, ids: set[int], now_s: float) -> None:
        # Not at once: one who is missed for a moment keeps the number and what is believed.
        for gone in self._beliefs.keys() - ids:
            if now_s - self._beliefs[gone].told_s > self._tracks.max_lost_s + 1 / self._refresh_hz:
                del self._beliefs[gone]


def _glimpse(frame: Frame, face: Face) -> np.ndarray:
    """Return a face shrunk to GLIMPSE x GLIMPSE pixels, int16 (GLIMPSE, GLIMPSE, 3)."""
    left, top, w, h = (int(side) for side in _inside(face, frame).box)
    # Some pixels of many do: what is compared is the whole face, not its detail.
    region = frame.bgr[
        top : top + max(h, 1) : max(1, h // SAMPLES), left : left + max(w, 1) : max(1, w // SAMPLES)
    ]
    shrunk = cv2.resize(region, (GLIMPSE, GLIMPSE), interpolation=cv2.INTER_AREA)
    return shrunk.astype(np.int16)


def _change(before: np.ndarray, now: np.ndarray) -> float:
    """Return the mean difference of two glimpses, bytes."""
    return float(np.abs(before - now).mean())


def _inside(face: Face, frame: Frame) -> Face:
    """Return the face with its box cut at the picture's edges."""
    height, width = frame.bgr.shape[:2]
    x, y, w, h = face.box
    if x >= 0 and y >= 0 and x + w <= width and y + h <= height:
        return face
    left, top = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    right, bottom = max(min(x + w, width), left + 1.0), max(min(y + h, height), top + 1.0)
    return Face((left, top, right - left, bottom - top), face.score, face.landmarks)
