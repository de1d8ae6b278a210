"""Say whether a face can be told at all: large, frontal and sharp enough for its attributes.

The limits are settings. Their defaults were chosen on validation photos, where what they refuse is
told at least a point worse than what they keep: `python -m train.evaluate --coverage`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from device.attributes.classifier import Classifier
from device.faces.align import AlignError, landmark_matrix
from device.types import BLURRED, OK, TOO_SMALL, TURNED_AWAY, Face

# Sigmas of the Gaussians between which a face's detail lies, as shares of the crop's height:
# coarser than a sensor's noise, finer than the shapes that a blurred face keeps.
FINE, COARSE = 0.8 / 160, 2.5 / 160


@dataclass(frozen=True)
class Limits:
    """Up to where a face is told."""

    min_face: float  # px, width of the box
    max_turn: float  # as `turn` measures
    min_sharpness: float  # as `sharpness` measures


def look(
    frame_bgr: np.ndarray, face: Face, classifier: Classifier, limits: Limits
) -> tuple[str, np.ndarray | None]:
    """Return the face's state, and its crop where that is OK."""
    if face.box[2] < limits.min_face:
        return TOO_SMALL, None
    try:
        if turn(face.landmarks, classifier.template) > limits.max_turn:
            return TURNED_AWAY, None
        crop = classifier.crop(frame_bgr, face.landmarks)
    except AlignError:  # eyes a few pixels apart
        return TOO_SMALL, None
    return (OK, crop) if sharpness(crop) >= limits.min_sharpness else (BLURRED, None)


def turn(landmarks: np.ndarray, template: np.ndarray) -> float:
    """Return how far landmarks are from a frontal face's after the best similarity, >= 0.

    landmarks, template: (4, 2) px. Root mean square, in the template's eye distances. A head that
    turns or nods is foreshortened and its nose moves, which no shift, scale or tilt in the picture
    undoes. Raises AlignError where the eyes are a few pixels apart.
    """
    matrix = landmark_matrix(landmarks, template)
    misfit = landmarks @ matrix[:, :2].T + matrix[:, 2] - template
    return math.sqrt(np.square(misfit).sum() / len(misfit)) / math.dist(template[0], template[1])


def sharpness(crop_rgb: np.ndarray) -> float:
    """Return the share of a crop's contrast that is fine detail: 0.2 in a sharp face, 0 in fog.

    crop_rgb: uint8 (h, w, 3). A ratio, so that light and contrast do not count.
    """
    height, width = crop_rgb.shape[:2]
    inner = crop_rgb[height // 4 : height * 15 // 16, width * 3 // 16 : width * 13 // 16]
    grey = cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(grey, (0, 0), FINE * height)
    detail -= cv2.GaussianBlur(grey, (0, 0), COARSE * height)
    (contrast,), (fine,) = cv2.meanStdDev(grey)[1][0], cv2.meanStdDev(detail)[1][0]
    return float(fine / contrast) if contrast > 1 else 0.0
