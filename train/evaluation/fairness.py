"""Errors by gender, age and race.

Run by `python -m train.evaluate fairness`. UTKFace's photos go through the device's whole
pipeline; CelebA's aligned photos, grouped by CelebA's own labels, through the classifier only.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from device.attributes.model_card import ModelCard
from device.types import OK
from train.data.split import Split
from train.data.utkface import MALE, YOUNG_BELOW, YOUNG_NOT_ABOVE, is_young
from train.evaluation.group_errors import (
    ALL,
    Gap,
    GroupError,
    group_error,
    largest_gap,
    mean_error,
)
from train.evaluation.intervals import auc_interval
from train.evaluation.labelled_people import LabelledPerson, Prediction
from train.evaluation.metrics import auc, without_nan

# Each band is wholly young, not young, or not evaluated.
AGE_BANDS = {
    "18 to 34": range(18, YOUNG_BELOW),
    "35 to 50": range(YOUNG_BELOW, YOUNG_NOT_ABOVE + 1),
    "51 to 59": range(YOUNG_NOT_ABOVE + 1, 60),
    "60 and older": range(60, sys.maxsize),
}
NOT_CLASSIFIED = "not classified"
CELEBA_GROUPS = (  # attribute, group with it, group without
    ("Male", "men", "women"),
    ("Young", "young", "older"),
    ("Pale_Skin", "pale", "not pale"),
    ("Eyeglasses", "eyeglasses", "no eyeglasses"),
    ("Blurry", "blurry", "sharp"),
)


@dataclass(frozen=True)
class Ranking:
    """The AUC of an attribute, 0..1, with its 95 % interval; NaN without people of one class."""

    people: int
    auc: float
    low: float
    high: float


@dataclass(frozen=True)
class Fairness:
    """What UTKFace's people show about a model."""

    errors: tuple[GroupError, ...]  # of Male, Young and NOT_CLASSIFIED, per group
    states: dict[str, int]  # state of the face -> people
    rankings: dict[str, Ranking]  # attribute -> AUC; of Young: the youngest against the oldest
    race_gap: Gap | None  # of Male

    def summary(self) -> dict[str, Any]:
        """Return all but the errors, for JSON."""
        rankings = {name: without_nan(asdict(row)) for name, row in self.rankings.items()}
        gap = asdict(self.race_gap) if self.race_gap else None
        return {"states": self.states, "auc": rankings, "race_gap": gap}


def measure(people: Sequence[LabelledPerson]) -> Fairness:
    """Return the errors of UTKFace's people by group, and what sums them up."""
    errors = utkface_errors(people)
    races = [row for row in errors if (row.by, row.attribute) == ("race", "Male")]
    return Fairness(
        errors=tuple(errors),
        states=dict(Counter(person.state for person in people).most_common()),
        rankings={name: _ranking(people, name) for name in LABELS},
        race_gap=largest_gap(races),
    )


def utkface_errors(people: Sequence[LabelledPerson]) -> list[GroupError]:
    """Return the errors of Male and Young, and the share that is not classified, by group."""
    errors = []
    for (by, group), members in _groups(people).items():
        for name in LABELS:
            wrong = [label != predicted.positive for label, predicted in _rated(members, name)]
            errors.append(group_error(group, name, wrong, by))
        rejected = [person.state != OK for person in members]
        errors.append(group_error(group, NOT_CLASSIFIED, rejected, by))
    return [error for error in errors if error.people]


def _groups(people: Sequence[LabelledPerson]) -> dict[tuple[str, str], list[LabelledPerson]]:
    """Return everyone and each group that has people, by what divides them and its name."""
    groups = defaultdict(list)
    for person in people:
        gender = "men" if person.gender == MALE else "women"
        age = next((name for name, ages in AGE_BANDS.items() if person.age in ages), "")
        for by, group in (
            ("", ALL),
            ("gender", gender),
            ("race", f"{person.race} people"),
            ("age", f"people of {age}"),
            ("gender and age", f"{gender} of {age}"),
            ("gender and race", f"{person.race} {gender}"),
            ("gender, age and race", f"{person.race} {gender} of {age}"),
        ):
            groups[by, group].append(person)
    return dict(groups)


# Attribute -> a person's label; None if it is not evaluated.
LABELS: dict[str, Callable[[LabelledPerson], bool | None]] = {
    "Male": lambda person: person.gender == MALE,
    "Young": lambda person: is_young(person.age),
}


def _rated(people: Sequence[LabelledPerson], name: str) -> list[tuple[bool, Prediction]]:
    """Return label and prediction of those people who have both."""
    both = ((LABELS[name](person), person.predictions.get(name)) for person in people)
    return [(label, found) for label, found in both if label is not None and found is not None]


def _ranking(people: Sequence[LabelledPerson], name: str) -> Ranking:
    rated = _rated(people, name)
    labels = np.array([label for label, _ in rated], bool)
    value = auc(labels, np.array([found.probability for _, found in rated]))
    low, high = auc_interval(value, int(labels.sum()), int((~labels).sum()))
    return Ranking(len(rated), value, low, high)


def celeba_errors(card: ModelCard, split: Split, probabilities: np.ndarray) -> list[GroupError]:
    """Return the mean error over a photo's known attributes by CelebA's own labels."""
    known = split.labels <= 1
    wrong = ((probabilities >= card.values("threshold")) != split.labels) & known
    shares = wrong.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    errors = []
    for name, positive, negative in CELEBA_GROUPS:
        if name in card.names:
            labels = split.labels[:, card.names.index(name)]
            for group, label in ((positive, 1), (negative, 0)):
                errors.append(mean_error(group, "all attributes", shares[labels == label]))
    return [error for error in errors if error.people]
