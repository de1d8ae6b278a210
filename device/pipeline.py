"""The loop: a frame, its faces, their attributes, the outputs. Knows all rooms, does no work."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from device.attributes.classifier import Classifier
from device.attributes.steady import Steady
from device.attributes.words import words
from device.camera import Camera
from device.faces.blazeface import BlazeFace
from device.faces.quality import Limits, look
from device.faces.track import Person, Tracker
from device.outputs import Output, Result
from device.settings import TracksSettings
from device.types import Frame, Track

STAGES = ("camera", "faces", "attributes", "outputs")


@dataclass
class Stopwatch:
    """How long each stage took for the last frames, s, and how often frames came."""

    last: dict[str, deque] = field(
        default_factory=lambda: {stage: deque(maxlen=10_000) for stage in STAGES}
    )
    ends: deque = field(default_factory=lambda: deque(maxlen=30))  # when the last frames were done

    def lap(self, stage: str, since: float) -> float:
        now = time.perf_counter()
        self.last[stage].append(now - since)
        return now

    @property
    def fps(self) -> float:
        """Frames/s over the last 30 frames."""
        if len(self.ends) < 2:
            return 0.0
        return (len(self.ends) - 1) / max(self.ends[-1] - self.ends[0], 1e-9)


@dataclass
class Totals:
    """What a run came to."""

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0


class Pipeline:
    """camera -> faces -> tracks -> attributes -> outputs, until the camera ends or one says stop.

    stopping: asked after every frame, whether to end; an output that says no ends the run too.
    """

    def __init__(
        self,
        camera: Camera,
        detector: BlazeFace,
        classifier: Classifier,
        outputs: Sequence[Output],
        shown: Sequence[str],
        limits: Limits,
        tracks: TracksSettings,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._camera, self._detector, self._classifier = camera, detector, classifier
        self._outputs, self._shown, self._limits = outputs, shown, limits
        self._tracks = tracks
        self._tracker = Tracker(tracks.confirm, tracks.hold)
        self._steady: dict[int, Steady] = {}  # by track
        self._thresholds = classifier.card.column("threshold")
        self._stopping = stopping
        self.watch, self.totals = Stopwatch(), Totals()

    def run(self, max_frames: int = 0) -> Totals:
        """Take frames to the end, or `max_frames` of them; outputs and camera stay open."""
        begun = since = time.perf_counter()
        for frame in self._camera:
            since = self.watch.lap("camera", since)
            going_on = self._step(frame, since)
            since = time.perf_counter()
            self.watch.ends.append(since)
            self.totals.seconds = since - begun
            if not going_on or self._stopping() or self.totals.frames == max_frames:
                break
        return self.totals

    def _step(self, frame: Frame, since: float) -> bool:
        faces = self._detector.detect(frame.bgr)
        if self._camera.stills:  # nobody is followed from one photo to the next
            self._tracker, self._steady = Tracker(confirm=1), {}
        people = self._tracker.update(faces, frame.at_s)
        since = self.watch.lap("faces", since)
        tracks = [self._track(frame, person) for person in people]
        labels = [self._labels(track) for track in tracks]
        for gone in self._steady.keys() - self._tracker.ids:
            del self._steady[gone]
        since = self.watch.lap("attributes", since)
        self.totals.frames += 1
        self.totals.faces += len(people)
        age_s = time.monotonic() - frame.at_s if self._camera.live else None
        result = Result(frame, tracks, labels, self.watch.fps, age_s)
        answers = [output.write(result) for output in self._outputs]
        self.watch.lap("outputs", since)
        return all(answers)

    def _track(self, frame: Frame, person: Person) -> Track:
        state, crop = look(frame.bgr, person.face, self._classifier, self._limits)
        if crop is None:
            return Track(person.id, person.face, person.hits, state, None)
        probabilities = self._classifier.classify(crop)
        if person.id in self._steady and self._steady[person.id].contradicts(probabilities):
            self._tracker.renew(person)
        if person.id not in self._steady:
            settings = self._tracks
            self._steady[person.id] = Steady(self._thresholds, settings.settle, settings.margin)
        steady = self._steady[person.id]
        steady.add(probabilities, frame.at_s)
        return Track(person.id, person.face, person.hits, state, steady.probabilities)

    def _labels(self, track: Track) -> list[str]:
        if track.probabilities is None:
            return []
        names, thresholds = self._classifier.card.names, self._steady[track.id].thresholds
        return words(names, track.probabilities, thresholds, self._shown)
