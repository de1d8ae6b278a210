"""The loop: a frame, its people, their attributes, the outputs. Knows all rooms, does no work."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .attributes.classifier import Classifier
from .attributes.scheduler import AttributeScheduler
from .camera import Camera
from .camera.prefetch import prefetch
from .faces.blazeface import BlazeFace
from .faces.detection_scheduler import DetectionScheduler, Detector
from .faces.quality_gate import quality_limits
from .faces.tracker import Tracker
from .frame_budget import FrameBudget
from .outputs import Output, Result
from .settings import Settings
from .types import Frame, Track

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


class Naming(Protocol):
    """What tells who people are; device.people, where that is wanted."""

    def update(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return a frame's tracks with the names that are known by now."""

    def forget(self) -> None:
        """Start anew, with other people."""


class Pipeline:
    """camera -> faces -> attributes -> outputs, until the camera ends or one says stop.

    pace: what follower and teller share. stopping: asked after every frame, whether to end; an
    output that says no ends the run too. naming: None where people stay numbers.
    """

    def __init__(
        self,
        camera: Camera,
        follower: DetectionScheduler,
        teller: AttributeScheduler,
        outputs: Sequence[Output],
        pace: FrameBudget,
        stopping: Callable[[], bool] = lambda: False,
        naming: Naming | None = None,
    ):
        self._naming = naming
        self._camera, self._follower, self._teller = camera, follower, teller
        self._outputs, self._pace, self._stopping = outputs, pace, stopping
        self.watch, self.totals = Stopwatch(), Totals()

    def run(self, max_frames: int = 0) -> Totals:
        """Take frames to the end, or `max_frames` of them; outputs and camera stay open."""
        begun = since = time.perf_counter()
        # A live camera has a reader of its own.
        source = iter(self._camera) if self._camera.live else prefetch(self._camera)
        with contextlib.closing(source) as frames:
            for frame in frames:
                since = self.watch.lap("camera", since)
                going_on = self._step(frame, since)
                since = time.perf_counter()
                self.watch.ends.append(since)
                self.totals.seconds = since - begun
                if not going_on or self._stopping() or self.totals.frames == max_frames:
                    break
        return self.totals

    def _step(self, frame: Frame, since: float) -> bool:
        self._pace.begin()
        if self._camera.stills:  # nobody is followed from one photo to the next
            self._follower.forget()
            self._teller.forget()
            if self._naming:
                self._naming.forget()
        people = self._follower.update(frame)
        since = self.watch.lap("faces", since)
        self._teller.update(frame, people, self._follower.tracker.renew)
        told = self._teller.tracks(frame, people)
        tracks, labels = [track for track, _ in told], [said for _, said in told]
        if self._naming:
            tracks = self._naming.update(frame, tracks)
        since = self.watch.lap("attributes", since)
        self.totals.frames += 1
        self.totals.faces += len(told)
        age_s = time.monotonic() - frame.at_s if self._camera.live else None
        result = Result(frame, tracks, labels, self.watch.fps, age_s)
        answers = [output.write(result) for output in self._outputs]
        self.watch.lap("outputs", since)
        return all(answers)


@dataclass(frozen=True)
class Models:
    """The networks of one pipeline."""

    searcher: Detector  # for whole pictures
    looker: Detector  # for the neighbourhood of somebody who is being followed
    classifier: Classifier


def load_models(settings: Settings) -> Models:
    """Return the settings' networks; ModelError if one is missing or broken."""
    attributes = settings.attributes
    how = (settings.runtime.threads, settings.runtime.delegates, attributes.compute)
    return Models(*load_detectors(settings), Classifier(attributes.model, *how))


def load_detectors(settings: Settings) -> tuple[Detector, Detector]:
    """Return the searcher and the looker of `Models`; ModelError if one is missing or broken."""
    faces = settings.faces
    how = (faces.min_score, settings.runtime.threads, settings.runtime.delegates)
    if faces.detector == "yunet":
        from .faces.yunet import YuNet

        searcher = YuNet(faces.yunet, faces.min_score)
    else:
        searcher = BlazeFace(faces.detector, *how)
    return searcher, BlazeFace("short", *how)


def assemble(
    settings: Settings,
    models: Models,
    camera: Camera,
    outputs: Sequence[Output],
    shown: Sequence[str],
    stopping: Callable[[], bool] = lambda: False,
    naming: Naming | None = None,
) -> Pipeline:
    """Return the pipeline that the settings describe; shown: attributes that labels mention."""
    faces, tracks, attributes = settings.faces, settings.tracks, settings.attributes
    pace = FrameBudget(1 / camera.fps if camera.live else None)
    tracker = Tracker(1 if camera.stills else tracks.min_hits, tracks.max_lost_s)
    follower = DetectionScheduler(models.searcher, models.looker, tracker, faces.detect_hz, pace)
    limits = quality_limits(faces)
    teller = AttributeScheduler(
        models.classifier, shown, limits, tracks, attributes.classify_hz, pace
    )
    return Pipeline(camera, follower, teller, outputs, pace, stopping, naming)
