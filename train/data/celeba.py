"""Read CelebA: photos, 40 attributes, official partition; complete or a part of it.

The layouts are those of `train.data.celeba_files`; tables may have any separator and spelling that
`train.data.tables` reads, and their columns any order.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.errors import nearest
from device.log import log
from device.text import counted
from train.data.celeba_files import PARTITION, align_command, find_celeba, find_table
from train.data.photo_checks import find_readable, photo_key, share_of_other_shape
from train.data.split import (
    CORRECT_LINE,
    SPLITS,
    UNKNOWN,
    DataError,
    Dataset,
    Split,
    left_out_line,
    unknown_line,
)
from train.data.tables import Table, Truths, file_name, plain_name, read_table
from train.data.values import no_label_error

COPY_AGAIN = "--data FOLDER with CelebA, or copy this file again"
FULL_COUNTS = {"train": 162_770, "val": 19_867, "test": 19_962}  # complete CelebA
# The partition's values besides 0, 1 and 2.
SPLIT_NAMES = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1}
SPLIT_NAMES |= {"test": 2, "testing": 2}
SPLIT_COLUMNS = ("partition", "split", "set", "subset")
MAX_OTHER_SHAPE = 0.1  # share of the photos; aligned photos differ by rounding alone


ATTRIBUTES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)


PLAIN_NAMES = {plain_name(name): name for name in ATTRIBUTES}


def read_celeba(root: Path | str) -> Dataset:
    """Return CelebA in its three splits, from labels, partition and photos in a folder.

    The attributes are those of ATTRIBUTES that the labels have, in that order. Leaves out photos
    that are missing, truncated, or lack a label or a split. Raises DataError for a missing folder
    or file, a malformed line, a photo with two labels or splits, or photos that are not aligned.
    """
    files = find_celeba(Path(root))
    attributes, labels = _read_labels(files.labels)
    split_table = files.partition or _table_with_splits(Path(root), files.labels)
    partition = _with_names_of(labels, _read_partition(split_table))
    skipped = dict.fromkeys(labels.keys() - partition.keys(), "has no split")
    skipped |= dict.fromkeys(partition.keys() - labels.keys(), "has no label")
    names = [name for name in partition if name in labels]
    if not names:
        raise DataError(f"{files.labels} and {split_table} have no photo in common", COPY_AGAIN)
    renamed, unreadable = find_readable(files.photos, names)
    if len(unreadable) == len(names):
        raise DataError(
            f"{files.photos} has none of the {len(names)} photos in {files.labels} that can be "
            f"read, such as {names[0]} ({unreadable[names[0]]})",
            "labels and photos of one set, with equal names",
        )
    skipped |= unreadable
    splits = {}
    for index, split in enumerate(SPLITS):
        members = [n for n in names if partition[n] == index and n not in skipped]
        table = np.frombuffer(bytearray().join(labels[n] for n in members), np.uint8)
        table = table.reshape(-1, len(attributes))
        photos = tuple(files.photos / renamed.get(n, n) for n in members)
        splits[split] = Split(split, photos, table, attributes)
    _check_aligned(Path(root), files.photos, splits)
    return Dataset(splits, tuple(sorted(skipped.items())), attributes, "CelebA")


def _check_aligned(root: Path, folder: Path, splits: dict[str, Split]) -> None:
    share = share_of_other_shape([photo for split in splits.values() for photo in split.photos])
    message = f"{100 * share:.0f} % of the photos in {folder} do not have the shape of aligned ones"
    if share > MAX_OTHER_SHAPE:
        raise DataError(message, align_command(root))
    if share:
        log.info(message)


def _read_labels(path: Path) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Return the attributes, and a byte for each of them, 0, 1 or UNKNOWN, of every photo.

    Photos without any label are left out.
    """
    table = read_table(path, COPY_AGAIN)
    columns = _attribute_columns(table)
    photo, values = table.photo_column(), Truths()
    labels: dict[str, bytes] = {}
    for number, cells in table.rows:
        name = file_name(cells[photo])
        try:
            row = bytes([values[cells[column]] for column in columns.values()])
        except KeyError as error:
            raise DataError(
                f"{path}, line {number}: {error} is not 1 or -1", CORRECT_LINE
            ) from None
        if labels.setdefault(name, row) != row:
            raise DataError(
                f"{path}, line {number}: {name!r} has other labels in an earlier line",
                CORRECT_LINE,
            )
    # No label is 255 in a row of few photos only: the check costs nothing for a complete table.
    if labels and all(UNKNOWN in row for row in labels.values()):
        _check_any_label(path, tuple(columns), labels)
    nothing = bytes([UNKNOWN]) * len(columns)
    return tuple(columns), {name: row for name, row in labels.items() if row != nothing}


