"""The loop: a frame, its faces, their attributes, the outputs. Knows all rooms, does no work."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from device.attributes.classifier import Classifier
from device.attributes.words import words
from device.camera import Camera
from device.faces.blazeface import BlazeFace
from device.faces.quality import Limits, look
from device.outputs import Output, Result
from device.types import Face, Frame, Track

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
    """camera -> faces -> attributes -> outputs, until the camera ends or somebody asks to stop.

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
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._camera, self._detector, self._classifier = camera, detector, classifier
        self._outputs, self._shown, self._limits = outputs, shown, limits
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
        since = self.watch.lap("faces", since)
        tracks = [self._track(frame.bgr, face, number) for number, face in enumerate(faces, 1)]
        labels = [self._labels(track) for track in tracks]
        since = self.watch.lap("attributes", since)
        self.totals.frames += 1
        self.totals.faces += len(faces)
        result = Result(frame, tracks, labels, self.watch.fps)
        answers = [output.write(result) for output in self._outputs]
        self.watch.lap("outputs", since)
        return all(answers)

    def _track(self, frame_bgr: np.ndarray, face: Face, number: int) -> Track:
        state, crop = look(frame_bgr, face, self._classifier, self._limits)
        probabilities = None if crop is None else self._classifier.classify(crop)
        return Track(number, face, 1, state, probabilities)

    def _labels(self, track: Track) -> list[str]:
        if track.probabilities is None:
            return []
        names = self._classifier.card.names
        return words(names, track.probabilities, self._thresholds, self._shown)
