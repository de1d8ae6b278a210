"""Photos and labels in memory: a split, a data set of three splits, and its error."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device.errors import SourceError
from device.text import counted, printable

CHECK_DATA = "python -m train.celeba --data DIR, which counts the photos of each split"
CORRECT_LINE = "correct that line of the file"
SPLITS = ("train", "val", "test")  # CelebA's partition file: 0, 1, 2
UNKNOWN = 255  # a label that a photo does not have


class DataError(SourceError):
    """A data set is missing or malformed; the message names the file and the line."""


@dataclass(frozen=True)
class Split:
    """Photos of one split, in the partition file's order."""

    name: str
    photos: tuple[Path, ...]
    labels: np.ndarray  # (photos, attributes), uint8 0, 1 = present, or UNKNOWN
    attributes: tuple[str, ...]
    weights: np.ndarray | None = None  # float32 (photos,): draws per epoch, on average; None = 1

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def known(self) -> np.ndarray:
        """Which labels the photos have, bool (photos, attributes)."""
        return self.labels != UNKNOWN

    def positives(self) -> np.ndarray:
        """Return the number of photos with each attribute, int (attributes,)."""
        return (self.labels == 1).sum(axis=0)

    def prevalence(self) -> np.ndarray:
        """Return the share of photos with each attribute, of those where it is known, 0..1.

        0 for an attribute that is known of no photo.
        """
        return prevalence_of(self.labels)


def prevalence_of(labels: np.ndarray) -> np.ndarray:
    """Return what `Split.prevalence` does, of labels, (photos, attributes)."""
    return (labels == 1).sum(axis=0) / np.maximum((labels != UNKNOWN).sum(axis=0), 1)


def targets(labels: np.ndarray) -> np.ndarray:
    """Return labels as a network learns them, float32: 0, 1, or -1 for an unknown one."""
    return np.where(labels == UNKNOWN, np.float32(-1), labels.astype(np.float32))


def unlabelled(name: str, photos: Iterable[Path]) -> Split:
    """Return photos as a split without attributes."""
    paths = tuple(photos)
    return Split(name, paths, np.zeros((len(paths), 0), np.uint8), ())


@dataclass(frozen=True)
class Dataset:
    """A data set as found on disk; `skipped` holds (photo, reason) for those in no split."""

    splits: dict[str, Split]
    skipped: tuple[tuple[str, str], ...]
    attributes: tuple[str, ...]
    name: str


def fingerprint(splits: Iterable[Split]) -> str:
    """Return 16 hex digits that identify photos and labels: names, sizes in bytes, and values.

    Not the folder that the photos are in: that may be moved.
    """
    digest = hashlib.sha256()
    for split in splits:
        digest.update(f"{split.name} {','.join(split.attributes)}".encode())
        for photo in split.photos:
            size = photo.stat().st_size if photo.exists() else -1
            digest.update(f"\n{photo.name} {size}".encode(errors="surrogateescape"))
        digest.update(split.labels.tobytes())
        if split.weights is not None:
            digest.update(split.weights.tobytes())
    return digest.hexdigest()[:16]


def unknown_line(splits: Iterable[Split]) -> str:
    """Return a line with the number of unknown labels, "" without any."""
    tables = [split.labels for split in splits]
    unknown = sum(int((labels == UNKNOWN).sum()) for labels in tables)
    total = sum(labels.size for labels in tables)
    return f"{unknown:,} of {total:,} labels unknown" if unknown else ""


def left_out_line(data: Dataset, limit: int = 10) -> str:
    """Return one line with the number of photos left out, and the first `limit` of them."""
    if not data.skipped:
        return "no photo left out"
    named = "; ".join(f"{printable(name)} ({reason})" for name, reason in data.skipped[:limit])
    rest = len(data.skipped) - limit
    more = f"; {rest} more" if rest > 0 else ""
    return f"{counted(len(data.skipped), 'photo')} left out: {named}{more}"
