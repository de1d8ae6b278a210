"""Select the photos and attributes that a run learns from."""

import shlex
from dataclasses import replace
from typing import Protocol

import numpy as np

from device.errors import UsageError, nearest
from device.log import log
from train.data.celeba import ATTRIBUTES
from train.data.split import SPLITS, DataError, Split, unknown_line


class Selection(Protocol):
    """The settings of a run that select its photos; empty and 0 mean all."""

    @property
    def attributes(self) -> tuple[str, ...]: ...

    @property
    def without(self) -> tuple[str, ...]: ...

    @property
    def balanced(self) -> tuple[int, ...]: ...

    @property
    def limit(self) -> int: ...


def head(split: Split, count: int) -> Split:
    """Return the first `count` photos of a split; 0 means all."""
    return take(split, np.arange(min(count or len(split), len(split))))


def take(split: Split, rows: np.ndarray) -> Split:
    """Return the photos with the row numbers `rows`, int (n,)."""
    photos = tuple(split.photos[row] for row in rows)
    weights = None if split.weights is None else split.weights[rows]
    return replace(split, photos=photos, labels=split.labels[rows], weights=weights)


def rows_of(part: Split, split: Split) -> np.ndarray:
    """Return the row number in `split` of each photo of its part, int (photos of the part,)."""
    if len(part) == len(split):
        return np.arange(len(split))
    rows = {photo: row for row, photo in enumerate(split.photos)}
    return np.array([rows[photo] for photo in part.photos], int)


def sample_evenly(split: Split, count: int) -> Split:
    """Return `count` photos at equal distances over a split; 0 means all."""
    return take(split, even_rows(len(split), count)) if 0 < count < len(split) else split


def even_rows(total: int, count: int) -> np.ndarray:
    """Return `count` of `total` row numbers at equal distances, int (n,); 0 means all."""
    if not 0 < count < total:
        return np.arange(total)
    return np.linspace(0, total - 1, count).astype(int)


def with_attributes(split: Split, names: tuple[str, ...]) -> Split:
    """Return the split with only these attributes, in this order.

    Raises UsageError, which names the nearest, for an attribute that the data does not have.
    """
    for name in names:
        if name not in split.attributes:
            hint = nearest(name, split.attributes)
            if name in ATTRIBUTES:  # spelled correctly
                have = " ".join(map(shlex.quote, split.attributes[:3]))
                hint = f"--attributes {have}, or labels with a column {name}"
            raise UsageError(f"the data has no attribute {name!r}", hint)
    columns = [split.attributes.index(name) for name in names]
    return replace(split, labels=split.labels[:, columns], attributes=names)


def attributes_for_run(known: tuple[str, ...], selection: Selection) -> tuple[str, ...]:
    """Return the attributes that a run learns, of the data's `known` ones.

    An attribute to leave out that the data does not have is ignored if it is one of CelebA's.
    Raises UsageError, which names the nearest, for another, and if no attribute is left.
    """
    for name in selection.without:
        if name not in (*known, *ATTRIBUTES):
            raise UsageError(f"--without {name!r}: no such attribute", nearest(name, known))
    names = tuple(n for n in selection.attributes or known if n not in selection.without)
    if known and not names:
        raise UsageError(
            f"without {', '.join(selection.without)} no attribute is left to learn",
            "fewer names for --without",
        )
    return names


def balanced(split: Split, count: int, attribute: str) -> Split:
    """Return the first count/2 photos with the attribute and the first count/2 without.

    In the split's order; fewer of both if there are not enough of one.
    """
    label = split.labels[:, split.attributes.index(attribute)]
    with_it, without = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    half = min(count // 2, len(with_it), len(without))
    rows = np.concatenate([with_it[:half], without[:half]])
    return take(split, np.sort(rows))


def select_for_run(splits: dict[str, Split], selection: Selection) -> dict[str, Split]:
    """Return every split with the attributes and photos that a run uses.

    Raises DataError if a named attribute is on no training or validation photo, or on all of them:
    it could not be learned, or not be measured. So for attributes that are not named, if none can
    be learned; otherwise a log line counts them.
    """
    selected = {}
    for place, name in enumerate(SPLITS):
        names = attributes_for_run(splits[name].attributes, selection)
        split = with_attributes(splits[name], names)
        if selection.balanced:
            count = selection.balanced[place]
            count = min(count, selection.limit or count)
            split = balanced(split, count, selection.attributes[0])
        selected[name] = head(split, selection.limit)
    for name in ("train", "val"):
        if len(splits[name]):
            _check_both_classes(selected[name], bool(selection.attributes))
    return selected


def _check_both_classes(split: Split, named: bool) -> None:
    positives = split.positives()
    constant = np.flatnonzero((positives == 0) | ~(split.labels == 0).any(axis=0))
    if not len(constant):
        return
    first = constant[0]
    which = "without" if positives[first] else "with"
    known = int(split.known[:, first].sum())
    problem = f"no {split.name} photo {which} {split.attributes[first]}, of {known}"
    if named or (split.name == "train" and len(constant) == len(split.attributes)):
        hint = "more photos, or another --limit or --attributes"
        raise DataError(f"{problem}: not learnable", hint)
    more = f", and {len(constant) - 1} more attributes like it" if len(constant) > 1 else ""
    log.info(f"{problem}{more}")


def counts_line(splits: dict[str, Split], selection: Selection, further: int = 0) -> str:
    """Return one line with the photos per split, and the numbers that `balanced` requested.

    further: how many of the training photos are of other folders.
    """
    train, val, test = (splits[name] for name in SPLITS)
    line = f"{len(train):,} photos to train on{_details(train, further)}, "
    line += f"{len(val):,} to validate, {len(test):,} to test"
    if selection.balanced:
        counts = (f"{min(n, selection.limit or n):,}" for n in selection.balanced)
        line += f"; half have {selection.attributes[0]} (requested: {', '.join(counts)})"
    return line


def _details(train: Split, further: int) -> str:
    further_ones = f"{further:,} of --more" if further else ""
    details = ", ".join(filter(None, (further_ones, unknown_line([train]))))
    return f" ({details})" if details else ""
