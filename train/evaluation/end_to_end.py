"""End-to-end evaluation on whole photos: faces detected, classified, and their accuracy.

Run by `python -m train.evaluate photos DIR`. DIR holds photos and a labels.csv or attributes.csv:
a column with the file names, and a column per attribute with 1 for yes and 0 or -1 for no, in any
spelling that `train.data.tables` reads; an empty cell is an unknown label. Other columns are
ignored. If a photo has several faces, the largest is evaluated.
"""

import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, FaceClassifier, largest
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import QualityLimits
from device.faces.verification import Verifier
from device.text import counted
from device.types import NO_FACE, OK, Face
from train.data.celeba_files import LABELS, TABLE_ENDINGS, table_in
from train.data.photo_folder import PhotoNames, read_folder
from train.data.split import CORRECT_LINE, UNKNOWN, DataError
from train.data.tables import Table, Truths, plain_name, read_table
from train.data.unreadable import COPY_AGAIN, LEFT_OUT, photo_or_none
from train.data.values import no_label_error
from train.evaluation.intervals import UNKNOWN as NO_INTERVAL
from train.evaluation.intervals import (
    Interval,
    interval_text,
    photo_mean_interval,
    wilson,
    without_unknown,
)
from train.evaluation.metrics import decimals, mean_of_known, without_nan
from train.evaluation.without_detector import AnyClassifier, PhotoAnalyzer

TABLES = ("labels", "attributes", LABELS)
ALIASES = {"Smiling": "smile"}  # GENKI's name of the attribute


@dataclass(frozen=True)
class LabelledPhotos:
    """A folder of photos and their labels."""

    photos: tuple[Path, ...]
    labels: np.ndarray  # uint8 (photos, attributes): 0, 1 or UNKNOWN
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class EndToEndResult:
    """The result on a folder of photos; accuracies are over the classified faces, 0..1.

    Of an attribute, over those whose label is known; NaN without any.
    """

    photos: int  # that could be read
    unreadable: int  # left out
    detected: float  # share of the photos in which a face was detected
    classified: float  # share of the photos whose face was classified
    states: dict[str, int]  # of those, per state: ok, or why a face was not classified
    accuracy: float  # mean over the attributes
    attributes: dict[str, float]
    labelled: dict[str, int]  # classified faces whose label is known, per attribute
    accuracy_interval: Interval = NO_INTERVAL  # 95 %

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
        return {
            name: wilson(round(share * count) if (count := self.labelled[name]) else 0, count)
            for name, share in self.attributes.items()
        }


def read_labelled(folder: Path, names: tuple[str, ...]) -> LabelledPhotos:
    """Return a folder's photos and the labels of those of `names` that its table has.

    Raises DataError if there is no table or no such column, for a value that is neither yes nor no,
    and for a photo with two different labels.
    """
    path = _rights(folder)
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
    for column in np.flatnonzero((table_rows == UNKNOWN).all(axis=0)):
        raise no_label_error(path, tuple(columns)[column])
    return LabelledPhotos(photos, table_rows, tuple(columns))


def sample(labelled: LabelledPhotos, count: int) -> LabelledPhotos:
    """Return `count` photos at equal distances; 0 means all."""
    if not 0 < count < len(labelled.photos):
        return labelled
    rows = np.linspace(0, len(labelled.photos) - 1, count).astype(int)
    photos = tuple(labelled.photos[row] for row in rows)
    return LabelledPhotos(photos, labelled.labels[rows], labelled.attributes)


def _rights(folder: Path) -> Path:
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


class Tally:
    """Counts the states and the correct predictions of a classifier on labelled photos."""

    def __init__(self, attributes: tuple[str, ...], classifier: FaceClassifier):
        self._attributes = attributes
        self._columns = [classifier.card.names.index(name) for name in attributes]
        self._thresholds = classifier.thresholds
        self._states: Counter[str] = Counter()
        self._correct: list[np.ndarray] = []
        self._unreadable = 0

    def add(self, face: Face | None, labels: np.ndarray) -> None:
        """Count a photo's face, None if it has none; labels: uint8 (attributes,)."""
        self._states[NO_FACE if face is None else face.state] += 1
        if face is not None and face.probabilities.array is not None:
            right = (face.probabilities.array >= self._thresholds)[self._columns] == labels
            self._correct.append(np.where(labels == UNKNOWN, np.nan, right))

    def leave_out(self) -> None:
        """Count a photo that cannot be read."""
        self._unreadable += 1

    def result(self) -> EndToEndResult:
        """Return the result; DataError if no photo could be read."""
        count = self._states.total()
        if not count:
            what = counted(self._unreadable, "labelled photo")
            raise DataError(f"none of {what} can be read", COPY_AGAIN)
        rights = np.array(self._correct).reshape(-1, len(self._columns))
        means = [mean_of_known(column.tolist()) for column in rights.T]
        shares = np.array([mean_of_known(row.tolist()) for row in rights])
        known = (~np.isnan(rights)).sum(axis=0)
        return EndToEndResult(
            photos=count,
            unreadable=self._unreadable,
            detected=1 - self._states[NO_FACE] / count,
            classified=self._states[OK] / count,
            states={state: number for state, number in self._states.items() if number},
            accuracy=mean_of_known(means),
            attributes=dict(zip(self._attributes, means, strict=True)),
            labelled=dict(zip(self._attributes, known.tolist(), strict=True)),
            accuracy_interval=photo_mean_interval(shares[~np.isnan(shares)]),
        )


def evaluate(
    labelled: LabelledPhotos,
    detector: BlazeFace,
    classifier: AnyClassifier,
    limits: QualityLimits,
    verifier: Verifier | None = None,
) -> EndToEndResult:
    """Return the device's result on the labelled photos that can be read.

    verifier: as of `FaceAnalyzer`. Raises DataError if none can be read.
    """
    analyzer = FaceAnalyzer(detector, limits, classifier, verifier=verifier)
    return measure(labelled, analyzer, classifier)


def measure(
    labelled: LabelledPhotos, analyzer: PhotoAnalyzer, classifier: AnyClassifier
) -> EndToEndResult:
    """Return an analyzer's result on the labelled photos; DataError as `evaluate`."""
    tally = Tally(labelled.attributes, classifier)
    photos = tqdm(labelled.photos, unit="photo", desc="photos", leave=False)
    for path, labels in zip(photos, labelled.labels, strict=True):
        photo = photo_or_none(path)
        if photo is None:
            tally.leave_out()
        else:
            tally.add(largest(analyzer.analyze(photo)), labels)
    return tally.result()


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
