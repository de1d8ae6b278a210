"""Choose what a run learns from: attributes, a balanced part, the first N photos."""

from dataclasses import replace

import numpy as np

from device.errors import UsageError, nearest
from train.celeba import SPLITS, DataError, Split
from train.fitting.settings import FitSettings


def first(split: Split, limit: int) -> Split:
    """Return the first `limit` photos of a split; 0 means all."""
    return rows(split, np.arange(min(limit or len(split), len(split))))


def rows(split: Split, chosen: np.ndarray) -> Split:
    """Return the photos at the places `chosen`."""
    photos = tuple(split.photos[i] for i in chosen)
    return replace(split, photos=photos, labels=split.labels[chosen])


def spread(split: Split, count: int) -> Split:
    """Return `count` photos of a split, evenly spread over it, or all where it has no more."""
    return rows(split, np.linspace(0, len(split) - 1, min(count, len(split))).astype(int))


def with_attributes(split: Split, names: tuple[str, ...]) -> Split:
    """Return the split with these attributes alone, in this order.

    Raises UsageError, which names the nearest, for one that the data does not have.
    """
    for name in names:
        if name not in split.attributes:
            raise UsageError(f"the data has no attribute {name!r}", nearest(name, split.attributes))
    columns = [split.attributes.index(name) for name in names]
    return replace(split, labels=split.labels[:, columns], attributes=names)


def balanced(split: Split, count: int, attribute: str) -> Split:
    """Return the first count/2 photos that have the attribute and as many that do not.

    In the partition's order; fewer of both where there are not enough of one.
    """
    has = split.labels[:, split.attributes.index(attribute)] == 1
    half = min(count // 2, int(has.sum()), int((~has).sum()))
    chosen = np.concatenate([np.flatnonzero(has)[:half], np.flatnonzero(~has)[:half]])
    return rows(split, np.sort(chosen))


def selected(splits: dict[str, Split], settings: FitSettings) -> dict[str, Split]:
    """Return every split as a run with these settings sees it.

    Raises DataError where an attribute named in the settings is on no training or validation
    photo, or on all: it could not be learnt, or not be measured.
    """
    chosen = {}
    for place, name in enumerate(SPLITS):
        split = with_attributes(splits[name], settings.attributes or splits[name].attributes)
        if settings.balanced:
            most = settings.balanced[place]
            split = balanced(split, min(most, settings.limit or most), settings.attributes[0])
        chosen[name] = first(split, settings.limit)
    if settings.attributes:
        for name in ("train", "val"):
            _need_both(chosen[name], splits[name])
    return chosen


def _need_both(chosen: Split, whole: Split) -> None:
    for column, name in enumerate(chosen.attributes):
        positive = int(chosen.labels[:, column].sum())
        if len(whole) and positive in (0, len(chosen)):
            which = "with" if not positive else "without"
            raise DataError(
                f"no {chosen.name} photo {which} {name}, of {len(chosen)}: it cannot be learnt",
                "Give more photos, or another --limit or --attributes",
            )


def counts_line(splits: dict[str, Split], settings: FitSettings) -> str:
    """Return one line that counts the chosen photos, and those that a balance asked for."""
    train, val, test = (splits[name] for name in SPLITS)
    line = f"{len(train):,} photos to train on, {len(val):,} to validate, {len(test):,} to test"
    if settings.balanced:
        asked = ", ".join(f"{min(n, settings.limit or n):,}" for n in settings.balanced)
        line += f"; half have {settings.attributes[0]} (asked for {asked})"
    return line
