"""Accuracy against coverage of the quality gate: what its limits reject, and what that gains.

Run by `python -m train.evaluate rejection`. Photos are re-rendered into camera images for each
limit: at many sizes for `min_face`, blurred for `min_sharpness`, narrowed for `max_turn`, as a flat
picture that turns (at the turns that CelebA itself has, accuracy does not fall), darkened for
`min_brightness` and brightened until they burn out for `max_overexposed`. Each image goes through
the device's pipeline.
"""

import math
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer
from device.attributes.classifier import Classifier
from device.faces.align import CropGeometry
from device.faces.blazeface import BlazeFace
from device.faces.quality import exposure, pose_error, sharpness
from device.faces.quality_gate import NO_LIMITS, QualityLimits
from device.types import Face
from train.data.split import Split
from train.data.unreadable import check_any, photo_or_none, unreadable
from train.evaluation.robustness import (
    FULL_PX,
    SCENE_WH,
    SyntheticScene,
    nearest_face,
    share_correct,
)

MIN_FACE_PX, MAX_BLUR_PX, MAX_TURN_DEG = 16.0, 10.0, 75.0
MIN_GAIN, MAX_GAIN = 0.03, 8.0  # of the brightness
STATES = ("too small", "blurred", "turned away", "too dark", "too bright")
UPPER_LIMITS = ("turned away", "too bright")  # beyond the others' lower limits a face is rejected
MIN_FACES, CURVE_POINTS = 50, 60


@dataclass(frozen=True)
class RejectionCurve:
    """The effect of one limit on the detected faces.

    Accuracies are means over faces and attributes, 0..1.
    """

    state: str
    limit: float
    faces: int
    accepted: float  # share of the faces
    accepted_accuracy: float
    rejected_accuracy: float  # NaN if none is rejected
    coverage: tuple[float, ...]  # shares of the faces, those of best quality first,
    accuracy: tuple[float, ...]  # and the accuracy on that share


def rejection_curves(
    split: Split, detector: BlazeFace, classifier: Classifier, limits: QualityLimits, seed: int = 0
) -> list[RejectionCurve]:
    """Return the effect of each of the limits on a split's readable photos.

    Raises DataError if none can be read.
    """
    values = (
        limits.min_face,
        limits.min_sharpness,
        limits.max_turn,
        limits.min_brightness,
        limits.max_overexposed,
    )
    analyzer = FaceAnalyzer(detector, NO_LIMITS, classifier)
    curves = []
    with tqdm(total=len(STATES) * len(split), unit="photo", desc="rejection", leave=False) as bar:
        for state, limit in zip(STATES, values, strict=True):
            pairs = []
            for row in range(len(split)):
                bar.update()
                if pair := _quality_and_accuracy(state, split, row, analyzer, classifier, seed):
                    pairs.append(pair)
            check_any(len(split) - len(unreadable(split.photos)), split)
            quality, accuracy = np.array(pairs or np.zeros((0, 2))).T
            curves.append(curve_of(state, limit, quality, accuracy))
    return curves


def _scene(state: str, rng: np.random.Generator) -> SyntheticScene:
    if state == "too small":
        low, high = np.log(MIN_FACE_PX), np.log(FULL_PX)
        return SyntheticScene(face_px=float(np.exp(rng.uniform(low, high))))
    if state == "blurred":
        return SyntheticScene(blur_px=rng.uniform(0, MAX_BLUR_PX))
    if state == "turned away":
        return SyntheticScene(turn_deg=rng.uniform(0, MAX_TURN_DEG))
    end = MIN_GAIN if state == "too dark" else MAX_GAIN
    return SyntheticScene(gain=float(end ** rng.uniform(0, 1)))


def _quality_and_accuracy(
    state: str, split: Split, row: int, analyzer: FaceAnalyzer, classifier: Classifier, seed: int
) -> tuple[float, float] | None:
    """Return quality, larger is better, and accuracy of one rendered face; None if not found.

    None, too, if the photo cannot be read, or none of its labels is known.
    """
    photo = photo_or_none(split.photos[row])
    if photo is None:
        return None
    rng = np.random.default_rng((seed, row))
    scene = _scene(state, rng)
    image = scene.render([photo], rng)
    centre = (SCENE_WH[0] / 2, SCENE_WH[1] / 2)
    face = nearest_face(analyzer.analyze(image), centre, 0.6 * scene.face_px)
    if face is None or face.probabilities.array is None:
        return None
    accuracy = share_correct(face.probabilities.array, split.labels[row], classifier)
    if math.isnan(accuracy):
        return None
    return _quality(state, image, face, analyzer.geometry), accuracy


def _quality(state: str, image: np.ndarray, face: Face, geometry: CropGeometry) -> float:
    if state == "too small":
        return face.box[2]
    if state == "turned away":
        return -pose_error(face.landmarks, geometry.template_array)
    crop = geometry.crop(image, face.landmarks)
    if state == "blurred":
        return sharpness(crop)
    brightness, overexposed = exposure(crop)
    return brightness if state == "too dark" else -overexposed


def curve_of(state: str, limit: float, quality: np.ndarray, accuracy: np.ndarray) -> RejectionCurve:
    """Return one limit's effect, from quality (larger is better) and accuracy, each (faces,)."""
    count = len(accuracy)
    accepted = quality >= (-limit if state in UPPER_LIMITS else limit)
    order = np.argsort(-quality, kind="stable")
    steps = np.unique(np.linspace(min(MIN_FACES, count), count, CURVE_POINTS).astype(int))
    steps = steps[steps > 0]
    sums = np.cumsum(accuracy[order])

    def mean(rows: np.ndarray) -> float:
        return float(accuracy[rows].mean()) if rows.any() else math.nan

    return RejectionCurve(
        state=state,
        limit=limit,
        faces=count,
        accepted=float(accepted.mean()) if count else math.nan,
        accepted_accuracy=mean(accepted),
        rejected_accuracy=mean(~accepted),
        coverage=tuple((steps / max(count, 1)).tolist()),
        accuracy=tuple((sums[steps - 1] / steps).tolist()),
    )


def table(curves: list[RejectionCurve]) -> str:
    """Return the effects of the limits as text."""
    lines = [
        f"{'state':12}{'limit':>8}{'faces':>8}{'accepted':>10}{'accuracy: accepted':>20}"
        f"{'rejected':>10}"
    ]
    for curve in curves:
        lines.append(
            f"{curve.state:12}{curve.limit:8g}{curve.faces:8}{curve.accepted:10.3f}"
            f"{curve.accepted_accuracy:20.4f}{curve.rejected_accuracy:10.4f}"
        )
    return "\n".join(lines)
