"""Errors of groups with 95 % intervals, and how far apart the groups are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from train.evaluation.intervals import middle, photo_mean_interval, wilson

ALL = "all"  # the group of everyone
MIN_PEOPLE = 20  # in a group that a sentence names; tables mark smaller ones
RESAMPLES = 2000


@dataclass(frozen=True)
class GroupError:
    """A share of one group's people, 0..1, with its 95 % interval: that an attribute is wrong for.

    NOT_CLASSIFIED of `train.evaluation.fairness` in place of an attribute: that get no labels.
    """

    group: str
    attribute: str
    people: int
    error: float
    low: float
    high: float
    by: str = ""  # what divides the people into groups, such as "gender and age"

    @property
    def is_large(self) -> bool:
        """Whether the group has MIN_PEOPLE people."""
        return self.people >= MIN_PEOPLE


@dataclass(frozen=True)
class Gap:
    """The largest difference of an error between groups, 0..1, with its 95 % interval.

    The largest of several differences is above 0 also for groups that do not differ: by_chance is
    its mean for groups of these sizes that all have the same error.
    """

    worst: str
    best: str
    difference: float
    low: float
    high: float
    by_chance: float


def group_error(group: str, attribute: str, wrong: Sequence[bool], by: str = "") -> GroupError:
    """Return a group's share with Wilson's interval; NaN without people."""
    share = sum(wrong) / len(wrong) if wrong else math.nan
    low, high = wilson(sum(wrong), len(wrong))
    return GroupError(group, attribute, len(wrong), share, low, high, by)


def mean_error(group: str, attribute: str, shares: np.ndarray) -> GroupError:
    """Return the mean of a share per person, (people,), 0..1; NaN without people.

    The interval is that of a mean over people: the attributes of one are not independent.
    """
    mean = float(shares.mean()) if len(shares) else math.nan
    return GroupError(group, attribute, len(shares), mean, *photo_mean_interval(shares))


def worst_first(errors: Iterable[GroupError]) -> list[GroupError]:
    """Return the errors of everyone, of the large groups, then of the small; the worst first."""
    return sorted(errors, key=lambda row: (row.group != ALL, not row.is_large, -row.error))


def largest_gap(errors: Sequence[GroupError], seed: int = 0) -> Gap | None:
    """Return the largest gap between large groups that share nobody; None for fewer than two.

    errors: of one attribute. The interval is a percentile bootstrap over the people of each group.
    """
    rows = [row for row in errors if row.is_large]
    if len(rows) < 2:
        return None
    people = np.array([row.people for row in rows])
    error = np.array([row.error for row in rows])
    worst, best = rows[int(error.argmax())], rows[int(error.argmin())]
    rng = np.random.default_rng(seed)
    low, high = middle(_resampled_gaps(people, error, rng))
    pooled = np.full(len(rows), float(people @ error / people.sum()))
    by_chance = float(_resampled_gaps(people, pooled, rng).mean())
    return Gap(worst.group, best.group, worst.error - best.error, low, high, by_chance)


def _resampled_gaps(people: np.ndarray, error: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # People drawn with replacement from a group: the wrong ones among them are binomial.
    drawn = rng.binomial(people, error, (RESAMPLES, len(people))) / people
    return np.ptp(drawn, axis=1)
