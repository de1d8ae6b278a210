"""Further photos to train on, of which some labels may be unknown, and balanced draws of groups."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.log import log
from device.text import counted
from train.data.celeba import read_celeba
from train.data.celeba_files import table_in
from train.data.select import head
from train.data.split import UNKNOWN, DataError, Split, left_out_line
from train.data.tables import read_table
from train.data.utkface import MALE, UtkFace, is_young, read_utkface

UTKFACE_COLUMNS = ("age", "gender", "race")
AGE_BANDS = (30, 45, 60)  # the first year of each but the youngest
MOST_DRAWS = 4.0  # of a photo per epoch


def with_more(train: Split, folders: Sequence[str], balance: float, limit: int = 0) -> Split:
    """Return a training split with the training photos of further folders, and its weights.

    The attributes stay those of `train`; labels that a folder does not have are UNKNOWN. Groups are
    balanced within each folder: `balance` 0 draws each photo once, 1 each group equally often.
    limit: only the first photos of each folder; 0 = all. Raises DataError for a folder that is
    neither CelebA nor UTKFace, or has none of the attributes.
    """
    parts = [(train, groups_of(train))]
    for folder in folders:
        split, groups = _read(Path(folder), train.attributes)
        part = head(split, limit)
        parts.append((part, groups[: len(part)]))
        log.info(f"{folder}: {counted(len(part), 'more photo')} to train on")
    if len(parts) == 1 and not balance:
        return train
    weights = [balanced_weights(groups, balance) for _, groups in parts]
    return Split(
        train.name,
        tuple(photo for split, _ in parts for photo in split.photos),
        np.concatenate([split.labels for split, _ in parts]),
        train.attributes,
        np.concatenate(weights) if balance else None,
    )


def _read(folder: Path, attributes: tuple[str, ...]) -> tuple[Split, np.ndarray]:
    """Return a folder's training photos with these attributes, and their groups."""
    table = table_in(folder, "labels") if folder.is_dir() else None
    if table and set(UTKFACE_COLUMNS) <= {n.casefold() for n in read_table(table, "").header}:
        people = read_utkface(folder)
        return utkface_split(people, attributes), utkface_groups(people)
    data = read_celeba(folder)
    if data.skipped:
        log.info(f"{folder}: {left_out_line(data)}")
    found = data.splits["train"]
    split = Split(found.name, found.photos, _columns(found, attributes, folder), attributes)
    return split, groups_of(split)


def _columns(found: Split, attributes: tuple[str, ...], folder: Path) -> np.ndarray:
    """Return the labels of `attributes`, uint8 (photos, attributes), UNKNOWN where absent."""
    labels = np.full((len(found), len(attributes)), UNKNOWN, np.uint8)
    common = [name for name in attributes if name in found.attributes]
    if not common:
        raise DataError(f"{folder} has none of the attributes to learn", "another --more")
    for name in common:
        labels[:, attributes.index(name)] = found.labels[:, found.attributes.index(name)]
    return labels


def utkface_split(people: Sequence[UtkFace], attributes: tuple[str, ...]) -> Split:
    """Return people as a split: Male is known of all, Young by their age, nothing else."""
    labels = np.full((len(people), len(attributes)), UNKNOWN, np.uint8)
    if "Male" in attributes:
        labels[:, attributes.index("Male")] = [person.gender == MALE for person in people]
    if "Young" in attributes:
        young = [is_young(person.age) for person in people]
        known = [UNKNOWN if value is None else int(value) for value in young]
        labels[:, attributes.index("Young")] = known
    return Split("train", tuple(person.photo for person in people), labels, attributes)


def utkface_groups(people: Sequence[UtkFace]) -> np.ndarray:
    """Return a number for each person's gender, age band and race, int (people,)."""
    keys = [(p.gender, int(np.searchsorted(AGE_BANDS, p.age, "right")), p.race) for p in people]
    return np.array([sorted(set(keys)).index(key) for key in keys], int)


def groups_of(split: Split) -> np.ndarray:
    """Return a number for each photo's Male and Young, int (photos,), as far as they are known."""
    groups = np.zeros(len(split), int)
    for name in ("Male", "Young"):
        if name in split.attributes:
            groups = 256 * groups + split.labels[:, split.attributes.index(name)]
    return groups


def balanced_weights(groups: np.ndarray, balance: float) -> np.ndarray:
    """Return how often an epoch draws each photo on average, float32 (photos,), with the mean 1.

    A photo's weight is its group's size to the power of -balance, at most MOST_DRAWS.
    """
    if not len(groups):
        return np.zeros(0, np.float32)
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    weights = sizes.astype(float) ** -balance
    weights = weights[places]
    for _ in range(20):  # limited and rescaled until both hold
        weights = np.minimum(weights / weights.mean(), MOST_DRAWS)
    return weights.astype(np.float32)
