"""Find the values of a column of labels that are likely to be typing errors."""

import difflib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from train.data.own_labels import shortened
from train.data.photo_folder import spelling_key
from train.data.split import DataError
from train.data.tables import is_unknown, truth

NO_CLASS = {"", "nan", "na", "n/a", "null", "?", "-"}
SIMILAR, NEAR = 0.75, 2  # difflib's ratio of two spellings, and their difference in length
RARE = 0.02  # of another class: a rarer one that resembles it is a typing error of it
FEW_LINES, FEW_VALUES, FEWER = 2, 3, 10  # so few lines, of so few values, FEWER times rarer


@dataclass(frozen=True)
class Column:
    """A table's column of labels."""

    path: Path
    name: str
    cells: tuple[tuple[int, str], ...]  # line number, value

    def lines(self) -> dict[str, list[int]]:
        """Return {value: its line numbers}, the most frequent first."""
        lines: dict[str, list[int]] = defaultdict(list)
        for line, cell in self.cells:
            lines[cell].append(line)
        return dict(sorted(lines.items(), key=lambda entry: (-len(entry[1]), entry[0])))


def check_truths(column: Column, partial: bool) -> None:
    """Raise DataError, with the column's values, unless all of them mean yes or no.

    partial: some may also be unknown, but not all of them.
    """
    lines = column.lines()
    unknown = {value for value in lines if partial and is_unknown(value)}
    if unknown == lines.keys():
        raise no_label_error(column.path, column.name)
    odd = [value for value in lines if truth(value) is None and value not in unknown]
    odd.sort(key=lambda value: lines[value][0])
    if not odd:
        return
    hint = _correct(lines, odd)
    if 2 * sum(len(lines[value]) for value in odd) >= len(column.cells):
        hint = f"1 or 0, names of classes in one column alone, or no column {column.name}"
    raise DataError(
        f"{column.path}, line {lines[odd[0]][0]}: {odd[0]!r} is not 1 or 0; column {column.name} "
        f"has {_counts(lines)}",
        hint,
    )


def no_label_error(path: Path, column: str) -> DataError:
    """Return the error of a column of labels that are all unknown."""
    return DataError(
        f"{path}, column {column}: no photo has a label", "delete the column, or label photos"
    )


def check_classes(column: Column, spellings: dict[str, str]) -> None:
    """Raise DataError, with the column's values, if some are empty or are likely to be slips.

    spellings: {value: the class that it spells}.
    """
    lines: dict[str, list[int]] = defaultdict(list)
    for value, numbers in column.lines().items():
        lines[spellings[value]] += numbers
    missing = [name for name in lines if name.casefold() in NO_CLASS]
    slips = [name for name in lines if _is_slip(name, lines)]
    few = [name for name in lines if _is_few(name, lines)]
    if len(few) <= FEW_VALUES:
        slips += few
    doubtful = sorted({*missing, *slips}, key=lambda name: lines[name][0])
    if doubtful:
        raise DataError(
            f"{column.path}, column {column.name}: not clear which class is meant by "
            f"{shortened([name or 'an empty cell' for name in doubtful])}; it has {_counts(lines)}",
            f"{_correct(lines, doubtful)}, or if this is a class, a column of 1 and 0 per class",
        )


def _is_few(name: str, lines: dict[str, list[int]]) -> bool:
    count = len(lines[name])
    return count <= FEW_LINES and FEWER * count <= max(map(len, lines.values()))


def _is_slip(name: str, lines: dict[str, list[int]]) -> bool:
    """Return whether a class resembles a far more frequent one; of two classes, neither is one."""
    key = spelling_key(name)
    return len(lines) > 2 and any(
        len(lines[name]) <= RARE * len(lines[other])
        and abs(len(key) - len(spelling_key(other))) <= NEAR
        and difflib.SequenceMatcher(None, key, spelling_key(other)).ratio() >= SIMILAR
        for other in lines
    )


def _counts(lines: dict[str, list[int]]) -> str:
    return shortened([f"{value or 'empty'} ({len(numbers)})" for value, numbers in lines.items()])


def _correct(lines: dict[str, list[int]], values: list[str]) -> str:
    numbers = sorted(number for value in values for number in lines[value])
    return f"correct or delete {'line' if len(numbers) == 1 else 'lines'} " + shortened(
        [str(number) for number in numbers]
    )
