"""Say for whom the model errs more: error by gender, age band and race, with 95 % intervals.

Run by `python -m train.evaluate --groups`. UTKFace's photos go through the device's whole path;
CelebA's aligned photos, grouped by CelebA's own labels, through the classifier alone.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.attributes.model_card import ModelCard
from device.camera.image_io import read_photo
from device.faces.align import AlignError
from device.faces.blazeface import BlazeFace
from train.celeba import DataError, Split

AGE_BANDS = ((18, 29), (30, 44), (45, 59), (60, 120))
# CelebA's Young has no age to it. Below the first number everybody would say yes, above the
# second no; those between are left out.
YOUNG_BELOW, YOUNG_NOT_ABOVE = 35, 50


@dataclass(frozen=True)
class Person:
    """One UTKFace photo's labels, and what the model said.

    None where no face was found, or the model does not know the attribute.
    """

    age: int
    gender: str
    race: str
    male: bool | None
    young: bool | None


@dataclass(frozen=True)
class GroupError:
    """The error of one attribute in one group, 0..1, with its 95 % Wilson interval."""

    group: str
    attribute: str
    people: int
    error: float
    low: float
    high: float


def read_people(folder: Path, detector: BlazeFace, classifier: Classifier) -> list[Person]:
    """Return UTKFace's people as the device sees them; DataError where labels are malformed."""
    path = folder / "labels.csv"
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Give --utkface DIR") from error
    people = []
    for number, row in enumerate(tqdm(rows, unit="photo", desc="utkface", leave=False), 2):
        try:
            age, gender, race, file = int(row["age"]), row["gender"], row["race"], row["file"]
        except (KeyError, ValueError, TypeError):
            raise DataError(f"{path}, line {number}: expected file,age,gender,race") from None
        said = _said(folder / file, detector, classifier)
        people.append(Person(age, gender, race, said.get("Male"), said.get("Young")))
    return people


def _said(path: Path, detector: BlazeFace, classifier: Classifier) -> dict[str, bool]:
    photo = read_photo(path)
    # These photos are cut at the face; the detector knows faces with something around them.
    side = max(photo.shape[:2]) // 4
    picture = cv2.copyMakeBorder(photo, side, side, side, side, cv2.BORDER_REPLICATE)
    faces = sorted(detector.detect(picture), key=lambda face: face.box[2])
    try:
        crop = classifier.crop(picture, faces[-1].landmarks)
    except (IndexError, AlignError):
        return {}
    yes = classifier.classify(crop) >= classifier.card.column("threshold")
    return dict(zip(classifier.card.names, yes.tolist(), strict=True))


def utkface_errors(people: list[Person]) -> list[GroupError]:
    """Return the errors of Male and Young for all, and per gender, race and age band."""
    seen = [one for one in people if (one.male, one.young) != (None, None)]
    groups: dict[str, Callable[[Person], bool]] = {"all": lambda one: True}
    for gender in sorted({one.gender for one in seen}):
        groups[gender] = lambda one, gender=gender: one.gender == gender
    for race in sorted({one.race for one in seen}):
        groups[race] = lambda one, race=race: one.race == race
    for low, high in AGE_BANDS:
        groups[f"{low} to {high}"] = lambda one, low=low, high=high: low <= one.age <= high
    errors = []
    for name, belongs in groups.items():
        members = [one for one in seen if belongs(one)]
        told = [one for one in members if one.male is not None]
        errors.append(_error(name, "Male", [one.male != (one.gender == "male") for one in told]))
        clear = [o for o in members if o.age < YOUNG_BELOW or o.age > YOUNG_NOT_ABOVE]
        wrong = [one.young != (one.age < YOUNG_BELOW) for one in clear if one.young is not None]
        errors.append(_error(name, "Young", wrong))
    return [one for one in errors if one.people]


def _error(group: str, attribute: str, wrong: list[bool]) -> GroupError:
    if not wrong:
        return GroupError(group, attribute, 0, float("nan"), float("nan"), float("nan"))
    interval = binomtest(sum(wrong), len(wrong)).proportion_ci(method="wilson")
    share = sum(wrong) / len(wrong)
    return GroupError(group, attribute, len(wrong), share, interval.low, interval.high)


def celeba_errors(card: ModelCard, split: Split, probabilities: np.ndarray) -> list[GroupError]:
    """Return the mean error over all attributes per group of CelebA's own labels.

    The interval is that of a mean over photos: attributes of one photo err together.
    """
    wrong = ((probabilities >= card.column("threshold")) != split.labels).mean(axis=1)
    errors = []
    for name, yes, no in (
        ("Male", "men", "women"),
        ("Young", "young", "older"),
        ("Pale_Skin", "pale", "not pale"),
        ("Eyeglasses", "eyeglasses", "no eyeglasses"),
        ("Blurry", "blurry", "sharp"),
    ):
        if name not in card.names:
            continue
        has = split.labels[:, card.names.index(name)] == 1
        errors += [_mean_error(group, wrong[rows]) for group, rows in ((yes, has), (no, ~has))]
    return [one for one in errors if one.people]


def _mean_error(group: str, wrong: np.ndarray) -> GroupError:
    if len(wrong) < 2:
        return GroupError(group, "all attributes", 0, float("nan"), float("nan"), float("nan"))
    mean, half = float(wrong.mean()), float(1.96 * wrong.std(ddof=1) / np.sqrt(len(wrong)))
    return GroupError(group, "all attributes", len(wrong), mean, mean - half, mean + half)


def table(title: str, errors: list[GroupError]) -> str:
    """Return errors as text."""
    lines = [f"{title:16}{'attribute':>16}{'people':>8}{'error':>8}    95 % interval"]
    for one in errors:
        lines.append(
            f"{one.group:16}{one.attribute:>16}{one.people:8}{one.error:8.3f}    "
            f"{one.low:.3f} to {one.high:.3f}"
        )
    return "\n".join(lines)
