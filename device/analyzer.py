"""Find and classify the faces of one image: the stateless half of Facet.

analyzer = FaceAnalyzer.from_settings(Settings())
for face in analyzer.analyze(image_bgr):
    print(face.box, face.labels)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from .attributes.classifier import Classification
from .attributes.labels import labels_for
from .attributes.model_card import ModelCard
from .attributes.presets import shown_and_logged
from .faces.align import CropGeometry
from .faces.detection_scheduler import Detector
from .faces.orientation import is_upside_down
from .faces.photo_search import search_photo
from .faces.quality_gate import NO_LIMITS, QualityLimits, assess_quality, quality_limits
from .models import load_classifier, load_full_detector
from .settings import Settings
from .types import UPSIDE_DOWN, Detection, Face, Image, Probabilities


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
    search_face: px, as of `search_photo`.
    """

    def __init__(
        self,
        detector: Detector,
        limits: QualityLimits,
        classifier: FaceClassifier | None = None,
        geometry: CropGeometry | None = None,
        shown: Sequence[str] | None = None,
        search_face: float = 0.0,
    ):
        crop = classifier.geometry if classifier else geometry
        if crop is None:
            raise TypeError("FaceAnalyzer needs a classifier or a crop geometry")
        self.detector, self.limits, self.classifier = detector, limits, classifier
        self.geometry, self._shown, self._search_face = crop, shown, search_face

    @classmethod
    def from_settings(cls, settings: Settings) -> FaceAnalyzer:
        """Return the analyzer that settings describe; raises ModelError and UsageError."""
        classifier = load_classifier(settings)
        shown, _ = shown_and_logged(settings.attributes, classifier.card.names)
        detector = load_full_detector(settings)
        limits, search_face = quality_limits(settings.faces), settings.faces.search_face
        return cls(detector, limits, classifier, shown=shown, search_face=search_face)

    def detect(self, image_bgr: Image) -> list[Detection]:
        """Return the faces of a uint8 (H, W, 3) BGR image, from left to right, not assessed."""
        return search_photo(self.detector, image_bgr, self._search_face)

    def analyze(
        self, image_bgr: Image, detections: Iterable[Detection] | None = None
    ) -> list[Face]:
        """Return the faces of a uint8 (H, W, 3) BGR image, numbered from left to right.

        detections: the faces to assess, if they are known; None runs the detector.
        """
        if detections is None:
            detections = self.detect(image_bgr)
        return [self._face(image_bgr, id, face) for id, face in enumerate(detections, 1)]

    def _face(self, image_bgr: Image, id: int, face: Detection) -> Face:
        classifier = self.classifier
        if self.limits != NO_LIMITS and is_upside_down(self.detector, image_bgr, face):
            return Face(id, face.box, face.score, face.landmarks, UPSIDE_DOWN)
        if classifier is None:
            state = assess_quality(image_bgr, face, self.geometry, self.limits).state
            return Face(id, face.box, face.score, face.landmarks, state)
        result = classifier.classify_face(image_bgr, face, self.limits)
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


def largest(faces: Iterable[Face]) -> Face | None:
    """Return the widest face; None of no faces."""
    return max(faces, key=lambda face: face.box[2], default=None)
