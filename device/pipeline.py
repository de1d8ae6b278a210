"""Analyze a camera's frames: an iterator of results.

with open_camera(settings.camera) as camera:
    for result in build_pipeline(settings, load_models(settings), camera):
        print(result.frame.index, [face.labels for face in result.faces])
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from .analyzer import FaceAnalyzer
from .attributes.scheduler import AttributeScheduler
from .camera import Camera, is_live
from .camera.photos import Photos
from .camera.prefetch import prefetch
from .camera.repeat import Repeated
from .camera.video import VideoFile
from .errors import Stopped
from .faces.detection_scheduler import DetectionScheduler
from .faces.line_counter import LineCounter
from .faces.quality_gate import quality_limits
from .faces.search_gate import SearchGate
from .faces.tracker import Tracker
from .frame_budget import FrameBudget
from .models import Models
from .settings import Settings
from .stopwatch import Stopwatch, Totals
from .types import Face, Frame, Line, Result

LARGE_FRAME = 12_000_000  # bytes of a picture beside which no other one is decoded


class Recognizer(Protocol):
    """What names faces; `device.recognition`, if it is enabled."""

    def identify(self, frame: Frame, faces: Sequence[Face]) -> list[Face]:
        """Return a frame's faces with the names that are known by now."""

    def forget(self) -> None:
        """Start anew: the next frame's ids are other people."""


class FrameAnalyzer(Protocol):
    """What turns a frame into faces."""

    def faces(self, frame: Frame, stopwatch: Stopwatch) -> list[Face]:
        """Return the frame's faces, and end the stages "faces" and "attributes".

        Raises Stopped if it was asked to stop within the frame.
        """


class VideoAnalyzer:
    """Tracks faces through a video or a live camera's frames."""

    def __init__(
        self,
        detection: DetectionScheduler,
        attributes: AttributeScheduler,
        budget: FrameBudget,
        recognizer: Recognizer | None = None,
    ):
        self._detection, self._attributes = detection, attributes
        self._budget, self._recognizer = budget, recognizer

    def faces(self, frame: Frame, stopwatch: Stopwatch) -> list[Face]:
        self._budget.start_frame()
        tracks = self._detection.track(frame)
        stopwatch.lap("faces")
        for switched in self._attributes.classify(frame, tracks):
            self._detection.tracker.assign_new_id(switched)
        faces = self._attributes.faces(frame, tracks)
        if self._recognizer:
            faces = self._recognizer.identify(frame, faces)
        stopwatch.lap("attributes")
        return faces


