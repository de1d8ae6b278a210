"""Read the labels of one's own photos from a labels.csv."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from device.log import log
from train.data.own_labels import (
    OWN_PHOTOS_HELP,
    SHOWN,
    LabelledPhoto,
    OwnLabels,
    attributes_of,
    check_people,
    one_hot,
    one_spelling,
    shortened,
    split_hint,
    split_named,
)
from train.data.photo_folder import PhotoFolder, PhotoNames, nfc
from train.data.split import CORRECT_LINE, SPLITS, UNKNOWN, DataError
from train.data.tables import Table, Truths, number, read_table, truth
from train.data.values import Column, check_classes, check_truths

SPLIT_COLUMNS = ("split", "partition", "subset")
PERSON_COLUMNS = ("person", "person_id", "identity", "subject", "subject_id")
MOST_NUMBERS = 20  # different numbers in a column of classes; more are a measurement


@dataclass(frozen=True)
class _Columns:
    """The indices of a table's columns; -1 for none."""

    photo: int
    split: int
    person: int
    labels: tuple[int, ...]


def read_label_table(folder: PhotoFolder, path: Path) -> OwnLabels:
    """Return the labels that a table gives to a folder's photos.

    Raises DataError for a table that cannot be read, has no labels, or has values, splits or people
    that contradict each other or are likely to be typing errors.
    """
    table = read_table(path, OWN_PHOTOS_HELP)
    columns = _columns(table)
    lines = list(table.rows)
    if not lines:
        raise DataError(f"{path} names no photo", OWN_PHOTOS_HELP)
    cells = [
        Column(path, table.header[index], tuple((line, row[index]) for line, row in lines))
        for index in columns.labels
    ]
    attributes, labels = _labels(cells)
    files, skipped = _files(folder, path, [(line, row[columns.photo]) for line, row in lines])
    splits = _splits(table, columns.split, lines, files)
    photos = [
        LabelledPhoto(
            file,
            row_labels,
            split,
            nfc(row[columns.person]).casefold() if columns.person >= 0 else "",
            tuple(row[index] for index in columns.labels),
        )
        for file, row_labels, split, (_, row) in zip(files, labels, splits, lines, strict=True)
        if file and set(row_labels) != {UNKNOWN}
    ]
    check_people(photos)
    labelled = {photo.file for photo in photos}
    skipped |= {file: "has no label" for file in folder.photos if file not in labelled}
    names = tuple(table.header[index] for index in columns.labels)
    return OwnLabels(folder.root, attributes, tuple(photos), skipped, names)


def _columns(table: Table) -> _Columns:
    if not table.header:
        what = f"names no columns: its first line is {','.join(table.first[:4])}"
        raise DataError(f"{table.path} {what if table.first else 'is empty'}", OWN_PHOTOS_HELP)
    names = [name.casefold() for name in table.header]
    photo = table.photo_column()
    split, person = (
        next((i for i, name in enumerate(names) if name in known and i != photo), -1)
        for known in (SPLIT_COLUMNS, PERSON_COLUMNS)
    )
    labels = tuple(i for i in range(len(names)) if i not in (photo, split, person))
    if not labels:
        raise DataError(
            f"{table.path} has no column besides the names of the photos", OWN_PHOTOS_HELP
        )
    for index in labels:
        if not names[index]:
            raise DataError(
                f"{table.path}: column {index + 1} has no name", "a name in the first line"
            )
        if split_named(names[index].removeprefix("is_")):
            raise DataError(
                f"{table.path}: column {table.header[index]} is named as a split",
                "a column split with train, val or test, or another name",
            )
    return _Columns(photo, split, person, labels)


