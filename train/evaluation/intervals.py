"""95 % intervals of metrics measured on a sample of photos."""

import math
from typing import Any

import numpy as np

from train.evaluation.metrics import Score, Scores

Interval = tuple[float, float]
UNKNOWN: Interval = (math.nan, math.nan)
Z = 1.959963984540054  # 97.5th percentile of the normal distribution
RESAMPLES = 300
FEW_PHOTOS = 10
MEANS = ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc")


def wilson(positive: int, count: int) -> Interval:
    """Return the interval of a share, positive / count; NaN without photos. Wilson (1927)."""
    from scipy.stats import binomtest  # SciPy is slow to import

    if not count:
        return UNKNOWN
    interval = binomtest(positive, count).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def photo_mean_interval(shares: np.ndarray) -> Interval:
    """Return the interval of the mean of a share per photo, (photos,), 0..1; NaN without photos.

    Student's for different shares. Wilson's for few photos, equal shares, and photos wholly right
    or wrong: it takes all photos for such, which is the widest case.
    """
    from scipy.stats import t

    count = len(shares)
    if not count:
        return UNKNOWN
    mean, spread = float(shares.mean()), float(shares.std(ddof=1)) if count > 1 else 0.0
    whole = np.isin(shares, (0, 1)).all()
    if count >= FEW_PHOTOS and spread > 0 and not whole:
        half = float(t.ppf(0.975, count - 1)) * spread / math.sqrt(count)
        return max(mean - half, 0.0), min(mean + half, 1.0)
    centre = (mean + Z**2 / (2 * count)) / (1 + Z**2 / count)
    error = math.sqrt(mean * (1 - mean) / count + Z**2 / (4 * count**2))
    half = Z * error / (1 + Z**2 / count)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def balanced_accuracy_interval(counts: np.ndarray) -> Interval:
    """Return the interval of the mean of specificity and recall.

    counts: confusion matrix (2, 2), rows are labels. Combines two Wilson intervals: Newcombe
    (1998), method 10. NaN without photos of one class.
    """
    if not counts.sum(axis=1).all():
        return UNKNOWN
    shares = counts.diagonal() / counts.sum(axis=1)
    ends = np.array([wilson(int(row[i]), int(row.sum())) for i, row in enumerate(counts)])
    below, above = np.sqrt(((ends - shares[:, None]) ** 2).sum(axis=0)) / 2
    return float(shares.mean() - below), float(shares.mean() + above)


def f1_interval(counts: np.ndarray) -> Interval:
    """Return the interval of F1; counts: confusion matrix (2, 2), rows are labels.

    F1 is 2 J / (1 + J) with the share J = TP / (TP + FP + FN), whose interval is Wilson's.
    """
    low, high = wilson(int(counts[1, 1]), int(counts.sum() - counts[0, 0]))
    return 2 * low / (1 + low), 2 * high / (1 + high)


def auc_interval(auc: float, positives: int, negatives: int) -> Interval:
    """Return the interval of an AUC; NaN without photos of one class.

    Not symmetrical, and wider than 0 at an AUC of 1: Newcombe (2006), method 5.
    """
    from scipy.optimize import brentq

    if not (positives and negatives):
        return UNKNOWN
    pairs = (positives + negatives) / 2 - 1

    def deviation(at: float) -> float:
        factor = 1 + pairs * ((1 - at) / (2 - at) + at / (1 + at))
        error = math.sqrt(max(at * (1 - at) * factor / (positives * negatives), 0))
        return abs(auc - at) - Z * error

    # The error is 0 at 0 and 1: these are roots too, but not ends of the interval.
    first, last = 1e-9, 1 - 1e-9
    inside = min(max(auc, first), last)
    low = brentq(deviation, first, inside) if deviation(first) > 0 else 0.0
    high = brentq(deviation, inside, last) if deviation(last) > 0 else 1.0
    return float(low), float(high)


def score_intervals(score: Score) -> dict[str, Interval]:
    """Return the interval of each metric of an attribute, by the name of Score's field."""
    photos, counts = score.photos, score_counts(score)
    (_, false_positive), (false_negative, true_positive) = counts.tolist()
    return {
        "accuracy": wilson(int(counts.trace()), photos),
        "balanced_accuracy": balanced_accuracy_interval(counts),
        "precision": wilson(true_positive, true_positive + false_positive),
        "recall": wilson(true_positive, true_positive + false_negative),
        "f1": f1_interval(counts),
        "auc": auc_interval(score.auc, score.support, photos - score.support),
    }


