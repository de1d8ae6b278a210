"""Correct a counted share for the model's errors, and say how sure it is.

Counted "yes" are those found of those who have the attribute (sensitivity) and those of the others
who were taken for it (1 - specificity). Rogan and Gladen (1978) solve that for the true share:
(counted + specificity - 1) / (sensitivity + specificity - 1).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Z = 1.959964  # of a 95 % interval
LEAST = 0.4  # of sensitivity + specificity - 1: below it, the correction says next to nothing


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rates:
    """How often a model is right, measured on test photos."""

    sensitivity: float
    """Of those who have the attribute, 0..1."""
    specificity: float
    """Of those who do not, 0..1."""
    positives: int
    """Photos of the first kind."""
    negatives: int

    @property
    def power(self) -> float:
        """How far the model tells both apart: 1 always, 0 not at all."""
        return self.sensitivity + self.specificity - 1


def rates_of(measured: Mapping[str, Any], name: str) -> Rates | None:
    """Return a model card's rates of an attribute; None if it has none that can be used."""
    try:
        entry = measured["rates"][name]
        rates = Rates(
            float(entry["sensitivity"]),
            float(entry["specificity"]),
            int(entry["positives"]),
            int(entry["negatives"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    usable = min(rates.positives, rates.negatives) > 0 and LEAST <= rates.power <= 1
    return rates if usable else None


def wilson(count: float, total: float) -> Interval:
    """Return a share, 0..1, with its interval (Wilson, 1927); total above 0."""
    share = min(1.0, max(0.0, count / total))
    middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = math.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2)) * Z / (1 + Z**2 / total)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def corrected(count: float, total: float, rates: Rates) -> Interval | None:
    """Return the share corrected for the model's errors; the interval has their uncertainty too.

    None if no share fits: as if fewer had it than the model's false alarms alone would be. Then the
    rates, which were measured on other photos, do not hold for this camera.
    """
    share = count / total
    value = (share + rates.specificity - 1) / rates.power
    deviation = math.sqrt(_variance(share, total, value, rates))
    low, high = value - Z * deviation, value + Z * deviation
    if high <= 0 or low >= 1:
        return None
    return Interval(*(min(1.0, max(0.0, one)) for one in (value, low, high)))


def _variance(share: float, total: float, value: float, rates: Rates) -> float:
    """Return the variance of a corrected share, by the delta method (Lang and Reiczigel, 2014).

    One success and one failure are added to each sample, or a share of 0 would look certain.
    """
    sampled = _of_share(share * total, total)
    found = _of_share(rates.sensitivity * rates.positives, rates.positives)
    spared = _of_share(rates.specificity * rates.negatives, rates.negatives)
    within = min(1.0, max(0.0, value))
    return (sampled + within**2 * found + (1 - within) ** 2 * spared) / rates.power**2


def _of_share(count: float, total: float) -> float:
    share = (count + 1) / (total + 2)
    return share * (1 - share) / (total + 2)


def difference(count: float, total: float, count2: float, total2: float) -> Interval:
    """Return the first share less the second, -1..1 (Newcombe, 1998, method 10)."""
    first, second = wilson(count, total), wilson(count2, total2)
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, low, high)


def corrected_difference(counted: Interval, rates: Rates) -> Interval:
    """Return a difference of shares corrected for the model's errors, which are those of both."""
    low, value, high = (one / rates.power for one in (counted.low, counted.value, counted.high))
    return Interval(*(min(1.0, max(-1.0, one)) for one in (value, low, high)))


def change(count: float, hours: float, count2: float, hours2: float, spread: float) -> Interval:
    """Return by which factor the first rate is above the second.

    spread: of the counts, in Poisson's variances: 1 if people came independently of one another.
    """
    factor = (count / hours) / (count2 / hours2)
    deviation = math.sqrt(spread * (1 / count + 1 / count2))
    return Interval(factor, factor * math.exp(-Z * deviation), factor * math.exp(Z * deviation))
