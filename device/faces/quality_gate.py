"""Take one face's crop, and say whether it can be told: large, frontal and sharp enough.

The limits are settings. Their defaults were chosen on validation photos, where what they refuse is
told at least a point worse than what they keep: `python -m train.evaluate --coverage`.
"""

from dataclasses import dataclass

import numpy as np

from ..attributes.classifier import Classifier
from ..settings import FacesSettings
from ..types import BLURRED, OK, TOO_SMALL, TURNED_AWAY, Face
from .align import AlignError, landmark_matrix
from .quality import misfit, sharpness

# What is as good as it gets. Between a limit and this a crop is worth less as evidence.
PLENTY_FACE, PLENTY_TURN, PLENTY_SHARPNESS = 64.0, 0.08, 0.2
LEAST_WORTH = 0.25
EASE = 0.8


@dataclass(frozen=True)
class Limits:
    """Up to where a face is told."""

    min_face: float  # px, width of the box
    max_turn: float  # as `faces.quality.turn` measures
    min_sharpness: float  # as `faces.quality.sharpness` measures

    def eased(self) -> "Limits":
        """Return the limits for a face that is being told: near a limit it would come and go."""
        return Limits(EASE * self.min_face, self.max_turn / EASE, EASE * self.min_sharpness)


def quality_limits(faces: FacesSettings) -> Limits:
    """Return the limits that settings name."""
    return Limits(faces.min_face, faces.max_turn, faces.min_sharpness)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one face in one frame gives to go on."""

    state: str  # OK, or why it is not told
    crop: np.ndarray | None = None  # uint8 (h, w, 3) in R, G, B; None unless OK
    worth: float = 0.0  # 0..1: as evidence beside other crops of the same person


def look(frame_bgr: np.ndarray, face: Face, classifier: Classifier, limits: Limits) -> Look:
    """Return the crop of a face in a uint8 (H, W, 3) picture, or why there is none to tell."""
    if face.box[2] < limits.min_face:
        return Look(TOO_SMALL)
    try:
        matrix = landmark_matrix(face.landmarks, classifier.template)
    except AlignError:  # eyes a few pixels apart
        return Look(TOO_SMALL)
    turned = misfit(face.landmarks, classifier.template, matrix)
    if turned > limits.max_turn:
        return Look(TURNED_AWAY)
    crop = classifier.cut(frame_bgr, matrix)
    sharp = sharpness(crop)
    if sharp < limits.min_sharpness:
        return Look(BLURRED)
    worth = min(
        _between(face.box[2], limits.min_face, PLENTY_FACE),
        _between(-turned, -limits.max_turn, -PLENTY_TURN),
        _between(sharp, limits.min_sharpness, PLENTY_SHARPNESS),
    )
    return Look(OK, crop, LEAST_WORTH + (1 - LEAST_WORTH) * worth)


def _between(value: float, limit: float, plenty: float) -> float:
    """Return 0 at the limit, 1 from plenty on."""
    if value >= plenty:
        return 1.0
    return max(0.0, (value - limit) / (plenty - limit)) if plenty > limit else 1.0