class PhotoAnalyzer:
    """Analyzes unrelated photos, each by itself; stopping: as of Pipeline, polled within one."""

    def __init__(
        self,
        analyzer: FaceAnalyzer,
        recognizer: Recognizer | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._analyzer, self._recognizer, self._stopping = analyzer, recognizer, stopping

    def faces(self, frame: Frame, stopwatch: Stopwatch) -> list[Face]:
        detections = self._analyzer.detect(frame.bgr, self._stopping)
        stopwatch.lap("faces")
        if self._recognizer:
            self._recognizer.forget()
        faces = self._analyzer.analyze_frame(frame, detections, self._stopping, self._named)
        stopwatch.lap("attributes")
        return faces

    def _named(self, view: Frame, face: Face) -> Face:
        return self._recognizer.identify(view, [face])[0] if self._recognizer else face


class Pipeline:
    """camera -> faces -> results, until the camera ends; iterate it once, from one thread.

    max_frames: ends after so many; 0: never. stopping: asked after every frame, whether to end.
    lines: counts the tracks that cross lines, for `Result.crossings` and `Result.lines`. The camera
    is entered and left by its owner.
    """

    def __init__(
        self,
        camera: Camera,
        analyzer: FrameAnalyzer,
        max_frames: int = 0,
        stopping: Callable[[], bool] = lambda: False,
        lines: LineCounter | None = None,
    ):
        self.camera, self._analyzer, self._live = camera, analyzer, is_live(camera)
        self._lines = lines
        self._max_frames, self._stopping = max_frames, stopping
        self.stopwatch, self.totals = Stopwatch(), Totals()

    def __iter__(self) -> Iterator[Result]:
        started = time.perf_counter()
        self.stopwatch.start()
        # A live camera has a thread of its own, and only its newest frame counts.
        source = iter(self.camera) if self._live else self._prefetched()
        with contextlib.ExitStack() as stack:
            if isinstance(source, Generator):
                stack.enter_context(contextlib.closing(source))
            frames = source
            for frame in frames:
                self.stopwatch.lap("camera")
                try:
                    result = self.analyze(frame)
                except Stopped:  # a photo that was analyzed in part has no result
                    break
                yield result
                self.stopwatch.lap("outputs")
                self.stopwatch.frame_done()
                self.totals.seconds = time.perf_counter() - started
                if self._stopping() or self.totals.frames == self._max_frames:
                    break
                del frame, result  # the next photo may need their memory

    def _prefetched(self) -> Generator[Frame, None, None]:
        camera = self.camera
        if isinstance(camera, VideoFile | Repeated) and camera.frame_bytes > LARGE_FRAME:
            return prefetch(camera, 1, self._stopping, alone=_is_large)
        if isinstance(camera, Photos):
            return prefetch(camera, 1, self._stopping, alone=_is_large)
        return prefetch(camera, stopping=self._stopping)

    def analyze(self, frame: Frame) -> Result:
        """Return the result of the camera's next frame; raises Stopped within a photo."""
        faces = self._analyzer.faces(frame, self.stopwatch)
        self.totals.frames += 1
        self.totals.faces += len(faces)
        age_s = time.monotonic() - frame.at_s if self._live else None
        result = Result(frame, faces, self.stopwatch.fps, age_s)
        if self._lines:
            crossings = self._lines.add(frame, faces)
            result = replace(result, crossings=crossings, lines=self._lines.counts)
        return result


def _is_large(frame: Frame) -> bool:
    return frame.bgr.nbytes > LARGE_FRAME


def build_pipeline(
    settings: Settings,
    models: Models,
    camera: Camera,
    shown: Sequence[str] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    recognizer: Recognizer | None = None,
    share: float = 1.0,
) -> Pipeline:
    """Return the pipeline that settings describe.

    shown: attributes that labels may name. share: as of FrameBudget.
    """
    analyzer: FrameAnalyzer
    if isinstance(camera, Photos):
        limits = quality_limits(settings.faces)
        search_face = settings.faces.search_face
        single = FaceAnalyzer(
            models.full_detector,
            limits,
            models.classifier,
            shown=shown,
            search_face=search_face,
            verifier=models.verifier(settings.faces),
        )
        analyzer = PhotoAnalyzer(single, recognizer, stopping)
    else:
        analyzer = _video_analyzer(settings, models, camera, shown, recognizer, share)
    lines = None if isinstance(camera, Photos) else _line_counter(settings)
    return Pipeline(camera, analyzer, settings.outputs.max_frames, stopping, lines)


def _search_gate(settings: Settings, camera: Camera) -> SearchGate | None:
    """Return what spares a live camera needless searches; None searches all that is due."""
    recheck_s = settings.faces.recheck_s
    return SearchGate(recheck_s) if recheck_s and is_live(camera) else None


def _line_counter(settings: Settings) -> LineCounter | None:
    """Return what counts crossings of the settings' lines; None without lines."""
    lines = [
        Line(line.name, line.from_, line.to, line.in_name, line.out_name) for line in settings.lines
    ]
    return LineCounter(lines, settings.tracks.max_lost_s) if lines else None


def _video_analyzer(
    settings: Settings,
    models: Models,
    camera: Camera,
    shown: Sequence[str] | None,
    recognizer: Recognizer | None,
    share: float,
) -> VideoAnalyzer:
    budget = FrameBudget(1 / camera.fps if is_live(camera) else None, share)
    interval_s = 0.0 if is_live(camera) else 1 / camera.fps
    tracker = Tracker(
        settings.tracks.min_hits, settings.tracks.max_lost_s, interval_s, settings.faces.min_score
    )
    detection = DetectionScheduler(
        models.full_detector,
        models.roi_detector,
        tracker,
        settings.faces.detect_hz,
        budget,
        settings.camera,
        models.verifier(settings.faces),
        _search_gate(settings, camera),
    )
    attributes = AttributeScheduler(
        models.classifier,
        models.classifier.card.names if shown is None else shown,
        quality_limits(settings.faces),
        settings.tracks,
        settings.attributes.classify_hz,
        budget,
    )
    return VideoAnalyzer(detection, attributes, budget, recognizer)
