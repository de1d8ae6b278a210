"""Metrics of binary attributes: one row per attribute, and means over attributes."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from train.data.split import UNKNOWN


@dataclass(frozen=True)
class Score:
    """One attribute's metrics over the photos where it is known, 0..1.

    auc and balanced_accuracy are NaN if these have only one class, all are NaN without such photos.
    """

    name: str
    threshold: float
    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1: float
    auc: float
    calibration_error: float
    support: int  # photos that have the attribute
    photos: int  # where it is known


@dataclass(frozen=True)
class Scores:
    """All attributes' metrics; means are over attributes, as in the literature."""

    photos: int
    attributes: tuple[Score, ...]

    def means(self) -> dict[str, float]:
        """Return accuracy, balanced_accuracy, macro_f1, mean_auc and calibration_error."""
        fields = {
            "accuracy": "accuracy",
            "balanced_accuracy": "balanced_accuracy",
            "macro_f1": "f1",
            "mean_auc": "auc",
            "calibration_error": "calibration_error",
        }
        return {
            key: mean_of_known([getattr(score, field) for score in self.attributes])
            for key, field in fields.items()
        }

    def named(self, name: str) -> Score | None:
        """Return the metrics of one attribute, or None."""
        return next((score for score in self.attributes if score.name == name), None)

    def to_dict(self) -> dict:
        """Return a report's JSON; metrics that do not exist are None, because JSON has no NaN."""
        return {
            "photos": self.photos,
            "means": without_nan(self.means()),
            "attributes": [without_nan(asdict(score)) for score in self.attributes],
        }


def without_nan(metrics: dict) -> dict:
    """Return the metrics with None for NaN."""
    return {key: None if value != value else value for key, value in metrics.items()}


def mean_of_known(values: list[float]) -> float:
    """Return the mean of the values that are not NaN, or NaN if all are."""
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else math.nan


def decimals(value: float, digits: int) -> str:
    """Return a number as text, a dash for NaN."""
    return f"{value:.{digits}f}" if value == value else "-"


def percent_interval(
    value: float, low: float, high: float, digits: int = 1, interval_digits: int | None = None
) -> str:
    """Return a share 0..1 and its interval, such as "7.1 % (5.3 to 9.3)"."""
    decimals = digits if interval_digits is None else interval_digits
    return f"{100 * value:.{digits}f} % ({100 * low:.{decimals}f} to {100 * high:.{decimals}f})"


def score(
    names: tuple[str, ...], labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray
) -> Scores:
    """Return the scores of (photos, attributes) probabilities against labels: 0, 1 or UNKNOWN."""
    known = labels != UNKNOWN
    rows = (
        _score(name, labels[known[:, i], i], probabilities[known[:, i], i], float(thresholds[i]))
        for i, name in enumerate(names)
    )
    return Scores(len(labels), tuple(rows))


def share_correct(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of the known labels, 0 or 1, that are predicted; NaN if none is known."""
    known = labels != UNKNOWN
    return float((predicted == labels)[known].mean()) if known.any() else math.nan


def best_first(scores: Scores) -> list[Score]:
    """Return the attributes by F1, those without an F1 last."""
    return sorted(scores.attributes, key=lambda score: -np.nan_to_num(score.f1, nan=-1.0))


def _score(name: str, label: np.ndarray, probability: np.ndarray, threshold: float) -> Score:
    from sklearn.metrics import (  # slow to import
        balanced_accuracy_score,
        precision_recall_fscore_support,
    )

    if not len(label):
        nan = math.nan
        return Score(name, threshold, nan, nan, nan, nan, nan, nan, nan, support=0, photos=0)
    predicted = (probability >= threshold).astype(np.uint8)
    both = 0 < label.sum() < len(label)
    precision, recall, f1, _ = precision_recall_fscore_support(
        label, predicted, average="binary", zero_division=0.0
    )
    return Score(
        name=name,
        threshold=threshold,
        accuracy=float((predicted == label).mean()),
        balanced_accuracy=float(balanced_accuracy_score(label, predicted)) if both else math.nan,
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        auc=auc(label, probability),
        calibration_error=calibration_error(label, probability),
        support=int(label.sum()),
        photos=len(label),
    )


def auc(label: np.ndarray, probability: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN if all of the labels, 0 or 1, are the same."""
    from sklearn.metrics import roc_auc_score  # slow to import

    both = 0 < label.sum() < len(label)
    return float(roc_auc_score(label, probability)) if both else math.nan


def calibration_error(label: np.ndarray, probability: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error in equal bins: Guo et al. (2017), here for P(yes).

    NaN without photos.
    """
    if not len(label):
        return math.nan
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=probability - label, minlength=bins)
    return float(np.abs(gaps).sum() / len(label))