def score_counts(score: Score) -> np.ndarray:
    """Return the confusion matrix of a score, int (2, 2), rows are labels."""
    photos = score.photos
    if not photos:
        return np.zeros((2, 2), int)
    true_positive = round(score.recall * score.support)
    wrong = photos - round(score.accuracy * photos)
    false_negative = score.support - true_positive
    false_positive = wrong - false_negative
    true_negative = photos - score.support - false_positive
    return np.array([[true_negative, false_positive], [false_negative, true_positive]])


def resampled_means(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return the means over attributes on photos drawn with replacement, (RESAMPLES,) each.

    labels, probabilities: (photos, attributes); thresholds: (attributes,). Whole photos are
    drawn, because the attributes of one photo are not independent. Two models' results with the
    same seed are on the same draws. UNKNOWN labels do not count. A metric that a draw does not have
    is left out of its mean.
    """
    yes, no, predicted = labels == 1, labels == 0, probabilities >= thresholds
    ranked = [_Ranked(yes[:, i], no[:, i], probabilities[:, i]) for i in range(labels.shape[1])]
    rng, count = np.random.default_rng(seed), len(labels)
    draws = {key: np.full(RESAMPLES, np.nan) for key in MEANS}
    for draw in range(RESAMPLES):
        weight = np.bincount(rng.integers(count, size=count), minlength=count).astype(float)
        true_positive, false_positive, false_negative, true_negative = (
            weight @ cells
            for cells in (yes & predicted, no & predicted, yes & ~predicted, no & ~predicted)
        )
        errors = false_positive + false_negative
        correct = true_positive + true_negative
        with np.errstate(invalid="ignore"):
            recall = true_positive / (true_positive + false_negative)
            specificity = true_negative / (true_negative + false_positive)
            accuracy = correct / (correct + errors)
        f1 = 2 * true_positive / np.maximum(2 * true_positive + errors, 1)
        values = (
            accuracy,
            (recall + specificity) / 2,
            np.where(np.isnan(accuracy), np.nan, f1),
            np.array([one.auc(weight) for one in ranked]),
        )
        for key, value in zip(MEANS, values, strict=True):
            known = value[~np.isnan(value)]
            draws[key][draw] = known.mean() if len(known) else np.nan
    return draws


class _Ranked:
    """One attribute's labels in the order of its probabilities, for an AUC of weighted photos."""

    def __init__(self, yes: np.ndarray, no: np.ndarray, probability: np.ndarray):
        from scipy.stats import rankdata

        self._yes, self._no = yes, no
        self._group = rankdata(probability, "dense") - 1  # equal probabilities count as half

    def auc(self, weight: np.ndarray) -> float:
        """Return the AUC; NaN without weight on one of the classes."""
        positive = np.bincount(self._group, weight * self._yes)
        negative = np.bincount(self._group, weight * self._no)
        pairs = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative / 2
        return float(positive @ below / pairs) if pairs else math.nan


def middle(draws: np.ndarray) -> Interval:
    """Return the middle 95 % of the draws that are not NaN."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return UNKNOWN
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def mean_intervals(
    scores: Scores, labels: np.ndarray, probabilities: np.ndarray
) -> dict[str, Interval]:
    """Return the intervals of MEANS; of a single attribute, those of its score."""
    if len(scores.attributes) == 1:
        single = score_intervals(scores.attributes[0])
        fields = ("accuracy", "balanced_accuracy", "f1", "auc")
        return {key: single[field] for key, field in zip(MEANS, fields, strict=True)}
    thresholds = np.array([score.threshold for score in scores.attributes])
    draws = resampled_means(labels, probabilities, thresholds)
    return {key: middle(values) for key, values in draws.items()}


def interval_text(interval: Interval, digits: int = 2, percent: bool = False) -> str:
    """Return an interval such as "0.85 to 0.93", or "85 to 93" in percent; "" for NaN."""
    low, high = interval
    if low != low:
        return ""
    factor = 100 if percent else 1
    return f"{factor * low:.{digits}f} to {factor * high:.{digits}f}"


def without_unknown(intervals: dict[str, Interval]) -> dict[str, Any]:
    """Return the intervals for JSON: [low, high], or None for NaN."""
    return {key: list(value) if value[0] == value[0] else None for key, value in intervals.items()}


def paired_interval(differences: np.ndarray) -> Interval:
    """Return the interval of the mean difference of two models on the same photos.

    differences: (photos,), -1..1, of the shares that both have right. Student's; for photos wholly
    right or wrong Bonett and Price's (2012), which adds a photo won and one lost, so that two
    models without a different photo have an interval too. NaN without photos.
    """
    from scipy.stats import ttest_1samp

    if not len(differences):
        return UNKNOWN
    if np.isin(differences, (-1, 0, 1)).all() or not differences.std():
        differences = np.append(differences, (1.0, -1.0))
    interval = ttest_1samp(differences, 0).confidence_interval()
    return max(float(interval.low), -1.0), min(float(interval.high), 1.0)
