"""Crop a face and decide whether it is good enough to classify: large, frontal, lit and sharp.

The limits are settings. Their defaults were chosen on validation photos, where the faces they
reject are classified at least a point worse than those they accept: `train.evaluate rejection`.
"""

import math
from dataclasses import dataclass

from ..settings import FacesSettings
from ..types import (
    BLURRED,
    OK,
    TOO_BRIGHT,
    TOO_DARK,
    TOO_SMALL,
    TURNED_AWAY,
    UPSIDE_DOWN,
    Detection,
    Image,
)
from .align import AlignError, CropGeometry
from .quality import alignment_residual, exposure, sharpness, tilt_deg

# Quality beyond which a face gains no weight; at a limit it has MIN_WEIGHT.
GOOD_FACE_PX, GOOD_POSE_ERROR, GOOD_SHARPNESS = 64.0, 0.08, 0.2
MIN_WEIGHT = 0.25
HYSTERESIS = 0.8
UPSIDE_DOWN_DEG = 135.0  # tilt of the eyes; up to it a face's crop is turned upright


@dataclass(frozen=True)
class QualityLimits:
    """The limits up to which a face is classified."""

    min_face: float  # px, width of the box
    max_turn: float  # as `faces.quality.pose_error` measures
    min_sharpness: float  # as `faces.quality.sharpness` measures
    min_brightness: float = 0.0  # as `faces.quality.exposure` measures, and so is the next
    max_overexposed: float = 1.0

    def relaxed(self) -> "QualityLimits":
        """Return the limits for a face that is classified already, so that it does not flicker."""
        return QualityLimits(
            HYSTERESIS * self.min_face,
            self.max_turn / HYSTERESIS,
            HYSTERESIS * self.min_sharpness,
            HYSTERESIS * self.min_brightness,
            self.max_overexposed / HYSTERESIS,
        )


NO_LIMITS = QualityLimits(0.0, math.inf, 0.0)  # accepts every face that can be aligned


def quality_limits(faces: FacesSettings) -> QualityLimits:
    """Return the limits that settings name."""
    return QualityLimits(
        faces.min_face,
        faces.max_turn,
        faces.min_sharpness,
        faces.min_brightness,
        faces.max_overexposed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class QualityResult:
    """The quality gate's decision on one face in one frame."""

    state: str  # OK, or why the face is rejected
    crop: Image | None = None  # uint8 (h, w, 3) RGB; None unless OK
    weight: float = 0.0  # 0..1: as evidence beside other crops of the same track


def assess_quality(
    frame_bgr: Image, face: Detection, geometry: CropGeometry, limits: QualityLimits
) -> QualityResult:
    """Return the crop of a face in a uint8 (H, W, 3) picture, or why it is rejected."""
    if face.box[2] < limits.min_face:
        return QualityResult(TOO_SMALL)
    try:
        matrix = geometry.matrix(face.landmarks)
    except AlignError:  # eyes a few pixels apart
        return QualityResult(TOO_SMALL)
    turned = alignment_residual(face.landmarks, geometry.template_array, matrix)
    if turned > limits.max_turn:
        return QualityResult(TURNED_AWAY)
    if abs(tilt_deg(face.landmarks)) > UPSIDE_DOWN_DEG:
        return QualityResult(UPSIDE_DOWN)
    crop = geometry.warp(frame_bgr, matrix)
    brightness, overexposed = exposure(crop)
    if brightness < limits.min_brightness:
        return QualityResult(TOO_DARK)
    if overexposed > limits.max_overexposed:
        return QualityResult(TOO_BRIGHT)
    sharp = sharpness(crop)
    if sharp < limits.min_sharpness:
        return QualityResult(BLURRED)
    quality = min(
        _share(face.box[2], limits.min_face, GOOD_FACE_PX),
        _share(-turned, -limits.max_turn, -GOOD_POSE_ERROR),
        _share(sharp, limits.min_sharpness, GOOD_SHARPNESS),
    )
    return QualityResult(OK, crop, MIN_WEIGHT + (1 - MIN_WEIGHT) * quality)


def _share(value: float, limit: float, good: float) -> float:
    """Return 0 at the limit, 1 from `good` on."""
    if value >= good:
        return 1.0
    return max(0.0, (value - limit) / (good - limit)) if good > limit else 1.0
