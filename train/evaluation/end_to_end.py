"""End-to-end evaluation on whole photos: faces detected, classified, and their accuracy.

Run by `python -m train.evaluate photos DIR`. DIR holds photos and a labels.csv or attributes.csv:
the file name in the first column, then a column per attribute with 1 for yes and 0 or -1 for no.
Other columns are ignored. If a photo has several faces, the largest is evaluated.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.attributes.classifier import Classifier
from device.camera.image_io import PhotoError, read_photo
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import QualityLimits
from device.log import log
from device.text import counted
from device.types import OK
from train.data.split import CORRECT_LINE, DataError
from train.data.tables import read_rows
from train.evaluation.intervals import (
    UNKNOWN,
    Interval,
    interval_text,
    photo_mean_interval,
    wilson,
    without_unknown,
)
from train.evaluation.metrics import decimals, without_nan

TABLES = ("labels.csv", "attributes.csv")
ALIASES = {"smile": "smiling"}  # GENKI's name of the attribute
VALUES = {"1": 1, "0": 0, "-1": 0}
NO_FACE, UNREADABLE = "no face", "unreadable"


@dataclass(frozen=True)
class LabelledPhotos:
    """A folder of photos and their labels."""

    photos: tuple[Path, ...]
    labels: np.ndarray  # uint8 (photos, attributes)
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class EndToEndResult:
    """The result on a folder of photos; accuracies are over the classified faces, 0..1."""

    photos: int
    detected: float  # share of the photos in which a face was detected
    classified: float  # share of the photos whose face was classified
    states: dict[str, int]  # photos per state: ok, or why a face was not classified
    accuracy: float  # mean over the attributes
    attributes: dict[str, float]
    accuracy_interval: Interval = UNKNOWN  # 95 %

    @property
    def intervals(self) -> dict[str, Interval]:
        """The 95 % intervals of the shares, by field."""
        return {
            "detected": wilson(round(self.detected * self.photos), self.photos),
            "classified": wilson(self.states.get(OK, 0), self.photos),
            "accuracy": self.accuracy_interval,
        }

    @property
    def attribute_intervals(self) -> dict[str, Interval]:
        """The 95 % interval of each attribute's accuracy."""
        classified = self.states.get(OK, 0)
        return {
            name: wilson(round(share * classified) if classified else 0, classified)
            for name, share in self.attributes.items()
        }


def read_labelled(folder: Path, names: tuple[str, ...]) -> LabelledPhotos:
    """Return a folder's photos and the labels of those of `names` that its table has.

    Raises DataError if there is no table or no such column, and for a value other than 1, 0, -1.
    """
    tables = [folder / name for name in TABLES if (folder / name).is_file()]
    if not tables:
        raise DataError(f"no {' or '.join(TABLES)} in {folder}", "a folder with labels")
    rows = read_rows(tables[0], "a folder with labels")
    header = [ALIASES.get(column.lower(), column.lower()) for column in rows[0]] if rows else []
    columns = {name: header.index(name.lower()) for name in names if name.lower() in header}
    if not columns:
        raise DataError(
            f"{tables[0]} has no column named as an attribute, such as {names[0]}",
            "a folder with labels",
        )
    labels = np.zeros((len(rows) - 1, len(columns)), np.uint8)
    for number, row in enumerate(rows[1:], 2):
        try:
            labels[number - 2] = [VALUES[row[column].strip()] for column in columns.values()]
        except (KeyError, IndexError):
            raise DataError(
                f"{tables[0]}, line {number}: expected 1, 0 or -1", CORRECT_LINE
            ) from None
    return LabelledPhotos(tuple(folder / row[0] for row in rows[1:]), labels, tuple(columns))


def evaluate(
    labelled: LabelledPhotos, detector: BlazeFace, classifier: Classifier, limits: QualityLimits
) -> EndToEndResult:
    """Return the device's result on labelled photos; unreadable ones are logged."""
    analyzer = FaceAnalyzer(detector, limits, classifier)
    columns = [classifier.card.names.index(name) for name in labelled.attributes]
    threshold = classifier.card.values("threshold")
    states: Counter[str] = Counter()
    correct = []
    photos = tqdm(labelled.photos, unit="photo", desc="photos", leave=False)
    for path, labels in zip(photos, labelled.labels, strict=True):
        state, probabilities = _analyze(path, analyzer)
        states[state] += 1
        if probabilities is not None:
            correct.append((probabilities >= threshold)[columns] == labels)
    count = max(len(labelled.photos), 1)
    means = np.mean(correct, axis=0) if correct else np.full(len(columns), np.nan)
    return EndToEndResult(
        photos=len(labelled.photos),
        detected=1 - (states[NO_FACE] + states[UNREADABLE]) / count,
        classified=states[OK] / count,
        states={state: number for state, number in states.items() if number},
        accuracy=float(means.mean()),
        attributes=dict(zip(labelled.attributes, means.tolist(), strict=True)),
        accuracy_interval=photo_mean_interval(np.array([row.mean() for row in correct])),
    )


def _analyze(path: Path, analyzer: FaceAnalyzer) -> tuple[str, np.ndarray | None]:
    """Return the state of a photo's largest face, and its probabilities if it is classified."""
    try:
        photo = read_photo(path)
    except PhotoError as error:
        log.info(f"left out: {error}")
        return UNREADABLE, None
    face = largest(analyzer.analyze(photo))
    return (NO_FACE, None) if face is None else (face.state, face.probabilities.array)


def record(result: EndToEndResult) -> dict[str, Any]:
    """Return the result for JSON, with None for NaN."""
    fields = without_nan(asdict(result)) | {"attributes": without_nan(result.attributes)}
    del fields["accuracy_interval"]
    intervals = without_unknown(result.intervals)
    intervals["attributes"] = without_unknown(result.attribute_intervals)
    return fields | {"intervals": intervals}


def _brackets(interval: Interval) -> str:
    text = interval_text(interval, 3)
    return f" ({text})" if text else ""


def table(result: EndToEndResult) -> str:
    """Return the result as text."""
    ends = {name: _brackets(interval) for name, interval in result.intervals.items()}
    lines = [
        f"{counted(result.photos, 'photo')}: face detected in {result.detected:.3f}"
        f"{ends['detected']}, classified in {result.classified:.3f}{ends['classified']}; accuracy "
        f"{decimals(result.accuracy, 4)}{ends['accuracy']}, mean over "
        f"{counted(len(result.attributes), 'attribute')}; in brackets: 95 % intervals",
        ", ".join(f"{state}: {count}" for state, count in sorted(result.states.items())),
    ]
    if len(result.attributes) > 1:
        lines += [
            f"{name:20}{decimals(value, 3):>8}{_brackets(result.attribute_intervals[name])}"
            for name, value in result.attributes.items()
        ]
    return "\n".join(lines)