def _check_any_label(path: Path, attributes: tuple[str, ...], labels: dict[str, bytes]) -> None:
    table = np.frombuffer(b"".join(labels.values()), np.uint8).reshape(len(labels), -1)
    for column in np.flatnonzero((table == UNKNOWN).all(axis=0)):
        raise no_label_error(path, attributes[column])


def _attribute_columns(table: Table) -> dict[str, int]:
    """Return the column of each attribute that the table has; logs what is missing or ignored."""
    columns: dict[str, int] = {}
    found: dict[str, int] = {}
    for index, name in enumerate(table.header):
        other = columns.setdefault(plain_name(name), index)
        if other != index and plain_name(name) in PLAIN_NAMES:
            raise DataError(
                f"{table.path} has two columns {table.header[other]!r} and {name!r}",
                "delete one of them",
            )
    for plain, name in PLAIN_NAMES.items():
        if plain in columns:
            found[name] = columns[plain]
    if not found:
        first = ", ".join(table.header[:3] or table.first[:3])
        what = f"names none of CelebA's attributes in its first line ({first}, ...)"
        raise DataError(f"{table.path} {what if first else 'is empty'}", COPY_AGAIN)
    _log_differences(table, found)
    return found


def _log_differences(table: Table, found: dict[str, int]) -> None:
    missing = [name for name in ATTRIBUTES if name not in found]
    known = (*found.values(), table.photo_column())
    others = [
        name
        for index, name in enumerate(table.header)
        if index not in known and name.casefold() not in ("", *SPLIT_COLUMNS)
    ]
    if missing:
        near = nearest(missing[0], others) if others else ""
        hint = f"; is {near} {missing[0]}?" if near in others else ""
        log.info(
            f"{table.path} has {counted(len(found), 'attribute')}, without {_first(missing)}{hint}"
        )
    if others:
        log.info(f"{table.path}: ignored {_first(others)}, not among CelebA's attributes")


def _first(names: Sequence[str], limit: int = 5) -> str:
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")


def _read_partition(path: Path) -> dict[str, int]:
    table = read_table(path, COPY_AGAIN)
    photo = table.photo_column()
    column = _split_column(table, photo)
    partition: dict[str, int] = {}
    for number, cells in table.rows:
        name, split = file_name(cells[photo]), _split_index(cells[column])
        if split is None:
            raise DataError(
                f"{path}, line {number}: expected a photo and 0, 1 or 2, got {' '.join(cells)!r}",
                CORRECT_LINE,
            )
        earlier = partition.setdefault(name, split)
        if earlier != split:
            raise DataError(
                f"{path}, line {number}: {name!r} is in {SPLITS[earlier]} and in {SPLITS[split]}",
                CORRECT_LINE,
            )
    return partition


def _table_with_splits(root: Path, labels: Path) -> Path:
    """Return the labels if they have a column of splits; DataError without, as of a lost file."""
    names = {name.casefold() for name in read_table(labels, COPY_AGAIN).header}
    return labels if names.intersection(SPLIT_COLUMNS) else find_table(root, PARTITION)


def _split_column(table: Table, photo: int) -> int:
    names = [name.casefold() for name in table.header]
    named = [names.index(name) for name in SPLIT_COLUMNS if name in names]
    others = [index for index in range(len(table.first)) if index != photo]
    return (named or others or [photo])[0]


def _split_index(cell: str) -> int | None:
    """Return 0, 1 or 2 of a partition's value: 1, 1.0, val, Validation."""
    plain = cell.casefold().removesuffix(".0")
    return int(plain) if plain in ("0", "1", "2") else SPLIT_NAMES.get(plain)


def _with_names_of(labels: dict[str, bytes], partition: dict[str, int]) -> dict[str, int]:
    """Return the partition under the labels' names, if endings or zeros in front differ."""
    if not labels.keys().isdisjoint(partition):
        return partition
    names = {photo_key(name): name for name in labels}
    return {names.get(photo_key(name), name): split for name, split in partition.items()}


def summary(data: Dataset) -> str:
    """Return photos per split, positives per attribute and the photos left out, as text."""
    lines = [f"{'split':22}" + "".join(f"{name:>10}" for name in SPLITS)]
    splits = [data.splits[name] for name in SPLITS]
    lines.append(f"{'photos':22}" + "".join(f"{len(split):10,}" for split in splits))
    lines.append(f"{'(complete CelebA)':22}" + "".join(f"{n:10,}" for n in FULL_COUNTS.values()))
    for column, name in enumerate(data.attributes):
        counts = (int(split.positives()[column]) for split in splits)
        lines.append(f"{name:22}" + "".join(f"{count:10,}" for count in counts))
    lines += filter(None, [unknown_line(splits), left_out_line(data)])
    return "\n".join(lines)
