"""Errors by gender, age band and race, with 95 % intervals.

Run by `python -m train.evaluate fairness`. UTKFace's photos go through the device's whole
pipeline; CelebA's aligned photos, grouped by CelebA's own labels, through the classifier only.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, FaceClassifier, largest
from device.attributes.model_card import ModelCard
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from train.data.crops import with_border
from train.data.split import DataError, Split
from train.data.unreadable import COPY_AGAIN, photo_or_none
from train.data.utkface import read_utkface

AGE_BANDS = ((18, 29), (30, 44), (45, 59), (60, 120))
# CelebA's Young has no defined age: yes below the first number, no above the second; ages between
# them are not evaluated.
YOUNG_BELOW, YOUNG_NOT_ABOVE = 35, 50
CELEBA_GROUPS = (  # attribute, group with it, group without
    ("Male", "men", "women"),
    ("Young", "young", "older"),
    ("Pale_Skin", "pale", "not pale"),
    ("Eyeglasses", "eyeglasses", "no eyeglasses"),
    ("Blurry", "blurry", "sharp"),
)


@dataclass(frozen=True)
class LabelledPerson:
    """One UTKFace photo's labels and predictions.

    A prediction is None if no face was detected, or the model does not have the attribute.
    """

    age: int
    gender: str
    race: str
    male: bool | None
    young: bool | None


@dataclass(frozen=True)
class GroupError:
    """The error of one attribute in one group, 0..1, with its 95 % interval."""

    group: str
    attribute: str
    people: int
    error: float
    low: float
    high: float


def read_people(
    folder: Path, detector: BlazeFace, classifier: FaceClassifier
) -> list[LabelledPerson]:
    """Return UTKFace's people with predictions, without those of photos that cannot be read.

    Raises DataError if labels are missing or malformed, or no photo can be read.
    """
    analyzer = FaceAnalyzer(detector, NO_LIMITS, classifier)
    thresholds = classifier.thresholds
    people = []
    for face in tqdm(read_utkface(folder), unit="photo", desc="utkface", leave=False):
        predicted = _predict(face.photo, analyzer, thresholds)
        if predicted is None:
            continue
        male, young = predicted.get("Male"), predicted.get("Young")
        people.append(LabelledPerson(face.age, face.gender, face.race, male, young))
    if not people:
        raise DataError(f"no photo in {folder} can be read", COPY_AGAIN)
    return people


def _predict(path: Path, analyzer: FaceAnalyzer, thresholds: np.ndarray) -> dict[str, bool] | None:
    """Return the decision per attribute for the largest face; {} without one, None unreadable."""
    photo = photo_or_none(path)
    if photo is None:
        return None
    face = largest(analyzer.analyze(with_border(photo)))
    if face is None or face.probabilities.array is None:
        return {}
    positive = face.probabilities.array >= thresholds
    return dict(zip(face.probabilities.names, positive.tolist(), strict=True))


def utkface_errors(people: list[LabelledPerson]) -> list[GroupError]:
    """Return the errors of Male and Young for all, and by gender, race and age band."""
    classified = [p for p in people if (p.male, p.young) != (None, None)]
    groups = {"all": classified}
    for gender in sorted({p.gender for p in classified}):
        groups[gender] = [p for p in classified if p.gender == gender]
    for race in sorted({p.race for p in classified}):
        groups[race] = [p for p in classified if p.race == race]
    for low, high in AGE_BANDS:
        groups[f"{low} to {high}"] = [p for p in classified if low <= p.age <= high]
    errors = []
    for name, members in groups.items():
        male_wrong = [p.male != (p.gender == "male") for p in members if p.male is not None]
        errors.append(_error(name, "Male", male_wrong))
        rated = [p for p in members if p.age < YOUNG_BELOW or p.age > YOUNG_NOT_ABOVE]
        young_wrong = [p.young != (p.age < YOUNG_BELOW) for p in rated if p.young is not None]
        errors.append(_error(name, "Young", young_wrong))
    return [error for error in errors if error.people]


def _error(group: str, attribute: str, wrong: list[bool]) -> GroupError:
    """Return a group's error with its Wilson interval."""
    from scipy.stats import binomtest  # slow to import

    if not wrong:
        return GroupError(group, attribute, 0, math.nan, math.nan, math.nan)
    interval = binomtest(sum(wrong), len(wrong)).proportion_ci(method="wilson")
    share = sum(wrong) / len(wrong)
    return GroupError(group, attribute, len(wrong), share, interval.low, interval.high)


def celeba_errors(card: ModelCard, split: Split, probabilities: np.ndarray) -> list[GroupError]:
    """Return the mean error over all attributes by CelebA's own labels.

    The interval is that of a mean over photos: the attributes of one photo are not independent.
    """
    wrong = ((probabilities >= card.values("threshold")) != split.labels).mean(axis=1)
    errors = []
    for name, positive, negative in CELEBA_GROUPS:
        if name not in card.names:
            continue
        rows = split.labels[:, card.names.index(name)] == 1
        errors += [_mean_error(positive, wrong[rows]), _mean_error(negative, wrong[~rows])]
    return [error for error in errors if error.people]


def _mean_error(group: str, wrong: np.ndarray) -> GroupError:
    if len(wrong) < 2:
        return GroupError(group, "all attributes", 0, math.nan, math.nan, math.nan)
    mean, half = float(wrong.mean()), float(1.96 * wrong.std(ddof=1) / np.sqrt(len(wrong)))
    return GroupError(group, "all attributes", len(wrong), mean, mean - half, mean + half)


def table(title: str, errors: list[GroupError]) -> str:
    """Return errors as text."""
    lines = [f"{title:16}{'attribute':>16}{'people':>8}{'error':>8}    95 % interval"]
    for error in errors:
        lines.append(
            f"{error.group:16}{error.attribute:>16}{error.people:8}{error.error:8.3f}    "
            f"{error.low:.3f} to {error.high:.3f}"
        )
    return "\n".join(lines)
