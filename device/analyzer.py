"""Find and classify the faces of one image: the stateless half of Facet.

analyzer = FaceAnalyzer.from_settings(Settings())
for face in analyzer.analyze(image_bgr):
    print(face.box, face.labels)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from .attributes.classifier import Classification
from .attributes.labels import labels_for
from .attributes.model_card import ModelCard
from .attributes.presets import shown_and_logged
from .errors import Stopped
from .faces.align import CropGeometry
from .faces.close_up import close_ups, in_close_up
from .faces.orientation import is_upside_down
from .faces.photo_search import search_photo
from .faces.quality_gate import NO_LIMITS, QualityLimits, assess_quality, quality_limits
from .faces.verification import Detector, Verifier
from .log import log
from .models import load_classifier, load_full_detector, load_verifier
from .settings import Settings
from .types import UPSIDE_DOWN, Detection, Face, Frame, FullSize, Image, Probabilities


class FaceClassifier(Protocol):
    """What the analyzer needs of `attributes.classifier.Classifier`."""

    @property
    def card(self) -> ModelCard: ...

    @property
    def geometry(self) -> CropGeometry: ...

    @property
    def thresholds(self) -> np.ndarray: ...

    def classify_face(
        self, frame_bgr: Image, face: Detection, limits: QualityLimits
    ) -> Classification: ...


class FaceAnalyzer:
    """Detection, quality gate, crop and classification of one image; use it from one thread.

    classifier: None leaves the faces unclassified, with their quality in `state`; geometry is then
    the crop that the quality is measured on. shown: attributes that labels may name, None for all.
    search_face, verifier: as of `search_photo`.
    """

    def __init__(
        self,
        detector: Detector,
        limits: QualityLimits,
        classifier: FaceClassifier | None = None,
        geometry: CropGeometry | None = None,
        shown: Sequence[str] | None = None,
        search_face: float = 0.0,
        verifier: Verifier | None = None,
    ):
        crop = classifier.geometry if classifier else geometry
        if crop is None:
            raise TypeError("FaceAnalyzer needs a classifier or a crop geometry")
        self.detector, self.limits, self.classifier = detector, limits, classifier
        self.geometry, self._shown, self._search_face = crop, shown, search_face
        self._verifier = verifier

    @classmethod
    def from_settings(cls, settings: Settings) -> FaceAnalyzer:
        """Return the analyzer that settings describe; raises ModelError and UsageError."""
        classifier = load_classifier(settings)
        shown, _ = shown_and_logged(settings.attributes, classifier.card.names)
        detector = load_full_detector(settings)
        limits, search_face = quality_limits(settings.faces), settings.faces.search_face
        return cls(
            detector,
            limits,
            classifier,
            shown=shown,
            search_face=search_face,
            verifier=load_verifier(settings),
        )

    def detect(
        self, image_bgr: Image, stopping: Callable[[], bool] = lambda: False
    ) -> list[Detection]:
        """Return the faces of a uint8 (H, W, 3) BGR image, from left to right, not assessed.

        Raises Stopped where `stopping` is true.
        """
        return search_photo(self.detector, image_bgr, self._search_face, stopping, self._verifier)

    def analyze(
        self, image_bgr: Image, detections: Iterable[Detection] | None = None
    ) -> list[Face]:
        """Return the faces of a uint8 (H, W, 3) BGR image, numbered from left to right.

        detections: the faces to assess, if they are known; None runs the detector.
        """
        return self.analyze_frame(frame_of(image_bgr), detections)

    def analyze_frame(
        self,
        frame: Frame,
        detections: Iterable[Detection] | None = None,
        stopping: Callable[[], bool] = lambda: False,
        named: Callable[[Frame, Face], Face] = lambda _, face: face,
    ) -> list[Face]:
        """Return the faces of a frame; the small ones of a large photo are read at full size.

        named: called with each face that stands upright, and the frame or the close-up that shows
        it; returns the face with a name. Raises Stopped where `stopping` is true.
        """
        found = list(self.detect(frame.bgr, stopping) if detections is None else detections)
        faces: dict[int, Face] = {}
        for number, face in enumerate(found):
            if self.limits != NO_LIMITS and is_upside_down(self.detector, frame.bgr, face):
                faces[number] = _unclassified(number + 1, face, UPSIDE_DOWN)
        upright = [number for number in range(len(found)) if number not in faces]
        try:
            detections = [found[number] for number in upright]
            for index, close_up in close_ups(frame, detections, self.geometry, stopping):
                number, face = upright[index], detections[index]
                view = replace(frame, bgr=close_up.bgr, scale=close_up.factor, full_size=None)
                seen = named(view, self._face(view, number + 1, in_close_up(face, close_up)))
                faces[number] = replace(seen, box=face.box, landmarks=face.landmarks)
        except Stopped:
            raise
        except Exception as error:  # as of any photo that cannot be read
            log.info(f"{frame.source}: some faces are classified at reduced size: {error}")
        for number in upright:
            if number not in faces:
                faces[number] = named(frame, self._face(frame, number + 1, found[number]))
        return [faces[number] for number in range(len(found))]

    def _face(self, view: Frame, id: int, face: Detection) -> Face:
        classifier = self.classifier
        limits = replace(self.limits, min_face=self.limits.min_face / view.scale)
        if classifier is None:
            state = assess_quality(view.bgr, face, self.geometry, limits).state
            return _unclassified(id, face, state)
        result = classifier.classify_face(view.bgr, face, limits)
        names, values = classifier.card.names, result.probabilities
        labels: tuple[str, ...] = ()
        if values is not None:
            labels = labels_for(names, values, classifier.thresholds, self._shown)
        return Face(
            id=id,
            box=face.box,
            score=face.score,
            landmarks=face.landmarks,
            state=result.quality.state,
            labels=labels,
            probabilities=Probabilities(names, values),
        )


def _unclassified(id: int, face: Detection, state: str) -> Face:
    return Face(id, face.box, face.score, face.landmarks, state)


def frame_of(
    image_bgr: Image, scale: float = 1.0, full_size: FullSize | None = None, source: str = ""
) -> Frame:
    """Return a single image as a frame; scale, full_size: as of `Frame`."""
    return Frame(image_bgr, 0, datetime.now(UTC), time.monotonic(), source, scale, full_size)


def largest(faces: Iterable[Face]) -> Face | None:
    """Return the widest face; None of no faces."""
    return max(faces, key=lambda face: face.box[2], default=None)
