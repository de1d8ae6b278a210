"""A run's predictions on a split: probabilities, decisions and mistakes."""

import csv
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from device.attributes.classifier import Classifier, calibrated
from device.errors import ModelError
from device.rowlog.csv_format import escaped
from train.data.match import matched_columns
from train.data.select import balanced, head, rows_of, sample_evenly, with_attributes
from train.data.split import SPLITS, DataError, Dataset, Split
from train.data.unreadable import unreadable_line
from train.evaluation.calibration import WEIGHTS, cost_thresholds, operating_point
from train.evaluation.intervals import Interval, mean_intervals
from train.evaluation.metrics import Scores, score, share_correct
from train.evaluation.predictions import Predictions, calibrate, predict_float, predict_int8
from train.network.load import load_float

TRAINING_PHOTOS = 8000  # for calibration; train.convert uses more, and takes longer


@dataclass(frozen=True)
class Results:
    """A model's predictions on a split, at the thresholds chosen on validation photos."""

    split: Split  # the photos that can be read, with the model's attributes only
    raw: np.ndarray  # float32 (photos, attributes), 0..1, before calibration
    probabilities: np.ndarray  # float32 (photos, attributes), 0..1, calibrated
    thresholds: np.ndarray  # (attributes,), 0..1, on the calibrated probability
    prevalence: np.ndarray  # (attributes,), share of the training photos
    weight: float  # of balanced accuracy in the choice of thresholds
    whole: Split | None = None  # with the photos that cannot be read; None = there are none
    validated: int = 0  # validation photos of the thresholds
    validation_accuracy: float = math.nan  # of the raw outputs at 1/2 on them, over attributes

    @property
    def rows(self) -> np.ndarray:
        """The photos' rows in the data's split, int (photos,)."""
        return rows_of(self.split, self.whole or self.split)

    @property
    def unreadable(self) -> str:
        """A line with the number of photos left out, or ""."""
        return unreadable_line(self.whole) if self.whole else ""

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes' names."""
        return self.split.attributes

    @property
    def scores(self) -> Scores:
        """The metrics at the chosen thresholds."""
        return score(self.names, self.split.labels, self.probabilities, self.thresholds)

    @cached_property
    def mean_intervals(self) -> dict[str, Interval]:
        """The 95 % intervals of the means over attributes."""
        return mean_intervals(self.scores, self.split.labels, self.probabilities)

    @property
    def decisions(self) -> np.ndarray:
        """Whether each attribute is predicted, bool (photos, attributes)."""
        return self.probabilities >= self.thresholds

    @property
    def wrong(self) -> np.ndarray:
        """The wrong decisions, bool (photos, attributes); none where the label is unknown."""
        return (self.decisions != self.split.labels) & self.split.known

    def of_known(self, attribute: int, *outputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return an attribute's labels and each of its outputs, of the photos where it is known.

        outputs: (photos, attributes).
        """
        rows = self.split.known[:, attribute]
        return tuple(values[rows, attribute] for values in (self.split.labels, *outputs))

    def at_weights(self) -> dict[float, Scores]:
        """Return the metrics at the thresholds of each weight of balanced accuracy."""
        labels, probabilities = self.split.labels, self.probabilities
        return {
            weight: score(
                self.names, labels, probabilities, cost_thresholds(self.prevalence, weight)
            )
            for weight in WEIGHTS
        }


@dataclass(frozen=True)
class Mistake:
    """A wrong decision for one attribute of one photo."""

    attribute: str
    row: int  # in the data's split, counted from 0
    photo: Path
    label: int  # 0 or 1
    probability: float  # calibrated


def balanced_part(data: Dataset, names: tuple[str, ...], counts: tuple[int, ...]) -> Dataset:
    """Return the balanced part of the data that a run used; counts as in its settings, () = all."""
    if not counts:
        return data
    for split in data.splits.values():
        with_attributes(split, names)  # raises for a missing attribute
    pairs = zip(SPLITS, counts, strict=True)
    return replace(
        data, splits={name: balanced(data.splits[name], n, names[0]) for name, n in pairs}
    )


def _select(data: Dataset, split: str, names: tuple[str, ...], limit: int) -> Split:
    """Return the first `limit` photos of a split, 0 = all; DataError if it has none."""
    selected = head(with_attributes(data.splits[split], names), limit)
    if not len(selected):
        if split == "val":
            reason = "the data has no val photo, by which calibration and thresholds are chosen"
            raise DataError(reason, "add photos to the val split")
        raise DataError(f"the data has no {split} photo", "--split val, or another --data DIR")
    return selected


def float_results(
    model_path: Path, data: Dataset, names: tuple[str, ...], on: str, limit: int
) -> Results:
    """Return the Results of a .keras model on the split `on`, calibrated on validation photos.

    The model has one sigmoid per attribute, or for one attribute a softmax of (no, yes). Raises
    ModelError for other outputs, UsageError if the data lacks an attribute.
    """
    model = load_float(model_path)
    outputs = model.output_shape[-1]
    if outputs != len(names) and (outputs, len(names)) != (2, 1):
        raise ModelError(
            f"{model_path} has {outputs} outputs, the run {len(names)} attributes",
            "correct the attributes in settings.json",
        )

    def predict(split: Split) -> tuple[Split, Predictions]:
        readable, raw = predict_float(model, split)
        raw = raw[:, 1:] if raw.shape[1] != len(names) else raw
        return readable, Predictions(raw, readable.labels)

    train = with_attributes(data.splits["train"], names)
    val, whole = (_select(data, name, names, limit) for name in ("val", on))
    prevalence = (train if len(train) else val).prevalence()
    val, val_predictions = predict(val)
    split, predictions = (val, val_predictions) if on == "val" else predict(whole)
    train_predictions = val_predictions
    if len(train):
        _, train_predictions = predict(sample_evenly(train, limit or TRAINING_PHOTOS))
    slope, offset, thresholds, weight = operating_point(
        val_predictions, train_predictions, prevalence
    )
    return Results(
        split=split,
        raw=predictions.raw,
        probabilities=calibrated(predictions.raw, slope, offset),
        thresholds=thresholds,
        prevalence=prevalence,
        weight=weight,
        whole=whole,
        validated=len(val),
        validation_accuracy=share_correct(val_predictions.raw >= 0.5, val.labels),
    )


def int8_results(classifier: Classifier, float_: Results) -> tuple[Results, Results]:
    """Return the Results of a converted model with its card's calibration, and the float ones.

    Both are on the same photos: those that could still be read.
    """
    card = classifier.card
    columns = matched_columns(card.names, float_.names, card.file, "the run", "--model CARD")
    card = replace(card, attributes=tuple(card.attributes[column] for column in columns))
    split, raw = predict_int8(classifier.network, float_.split, card.crop_wh)
    raw, rows = raw[:, columns], rows_of(split, float_.split)
    same = replace(
        float_, split=split, raw=float_.raw[rows], probabilities=float_.probabilities[rows]
    )
    probabilities = calibrate(card, raw)
    thresholds = card.values("threshold")
    return replace(same, raw=raw, probabilities=probabilities, thresholds=thresholds), same


def worst(results: Results, attribute: int, limit: int) -> list[Mistake]:
    """Return the most confident mistakes in one attribute, at most `limit`."""
    label = results.split.labels[:, attribute]
    probability = results.probabilities[:, attribute]
    confidence = np.where(label == 1, 1 - probability, probability)
    rows, numbers = np.flatnonzero(results.wrong[:, attribute]), results.rows
    rows = rows[np.argsort(-confidence[rows], kind="stable")][:limit]
    return [
        Mistake(
            attribute=results.names[attribute],
            row=int(numbers[row]),
            photo=results.split.photos[row],
            label=int(label[row]),
            probability=float(probability[row]),
        )
        for row in rows
    ]


def file_name(photo: Path) -> str:
    """Return a photo's file name, with its class folder's if there is one."""
    folder = photo.parent.name
    return photo.name if folder == "img_align_celeba" else f"{folder}/{photo.name}"


def write_mistakes(path: Path, mistakes: list[Mistake]) -> None:
    """Write a CSV row per mistake: attribute, row, file, label, probability."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("attribute", "row", "file", "label", "probability"))
        for mistake in mistakes:
            name, probability = escaped(file_name(mistake.photo)), f"{mistake.probability:.4f}"
            writer.writerow((mistake.attribute, mistake.row, name, mistake.label, probability))
