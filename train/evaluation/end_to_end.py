"""End-to-end evaluation on whole photos: faces detected, classified, and their accuracy.

Run by `python -m train.evaluate photos DIR`. DIR holds photos and a labels.csv or attributes.csv:
a column with the file names, and a column per attribute with 1 for yes and 0 or -1 for no, in any
spelling that `train.data.tables` reads. Other columns are ignored. If a photo has several faces,
the largest is evaluated.
"""

import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.attributes.classifier import Classifier
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import QualityLimits
from device.faces.verification import Verifier
from device.text import counted
from device.types import OK
from train.data.celeba_files import LABELS, TABLE_ENDINGS, table_in
from train.data.photo_folder import PhotoNames, read_folder
from train.data.split import CORRECT_LINE, DataError
from train.data.tables import Table, Truths, plain_name, read_table
from train.data.unreadable import COPY_AGAIN, LEFT_OUT, photo_or_none
from train.evaluation.intervals import (
    UNKNOWN,
    Interval,
    interval_text,
    photo_mean_interval,
    wilson,
    without_unknown,
)
from train.evaluation.metrics import decimals, without_nan

TABLES = ("labels", "attributes", LABELS)
ALIASES = {"Smiling": "smile"}  # GENKI's name of the attribute
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

    photos: int  # that could be read
    unreadable: int  # left out
    detected: float  # share of the photos in which a face was detected
    classified: float  # share of the photos whose face was classified
    states: dict[str, int]  # of those, per state: ok, or why a face was not classified
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

    Raises DataError if there is no table or no such column, for a value that is neither yes nor no,
    and for a photo with two different labels.
    """
    path = _table_of(folder)
    table = read_table(path, "a folder with labels")
    columns, photo, values = _columns(table, names), table.photo_column(), Truths()
    labels: dict[str, list[int]] = {}
    for number, cells in table.rows:
        try:
            row = [values[cells[column]] for column in columns.values()]
        except KeyError as error:
            raise DataError(
                f"{path}, line {number}: {error} is not 1, 0 or -1", CORRECT_LINE
            ) from None
        if labels.setdefault(cells[photo], row) != row:
            raise DataError(
                f"{path}, line {number}: {cells[photo]!r} has other labels in an earlier line",
                CORRECT_LINE,
            )
    if not labels:
        raise DataError(f"{path} names no photo", "a line for each photo")
    files = PhotoNames(read_folder(folder))
    photos = tuple(folder / (files.exact(name) or files.nearest(name) or name) for name in labels)
    table_rows = np.array(list(labels.values()), np.uint8).reshape(-1, len(columns))
    return LabelledPhotos(photos, table_rows, tuple(columns))


def _table_of(folder: Path) -> Path:
    """Return a folder's table of labels; DataError without one, whose hint names another table."""
    if path := next(filter(None, (table_in(folder, name) for name in TABLES)), None):
        return path
    others = [path for path in sorted(folder.glob("*")) if path.suffix.lower() in TABLE_ENDINGS]
    hint = "a folder with labels"
    if len(others) == 1:
        hint = shlex.join(["mv", str(others[0]), str(others[0].with_stem(TABLES[0]))])
    raise DataError(f"no labels.csv or attributes.csv in {folder}", hint)


def _columns(table: Table, names: tuple[str, ...]) -> dict[str, int]:
    """Return the column of each attribute that the table has."""
    indices = {plain_name(column): index for index, column in enumerate(table.header)}
    columns: dict[str, int] = {}
    for name in names:
        for spelling in (name, ALIASES.get(name, name)):
            if plain_name(spelling) in indices:
                columns.setdefault(name, indices[plain_name(spelling)])
    if not columns:
        raise DataError(
            f"{table.path} has no column named as an attribute, such as {names[0]}",
            "a first line with the names of the columns",
        )
    return columns


def evaluate(
    labelled: LabelledPhotos,
    detector: BlazeFace,
    classifier: Classifier,
    limits: QualityLimits,
    verifier: Verifier | None = None,
) -> EndToEndResult:
    """Return the device's result on the labelled photos that can be read.

    verifier: as of `FaceAnalyzer`. Raises DataError if none can be read.
    """
    analyzer = FaceAnalyzer(detector, limits, classifier, verifier=verifier)
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
    unreadable = states.pop(UNREADABLE, 0)
    count = len(labelled.photos) - unreadable
    if not count:
        raise DataError(f"none of {counted(unreadable, 'labelled photo')} can be read", COPY_AGAIN)
    means = np.mean(correct, axis=0) if correct else np.full(len(columns), np.nan)
    return EndToEndResult(
        photos=count,
        unreadable=unreadable,
        detected=1 - states[NO_FACE] / count,
        classified=states[OK] / count,
        states={state: number for state, number in states.items() if number},
        accuracy=float(means.mean()),
        attributes=dict(zip(labelled.attributes, means.tolist(), strict=True)),
        accuracy_interval=photo_mean_interval(np.array([row.mean() for row in correct])),
    )


def _analyze(path: Path, analyzer: FaceAnalyzer) -> tuple[str, np.ndarray | None]:
    """Return the state of a photo's largest face, and its probabilities if it is classified."""
    photo = photo_or_none(path)
    if photo is None:
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
    if result.unreadable:
        lines.append(f"{counted(result.unreadable, 'photo')} {LEFT_OUT}")
    if len(result.attributes) > 1:
        lines += [
            f"{name:20}{decimals(value, 3):>8}{_brackets(result.attribute_intervals[name])}"
            for name, value in result.attributes.items()
        ]
    return "\n".join(lines)
