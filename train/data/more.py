"""Further photos to train on, of which some labels may be unknown, and balanced draws of groups."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.errors import nearest
from device.log import log
from device.text import counted
from train.data.celeba import read_celeba
from train.data.celeba_files import LABELS, has_photos, is_celeba, table_in
from train.data.held_out import HeldOut, are_held_out
from train.data.photo_checks import share_of_other_shape
from train.data.select import even_rows, take
from train.data.split import UNKNOWN, DataError, Split, left_out_line
from train.data.tables import plain_name, read_table
from train.data.utkface import MALE, UtkFace, is_young, read_utkface

FOLDER_HINT = "--more FOLDER with CelebA's layout, or with UTKFace aligned by train.utkface"
UTKFACE_COLUMNS = ("age", "gender", "race")
MAX_OTHER_SHAPE = 0.1  # share of UTKFace's photos; only those that are not aligned have more
AGE_BANDS = (30, 45, 60)  # the first year of each but the youngest
MOST_DRAWS = 4.0  # of a photo per epoch


def with_more(
    train: Split,
    folders: Sequence[str],
    balance: float,
    limit: int = 0,
    held: HeldOut | None = None,
) -> Split:
    """Return a training split with the training photos of further folders, and its weights.

    The attributes stay those of `train`; labels that a folder does not have are UNKNOWN. Groups are
    balanced within each folder: `balance` 0 draws each photo once, 1 each group equally often.
    limit: only so many photos of each folder, at equal distances, as names may begin with the age;
    0 = all. held: photos that are left out, as those
    of their people are. Raises DataError for a folder that is neither CelebA nor UTKFace, or has
    none of the attributes.
    """
    parts = [(train, groups_of(train))]
    for folder in map(Path, folders):
        split, groups = _read(folder, train.attributes)
        excluded = are_held_out(split.photos, folder, held or HeldOut())
        if excluded.any():
            photos = counted(int(excluded.sum()), "photo")
            log.info(f"{folder}: {photos} left out, of photos or people to validate or test on")
        rows = np.flatnonzero(~excluded)
        rows = rows[even_rows(len(rows), limit)]
        parts.append((take(split, rows), groups[rows]))
        log.info(f"{folder}: {counted(len(rows), 'further photo')} to train on")
    if len(parts) == 1 and not balance:
        return train
    if balance and all(len(np.unique(groups)) < 2 for _, groups in parts):
        log.info("--balance changes nothing: the photos have no groups of Male and Young")
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
    if not folder.is_dir():
        raise DataError(f"--more {folder}: no such folder", _nearest_folder(folder))
    table = table_in(folder, "labels")
    if table and set(UTKFACE_COLUMNS) <= {plain_name(n) for n in read_table(table, "").header}:
        if not {"Male", "Young"}.intersection(attributes):
            raise _nothing_to_learn(folder)
        people = _aligned_people(folder)
        return utkface_split(people, attributes), utkface_groups(people)
    if not (is_celeba(folder) or table_in(folder.parent, LABELS)):
        what = "neither CelebA's tables nor a labels.csv with the columns age, gender and race"
        hint = _align(folder) if has_photos(folder) else FOLDER_HINT
        raise DataError(f"{folder} has {what}", hint)
    found = _celeba(folder)
    split = Split(found.name, found.photos, _columns(found, attributes, folder), attributes)
    return split, groups_of(split)


def _nothing_to_learn(folder: Path) -> DataError:
    return DataError(f"{folder} has none of the attributes to learn", "another --more")


def _nearest_folder(folder: Path) -> str:
    names = [path.name for path in folder.parent.glob("*/")] if folder.parent.is_dir() else []
    near = nearest(folder.name, names)
    return f"--more {shlex.quote(str(folder.parent / near))}" if near in names else FOLDER_HINT


def _align(folder: Path) -> str:
    return f"python -m train.utkface --data {shlex.quote(str(folder))} --align ALIGNED"


def _aligned_people(folder: Path) -> list[UtkFace]:
    """Return the adults that have a photo; DataError for photos that are not aligned."""
    named = read_utkface(folder)
    people = [person for person in named if person.photo.is_file()]
    if not people:
        raise DataError(f"none of the photos in {folder}'s labels.csv is there", _align(folder))
    if len(people) < len(named):
        log.info(f"{folder}: {counted(len(named) - len(people), 'photo')} left out: no such file")
    share = share_of_other_shape([person.photo for person in people])
    if share > MAX_OTHER_SHAPE:
        part = f"{100 * share:.0f} % of the photos in {folder}"
        raise DataError(f"{part} do not have the shape of aligned ones", _align(folder))
    return people


def _celeba(folder: Path) -> Split:
    """Return CelebA's training photos in a folder."""
    try:
        data = read_celeba(folder)
    except DataError as error:
        hint = f"--more{error.hint[6:]}" if error.hint.startswith("--data") else error.hint
        raise DataError(error.message, hint) from error
    if data.skipped:
        log.info(f"{folder}: {left_out_line(data)}")
    return data.splits["train"]


def _columns(found: Split, attributes: tuple[str, ...], folder: Path) -> np.ndarray:
    """Return the labels of `attributes`, uint8 (photos, attributes), UNKNOWN where absent."""
    labels = np.full((len(found), len(attributes)), UNKNOWN, np.uint8)
    common = [name for name in attributes if name in found.attributes]
    if not common:
        raise _nothing_to_learn(folder)
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
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([numbers[key] for key in keys], int)


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
    weights = (sizes.astype(float) ** -balance)[places]
    capped = np.zeros(len(weights), bool)
    while True:
        # Each photo that is limited leaves draws for the others, which may then need the limit too.
        scale = (len(weights) - MOST_DRAWS * capped.sum()) / weights[~capped].sum()
        over = ~capped & (scale * weights > MOST_DRAWS)
        if not over.any():
            return np.where(capped, MOST_DRAWS, scale * weights).astype(np.float32)
        capped |= over
