"""What one's own photos are labelled with: their attributes, splits and people."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from device.errors import nearest
from train.data.photo_folder import nfc, spelling_key
from train.data.split import SPLITS, DataError

LABELS = "labels.csv"
OWN_PHOTOS_HELP = "python -m train.own_photos --help"
NEGATIONS = ("no_", "not_", "non_", "without_")
SPLIT_ENDS = (80, 90)  # percentiles: the end of train, the end of val
SPELLINGS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "validate", "dev", "development"),
    "test": ("test", "testing", "tst", "holdout"),
}
WITH_SPLIT = ("", "set", "data", "dataset", "split", "images", "photos", "faces")
SHOWN = 5  # names in a message


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo, its labels, and what decides its split."""

    file: str  # relative to the folder, as on the disk
    labels: tuple[int, ...]  # 0, 1 or UNKNOWN of each attribute
    split: str = ""  # "" if its name, or its person's, decides
    person: str = ""  # "" if unknown
    cells: tuple[str, ...] = ()  # of its line in the table: one for each of `OwnLabels.columns`


@dataclass(frozen=True)
class OwnLabels:
    """The labels of a folder of photos."""

    root: Path
    attributes: tuple[str, ...]
    photos: tuple[LabelledPhoto, ...]
    skipped: dict[str, str] = field(default_factory=dict)  # {photo: reason}
    columns: tuple[str, ...] = ()  # the table's columns of labels; () of folders per class


def label_table(root: Path) -> Path | None:
    """Return a folder's labels.csv or labels.tsv, whatever its capitals; None without one."""
    # Not labels.txt: other programs list the names of the classes in it.
    names = [LABELS, "labels.tsv"]
    files = {path.name.lower(): path for path in sorted(root.iterdir())} if root.is_dir() else {}
    return next((files[name] for name in names if name in files), None)


def split_named(name: str) -> str:
    """Return the split that a name spells, "" for none: Training, 1_train, valid, dev, TEST."""
    words = [word for word in re.split(r"[\W\d_]+", nfc(name).casefold()) if word not in WITH_SPLIT]
    if len(words) != 1:
        return ""
    for split, spellings in SPELLINGS.items():
        if any(words[0] == start + end for start in spellings for end in WITH_SPLIT):
            return split
    return ""


def hashed_split(name: str) -> str:
    """Return the split of a photo or a person that has none; it depends on the name alone."""
    # Not a CRC: those of file0001.jpg to file9999.jpg are nearly equal.
    digest = hashlib.sha256(nfc(name).encode(errors="surrogateescape")).digest()
    percentile = int.from_bytes(digest[:8]) % 100
    return SPLITS[sum(percentile >= end for end in SPLIT_ENDS)]


def split_of(photo: LabelledPhoto) -> str:
    """Return a photo's split."""
    return photo.split or hashed_split(photo.person or photo.file.rpartition("/")[2])


def attributes_of(classes: Iterable[str]) -> tuple[str, ...]:
    """Return the attributes of classes: one for two classes, otherwise one per class."""
    classes = sorted(classes)
    if len(classes) != 2:
        return tuple(classes)
    for name, opposite in (classes, classes[::-1]):
        if any(spelling_key(opposite) == no + spelling_key(name) for no in NEGATIONS):
            return (name,)
    return (classes[-1],)


def one_hot(name: str, attributes: tuple[str, ...]) -> tuple[int, ...]:
    """Return the labels of a photo of the class `name`."""
    return tuple(int(attribute == name) for attribute in attributes)


def one_spelling(names: Iterable[str]) -> dict[str, str]:
    """Return {name: the most frequent of its spellings}, which differ in capitals, blanks and _."""
    counts = Counter(names)
    spellings: dict[str, str] = {}
    for name, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
        spellings.setdefault(spelling_key(name), nfc(name).strip())
    return {name: spellings[spelling_key(name)] for name in counts}


def check_people(photos: Iterable[LabelledPhoto]) -> None:
    """Raise DataError if a person's photos are in two splits: the test would flatter the model."""
    splits: dict[str, set[str]] = {}
    for photo in photos:
        if photo.person:
            splits.setdefault(photo.person, set()).add(split_of(photo))
    people = [f"{name} ({', '.join(sorted(of))})" for name, of in splits.items() if len(of) > 1]
    if people:
        raise DataError(
            f"{len(people)} of {len(splits)} people are in several splits: {shortened(people)}",
            f"one split for each person, or a {LABELS} without the column split",
        )


def shortened(names: list[str]) -> str:
    """Return the first names, and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def split_hint(name: str) -> str:
    """Return the hint for a misspelt split."""
    return nearest(name, SPLITS)
