"""What a run's model says of a split: probabilities, where it decides, and its mistakes."""

import csv
import difflib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from device.attributes.classifier import Classifier, calibrated
from device.errors import ModelError, UsageError
from train.celeba import SPLITS, CelebA, DataError, Split
from train.data.select import balanced, spread
from train.measuring.calibration import (
    WEIGHTS,
    Seen,
    costs_threshold,
    operating_point,
)
from train.measuring.metrics import Scores, score
from train.measuring.outputs import float_raw, int8_raw, load_float

TRAINING_PHOTOS = 8000  # that calibration looks at; train.convert takes more, and its time


@dataclass(frozen=True)
class Results:
    """A model's answers on a split, at the thresholds chosen on validation photos."""

    split: Split  # with the model's attributes alone
    raw: np.ndarray  # float32 (photos, attributes), 0..1, before calibration
    probabilities: np.ndarray  # float32 (photos, attributes), 0..1, calibrated
    thresholds: np.ndarray  # (attributes,), 0..1, on the calibrated probability
    prevalence: np.ndarray  # (attributes,), share of the training photos
    weight: float  # of balanced accuracy in the choice of thresholds

    @property
    def names(self) -> tuple[str, ...]:
        return self.split.attributes

    @property
    def scores(self) -> Scores:
        return score(self.names, self.split.labels, self.probabilities, self.thresholds)

    @property
    def wrong(self) -> np.ndarray:
        """Where it decided wrongly, bool (photos, attributes)."""
        return (self.probabilities >= self.thresholds) != self.split.labels

    def at_weights(self) -> dict[float, Scores]:
        """Return the scores at the thresholds of other weights of balanced accuracy."""
        labels, said = self.split.labels, self.probabilities
        return {
            weight: score(self.names, labels, said, costs_threshold(self.prevalence, weight))
            for weight in WEIGHTS
        }


@dataclass(frozen=True)
class Mistake:
    """A photo that was told wrongly."""

    attribute: str
    row: int  # in the split, counted from 0
    photo: Path
    label: int  # 1: has it
    probability: float  # calibrated


def choose(split: Split, names: tuple[str, ...]) -> Split:
    """Return a split with some of its attributes; UsageError where it does not have them."""
    for name in names:
        if name not in split.attributes:
            near = difflib.get_close_matches(name, split.attributes, 1)
            meant = f"; meant {near[0]}?" if near else ""
            raise UsageError(
                f"the data has no attribute {name!r}, which the run has{meant}",
                "Give the run's own photos with --data",
            )
    places = [split.attributes.index(name) for name in names]
    return Split(split.name, split.photos, split.labels[:, places], names)


def seen_by(data: CelebA, names: tuple[str, ...], counts: tuple[int, ...]) -> CelebA:
    """Return the data with the balanced part of it that a run saw; counts as in its settings."""
    if not counts:
        return data
    for split in data.splits.values():
        choose(split, names)  # says what is missing
    chosen = zip(SPLITS, counts, strict=True)
    return replace(
        data, splits={name: balanced(data.splits[name], n, names[0]) for name, n in chosen}
    )


def limited(split: Split, limit: int) -> Split:
    """Return the first `limit` photos of a split, 0 meaning all; DataError where there is none."""
    if not len(split):
        raise DataError(f"the data has no {split.name} photo")
    return (
        replace(split, photos=split.photos[:limit], labels=split.labels[:limit]) if limit else split
    )


def float_results(model_path: Path, data: CelebA, names: tuple[str, ...], on: str, limit: int):
    """Return the Results of a .keras model on the split `on`, calibrated on validation photos.

    Heads of one sigmoid per attribute, or for one attribute a softmax of (no, yes). Raises
    ModelError for a head that is neither.
    """
    model = load_float(model_path)
    outputs = model.output_shape[-1]
    if outputs != len(names) and (outputs, len(names)) != (2, 1):
        raise ModelError(
            f"{model_path} has {outputs} outputs, the run {len(names)} attributes",
            "Does settings.json name the attributes it was trained on?",
        )
    train, val = choose(data.splits["train"], names), choose(data.splits["val"], names)
    val, split = limited(val, limit), limited(choose(data.splits[on], names), limit)
    prevalence = train.labels.mean(axis=0) if len(train) else val.labels.mean(axis=0)
    raw_val = _of_yes(float_raw(model, val.photos), len(names))
    raw = raw_val if on == "val" else _of_yes(float_raw(model, split.photos), len(names))
    seen = Seen(raw_val, val.labels)
    taught = seen
    if len(train):
        some = spread(train, limit or TRAINING_PHOTOS)
        taught = Seen(_of_yes(float_raw(model, some.photos), len(names)), some.labels)
    slope, offset, thresholds, weight = operating_point(seen, taught, prevalence)
    told = calibrated(raw, slope, offset)
    return Results(split, raw, told, thresholds, prevalence, weight)


def _of_yes(raw: np.ndarray, attributes: int) -> np.ndarray:
    return raw[:, 1:] if raw.shape[1] != attributes else raw


def int8_results(classifier: Classifier, split: Split, base: Results) -> Results:
    """Return the Results of a converted model, calibrated and decided as its card says."""
    card = classifier.card
    if card.names != split.attributes:
        raise UsageError(
            f"{card.file} has other attributes than the run", "Give the run's own card with --model"
        )
    raw = int8_raw(classifier, split.photos)
    told = calibrated(raw, card.column("slope"), card.column("offset"))
    return replace(base, raw=raw, probabilities=told, thresholds=card.column("threshold"))


def worst(results: Results, attribute: int, most: int) -> list[Mistake]:
    """Return the mistakes in one attribute of which the model was surest, at most `most`."""
    label = results.split.labels[:, attribute]
    probability = results.probabilities[:, attribute]
    against = np.where(label == 1, 1 - probability, probability)
    rows = np.flatnonzero(results.message[:, attribute])
    rows = rows[np.argsort(-against[rows], kind="stable")][:most]
    return [
        Mistake(
            results.names[attribute],
            int(row),
            results.split.photos[row],
            int(label[row]),
            float(probability[row]),
        )
        for row in rows
    ]


def file_name(photo: Path) -> str:
    """Return what tells a photo from others: its name, in folders per class with the folder's."""
    folder = photo.parent.name
    return photo.name if folder == "img_align_celeba" else f"{folder}/{photo.name}"


def write_mistakes(path: Path, mistakes: list[Mistake]) -> None:
    """Write a row per mistake: attribute, row, file, label, probability."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("attribute", "row", "file", "label", "probability"))
        for one in mistakes:
            row = (
                one.attribute,
                one.row,
                file_name(one.photo),
                one.label,
                f"{one.probability:.4f}",
            )
            writer.writerow(row)