def _labels(columns: list[Column]) -> tuple[tuple[str, ...], list[tuple[int, ...]]]:
    """Return the attributes, and every line's labels: 0, 1, or UNKNOWN of an empty cell."""
    only = columns[0]
    known = sum(truth(cell) is not None for _, cell in only.cells)
    if len(columns) > 1 or 2 * known >= len(only.cells):
        for column in columns:
            check_truths(column, partial=len(columns) > 1)
        values_of = Truths()
        table = zip(*([values_of[cell] for _, cell in c.cells] for c in columns), strict=True)
        return tuple(column.name for column in columns), list(table)
    values = [cell for _, cell in only.cells]
    if len(set(values)) > MOST_NUMBERS and all(number(cell) is not None for cell in set(values)):
        raise DataError(
            f"{only.path}, column {only.name}: {len(set(values))} different numbers",
            "names of classes, such as young and old, or 1 for yes and 0 for no",
        )
    classes = one_spelling(values)
    check_classes(only, classes)
    for value, name in sorted(classes.items()):
        if value != name:
            log.info(f"{only.path}: {value} and {name} are one class: {name}")
    if len(set(classes.values())) < 2:
        raise DataError(f"{only.path}: all photos are {values[0]!r}, need two", OWN_PHOTOS_HELP)
    attributes = attributes_of(set(classes.values()))
    labels = {name: one_hot(name, attributes) for name in classes.values()}
    return attributes, [labels[classes[value]] for value in values]


def _files(
    folder: PhotoFolder, path: Path, cells: list[tuple[int, str]]
) -> tuple[list[str], dict[str, str]]:
    """Return each line's photo, "" for none, and the reason of each name without a photo."""
    names = PhotoNames(folder)
    files = [names.exact(cell) or "" for _, cell in cells]
    lines: dict[str, list[int]] = defaultdict(list)
    for file, (line, _) in zip(files, cells, strict=True):
        lines[file].append(line)
    taken = set(files)
    skipped = {}
    for index, (line, cell) in enumerate(cells):
        if files[index]:
            continue
        photos = [photo for photo in names.candidates(cell) if photo not in taken]
        if len(photos) == 1:
            files[index] = photos[0]
            lines[photos[0]].append(line)
        elif photos:
            skipped[cell] = f"may be {' or '.join(photos[:SHOWN])}"
        elif cell:
            skipped[cell] = _missing(folder.root, cell)
        else:
            raise DataError(f"{path}, line {line}: names no photo", CORRECT_LINE)
    if not any(files):
        name, reason = next(iter(skipped.items()))
        inside = "names of photos in the folder of the table"
        raise DataError(
            f"none of the {len(cells)} labels in {path} has a photo: {name} {reason}",
            f"{path.name} in {(folder.root / name).parent}" if "below" in reason else inside,
        )
    for file, numbers in lines.items():
        if file and len(numbers) > 1:
            raise DataError(
                f"{path}, lines {', '.join(map(str, numbers[:SHOWN]))}: duplicate photo {file!r}",
                "one line for each photo",
            )
    return files, skipped


def _missing(root: Path, name: str) -> str:
    if (root / name).is_file():
        return "is no photo, or is hidden" if _is_below(root, name) else f"is not below {root}"
    return "no such file"


def _is_below(root: Path, name: str) -> bool:
    return (root / name).resolve().is_relative_to(root.resolve())


def _splits(
    table: Table, column: int, lines: list[tuple[int, tuple[str, ...]]], files: list[str]
) -> list[str]:
    """Return each line's split: of its column, else of the photo's folder; "" for none."""
    if column < 0:
        folders = [split_named(file.partition("/")[0]) if "/" in file else "" for file in files]
        found = all(split for split, file in zip(folders, files, strict=True) if file)
        return folders if found else [""] * len(files)
    cells = [row[column] for _, row in lines]
    official = dict(zip(("0", "1", "2"), SPLITS, strict=True))  # as in CelebA's partition
    known = official if set(cells) <= set(official) and len(set(cells)) > 2 else {}
    splits = [known.get(cell) or split_named(cell) for cell in cells]
    if not all(splits):
        index = splits.index("")
        counts = [f"{cell or 'empty'} ({count})" for cell, count in Counter(cells).most_common()]
        raise DataError(
            f"{table.path}, line {lines[index][0]}: split {cells[index]!r}, expected train, val or "
            f"test; the column has {shortened(counts)}",
            split_hint(cells[index]),
        )
    return splits
