"""Score the device's path on whole photos: found, told, and how much of that is right.

Run by `python -m train.evaluate --photos DIR`. DIR holds photos and a labels.csv or attributes.csv:
the file's name in the first column, then a column per attribute with 1 for yes and 0 or -1 for no.
Other columns are passed over. Of several faces in a photo the largest is meant.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.camera.image_io import PhotoError, read_photo
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import Limits, Look, look
from device.log import log
from device.types import OK
from train.celeba import DataError

TABLES = ("labels.csv", "attributes.csv")
ALIASES = {"smile": "smiling"}  # GENKI's word for it
VALUES = {"1": 1, "0": 0, "-1": 0}


@dataclass(frozen=True)
class Labelled:
    """A folder of photos and what is to be seen in them."""

    photos: tuple[Path, ...]
    labels: np.ndarray  # uint8 (photos, attributes)
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """What came out; accuracies are over the faces that were told, 0..1."""

    photos: int
    found: float  # share of the photos in which a face was found
    told: float  # share of the photos whose face was told
    states: dict[str, int]  # why faces were not told, and how many were
    accuracy: float  # mean over the attributes
    attributes: dict[str, float]


def read_labelled(folder: Path, names: tuple[str, ...]) -> Labelled:
    """Return a folder's photos and labels for those of `names` that its table has.

    Raises DataError where there is no table, no such column, or a value that says neither.
    """
    tables = [folder / name for name in TABLES if (folder / name).is_file()]
    if not tables:
        raise DataError(f"no {' or '.join(TABLES)} in {folder}", "Give --photos DIR")
    with tables[0].open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    header = [ALIASES.get(column.lower(), column.lower()) for column in rows[0]] if rows else []
    places = {name: header.index(name.lower()) for name in names if name.lower() in header}
    if not places:
        raise DataError(f"{tables[0]} has no column named as an attribute, such as {names[0]}")
    labels = np.zeros((len(rows) - 1, len(places)), np.uint8)
    for number, row in enumerate(rows[1:], 2):
        try:
            labels[number - 2] = [VALUES[row[place].strip()] for place in places.values()]
        except (KeyError, IndexError):
            raise DataError(f"{tables[0]}, line {number}: expected 1, 0 or -1") from None
    return Labelled(tuple(folder / row[0] for row in rows[1:]), labels, tuple(places))


def tell(labelled: Labelled, detector: BlazeFace, classifier: Classifier, limits: Limits) -> Told:
    """Return how the device's path does on labelled photos; unreadable ones are named."""
    places = [classifier.card.names.index(name) for name in labelled.attributes]
    threshold = classifier.card.column("threshold")
    states: dict[str, int] = {}
    right = []
    for path, labels in zip(
        tqdm(labelled.photos, unit="photo", desc="photos", leave=False),
        labelled.labels,
        strict=True,
    ):
        try:
            picture = read_photo(path)
        except PhotoError as error:
            log.info(f"left out: {error}")
            states["unreadable"] = states.get("unreadable", 0) + 1
            continue
        face = max(detector.detect(picture), key=lambda one: one.box[2], default=None)
        seen = look(picture, face, classifier, limits) if face else Look("no face")
        states[seen.state] = states.get(seen.state, 0) + 1
        if seen.crop is not None:
            right.append((classifier.classify(seen.crop) >= threshold)[places] == labels)
    count = max(len(labelled.photos), 1)
    means = np.mean(right, axis=0) if right else np.full(len(places), np.nan)
    missed = states.get("no face", 0) + states.get("unreadable", 0)
    return Told(
        photos=len(labelled.photos),
        found=1 - missed / count,
        told=states.get(OK, 0) / count,
        states=states,
        accuracy=float(means.mean()),
        attributes=dict(zip(labelled.attributes, means.tolist(), strict=True)),
    )


def table(told: Told) -> str:
    """Return the result as text."""
    lines = [
        f"{told.photos} photos: a face found in {told.found:.3f}, told in {told.told:.3f}; right "
        f"{told.accuracy:.4f}, mean over {len(told.attributes)} attribute(s)",
        ", ".join(f"{state}: {count}" for state, count in sorted(told.states.items())),
    ]
    if len(told.attributes) > 1:
        lines += [f"{name:20}{value:8.3f}" for name, value in told.attributes.items()]
    return "\n".join(lines)
