"""Score 40 yes-or-no attributes: means that hide nothing, and a row for each."""

from dataclasses import asdict, dataclass

import numpy as np
from sklearn.metrics import (
    balanced_accuracy_score,
    precision_recall_fscore_support,
    roc_auc_score,
)


@dataclass(frozen=True)
class Score:
    """One attribute's figures, 0..1; auc is nan where the split has only one class."""

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


@dataclass(frozen=True)
class Scores:
    """All attributes' figures; the means are over attributes, as the literature gives them."""

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
        rows = {key: [getattr(s, field) for s in self.attributes] for key, field in fields.items()}
        known = {key: [value for value in row if value == value] for key, row in rows.items()}
        return {key: float(np.mean(row)) if row else float("nan") for key, row in known.items()}

    def named(self, name: str) -> Score | None:
        return next((score for score in self.attributes if score.name == name), None)

    def to_dict(self) -> dict:
        """Return what a report holds; figures that do not exist are None, as JSON has no nan."""
        return {
            "photos": self.photos,
            "means": without_nan(self.means()),
            "attributes": [without_nan(asdict(score)) for score in self.attributes],
        }


def without_nan(figures: dict) -> dict:
    """Return the figures with None for nan."""
    return {key: None if value != value else value for key, value in figures.items()}


def score(
    names: tuple[str, ...], labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray
) -> Scores:
    """Return the scores of (photos, attributes) probabilities against 0/1 labels."""
    rows = (
        _score(name, labels[:, i], probabilities[:, i], float(thresholds[i]))
        for i, name in enumerate(names)
    )
    return Scores(len(labels), tuple(rows))


def _score(name: str, label: np.ndarray, probability: np.ndarray, threshold: float) -> Score:
    said = (probability >= threshold).astype(np.uint8)
    both = 0 < label.sum() < len(label)
    precision, recall, f1, _ = precision_recall_fscore_support(
        label, said, average="binary", zero_division=0.0
    )
    return Score(
        name=name,
        threshold=threshold,
        accuracy=float((said == label).mean()),
        balanced_accuracy=float(balanced_accuracy_score(label, said)) if both else float("nan"),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        auc=float(roc_auc_score(label, probability)) if both else float("nan"),
        calibration_error=calibration_error(label, probability),
        support=int(label.sum()),
    )


def calibration_error(label: np.ndarray, probability: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error in equal bins: Guo et al. (2017), here for P(yes)."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=probability - label, minlength=bins)
    return float(np.abs(gaps).sum() / len(label))
