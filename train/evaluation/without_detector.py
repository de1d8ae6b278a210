"""Classify whole photos without a detector in front, to compare with the device's way."""

from typing import Protocol

import cv2
import numpy as np

from device.analyzer import FaceClassifier
from device.types import OK, Face, Probabilities


class PhotoAnalyzer(Protocol):
    """A `FaceAnalyzer`, or `WholePhotos` in its place."""

    def analyze(self, image_bgr: np.ndarray) -> list[Face]:
        """Return the faces of a uint8 (H, W, 3) picture."""


class AnyClassifier(FaceClassifier, Protocol):
    """A device's `Classifier`, or a run's network with a card."""

    def classify(self, crop_rgb: np.ndarray) -> np.ndarray:
        """Return probabilities, float32 (attributes,), for one crop."""


class WholePhotos:
    """Classifies whole photos, resized to the network's input, without a detector in front."""

    def __init__(self, classifier: AnyClassifier):
        self._classifier = classifier

    def analyze(self, image_bgr: np.ndarray) -> list[Face]:
        """Return one face, whose box is the uint8 (H, W, 3) picture. The sides' ratio is lost."""
        card = self._classifier.card
        crop = cv2.resize(image_bgr, card.crop_wh, interpolation=cv2.INTER_AREA)
        values = self._classifier.classify(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB))
        height, width = image_bgr.shape[:2]
        box = (0.0, 0.0, float(width), float(height))
        probabilities = Probabilities(card.names, values)
        return [Face(1, box, 1.0, np.zeros((4, 2)), OK, probabilities=probabilities)]
