"""Measure the limits beyond which a face is not told: what they refuse, and what that gains.

Run by `python -m train.evaluate --coverage`. Photos are re-rendered into camera pictures for each
limit: at many sizes for `min_face`, blurred for `min_sharpness`, and narrowed for `max_turn`, as
flat pictures that turn. (As far as CelebA's own people turn, they are told as well as others.) Each
picture goes through the device's own path.
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.camera.image_io import read_photo
from device.faces.align import AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality import sharpness, turn
from device.faces.quality_gate import Limits
from device.types import Face
from train.celeba import Split
from train.measuring.sweep import FULL_PX, SCENE_WH, Scene, nearest_face

SMALLEST_PX, BLURRIEST_PX, MOST_TURNED_DEG = 16.0, 10.0, 75.0
RULES = ("too small", "blurred", "turned away")


@dataclass(frozen=True)
class Rule:
    """What one limit does to the faces found; accuracies are means over faces and attributes."""

    state: str
    limit: float
    faces: int
    kept: float  # share of the faces
    kept_accuracy: float
    refused_accuracy: float  # nan where nothing is refused
    coverage: tuple[float, ...]  # shares of the faces, best first,
    accuracy: tuple[float, ...]  # and how accurately those are told


def coverage(
    split: Split, detector: BlazeFace, classifier: Classifier, limits: Limits, seed: int = 0
) -> list[Rule]:
    """Return what each of the three limits does to a split's photos."""
    values = (limits.min_face, limits.min_sharpness, limits.max_turn)
    rules = []
    with tqdm(total=3 * len(split), unit="photo", desc="coverage", leave=False) as bar:
        for state, limit in zip(RULES, values, strict=True):
            seen = [
                one
                for row in range(len(split))
                if (one := _seen(state, split, row, detector, classifier, seed, bar))
            ]
            rules.append(_rule(state, limit, *np.array(seen or np.zeros((0, 2))).T))
    return rules


def _scene(state: str, rng: np.random.Generator) -> Scene:
    if state == "too small":
        return Scene(face_px=float(np.exp(rng.uniform(np.log(SMALLEST_PX), np.log(FULL_PX)))))
    if state == "blurred":
        return Scene(blur_px=rng.uniform(0, BLURRIEST_PX))
    return Scene(turn_deg=rng.uniform(0, MOST_TURNED_DEG))


def _seen(state, split, row, detector, classifier, seed, bar) -> tuple[float, float] | None:
    """Return the rule's measure of one rendered face, larger is better, and the accuracy."""
    bar.update()
    rng = np.random.default_rng((seed, row))
    scene = _scene(state, rng)
    picture = scene.render([read_photo(split.photos[row])], rng)
    middle = (SCENE_WH[0] / 2, SCENE_WH[1] / 2)
    face = nearest_face(detector.detect(picture), middle, 0.6 * scene.face_px)
    if face is None:
        return None
    try:
        crop = classifier.crop(picture, face.landmarks)
    except AlignError:
        return None
    said = classifier.classify(crop) >= classifier.card.column("threshold")
    return _measure(state, face, crop, classifier), float((said == split.labels[row]).mean())


def _measure(state: str, face: Face, crop: np.ndarray, classifier: Classifier) -> float:
    if state == "too small":
        return face.box[2]
    return sharpness(crop) if state == "blurred" else -turn(face.landmarks, classifier.template)


def _rule(state: str, limit: float, measure: np.ndarray, right: np.ndarray) -> Rule:
    least = -limit if state == "turned away" else limit
    kept = measure >= least
    order = np.argsort(-measure, kind="stable")
    steps = np.unique(np.linspace(min(50, len(right)), len(right), 60).astype(int))
    steps = steps[steps > 0]
    sums = np.cumsum(right[order])

    def mean(rows: np.ndarray) -> float:
        return float(right[rows].mean()) if rows.any() else float("nan")

    return Rule(
        state=state,
        limit=limit,
        faces=len(right),
        kept=float(kept.mean()) if len(right) else float("nan"),
        kept_accuracy=mean(kept),
        refused_accuracy=mean(~kept),
        coverage=tuple((steps / max(len(right), 1)).tolist()),
        accuracy=tuple((sums[steps - 1] / steps).tolist()),
    )


def table(rules: list[Rule]) -> str:
    """Return the rules as text."""
    lines = [
        f"{'refused as':12}{'limit':>8}{'faces':>8}{'kept':>8}{'right, kept':>14}"
        f"{'right, refused':>16}"
    ]
    for one in rules:
        lines.append(
            f"{one.state:12}{one.limit:8g}{one.faces:8}{one.kept:8.3f}{one.kept_accuracy:14.4f}"
            f"{one.refused_accuracy:16.4f}"
        )
    return "\n".join(lines)
