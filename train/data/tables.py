"""Read tables of labels and figures as people have them: the one reader of every table here.

`read_lines` finds encoding and separator; this finds the names of the columns, leaves out an index
column and takes values in their usual spellings.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.camera.image_io import PHOTO_ENDINGS
from device.text import counted
from train.data.split import CORRECT_LINE, UNKNOWN, DataError
from train.data.text_lines import Line, read_lines

Conversion = Callable[[str], Any]
ENDINGS = tuple(PHOTO_ENDINGS)
# Names of the column with the photos' names, without "_id", "_name" and "_path".
PHOTO_COLUMNS = ("file", "image", "photo", "picture", "img", "path", "filename", "imagename")
# pandas' names of a column without one; R has none
INDEX_NAME = re.compile(r"(unnamed: *[\d.]+(_level_\d+)?|index|id|#)?", re.IGNORECASE)
# Spreadsheets write their truth values in the user's language.
YES = {"true", "t", "yes", "y", "on", "wahr", "ja", "vrai", "oui", "verdadero", "vero"}
NO = {"false", "f", "no", "n", "off", "falsch", "nein", "faux", "non"}
NO |= {"falso"}  # codespell:ignore falso
UNKNOWN_CELLS = {"", "?", "-", "na", "n/a", "<na>", "nan", "none", "null", "unknown"}


@dataclass(frozen=True)
class Table:
    """A table's columns and lines."""

    path: Path
    header: tuple[str, ...]  # NFC; () if the file is empty or its first line is that of a photo
    first: tuple[str, ...]  # the first row's cells; () without rows
    rows: Iterator[Line]  # line number, a cell per column; reads the file as it goes, once

    def photo_column(self) -> int:
        """Return the index of the column with the photos' names: by its cells, else its name."""
        return _photo_column(self.header or self.first, self.first)

    def column(self, name: str, hint: str) -> int:
        """Return the index of a column, in any spelling; DataError without such a column.

        A name such as file stands for the column of the photos, whatever its name.
        """
        names = [plain_name(column) for column in self.header]
        if plain_name(name) in names:
            return names.index(plain_name(name))
        if is_photo_column(name) and _names_photo(self.first):
            return self.photo_column()
        have = f"has {', '.join(self.header[:5])}" if self.header else "names no columns"
        raise DataError(f"{self.path} has no column {name}: its first line {have}", hint)


class Truths(dict[str, int]):
    """1 or 0 of a cell that means yes or no, UNKNOWN of an empty one; KeyError for other cells.

    Each spelling once.
    """

    def __missing__(self, cell: str) -> int:
        value = truth(cell)
        if value is None and not is_unknown(cell):
            raise KeyError(cell)
        return self.setdefault(cell, UNKNOWN if value is None else int(value))


def plain_name(name: str) -> str:
    """Return a column's name without case, blanks and signs: 5_o_Clock_Shadow, X5.o.Clock.Shadow.

    R writes an X before digits.
    """
    plain = re.sub(r"[\W_]+", "", name.casefold())
    return plain[1:] if re.match(r"x\d", plain) else plain


def file_name(cell: str) -> str:
    """Return the file name of a path with / or \\."""
    return re.split(r"[/\\]", cell)[-1] if "/" in cell or "\\" in cell else cell


def truth(cell: str) -> bool | None:
    """Return the meaning of a yes or no value: 1, 1.0, True, yes; 0, -1, -1.0, FALSE, no.

    None for any other cell, an empty one too.
    """
    text = cell.strip().strip("\"'").casefold()
    if text in YES or text in NO:
        return text in YES
    value = number(text.replace("\u2212", "-"))
    return value == 1 if value in (1, 0, -1) else None


def is_unknown(cell: str) -> bool:
    """Return whether a cell is empty, or says that its value is not known: ?, NaN, n/a."""
    return cell.strip().strip("\"'").casefold() in UNKNOWN_CELLS


def is_photo_column(name: str) -> bool:
    """Return whether a column's name says that it holds the names of photos, such as image_id."""
    plain = re.sub(r"[\s_.-]+(id|name|path|file)s?$", "", name.strip().casefold())
    return plain.removesuffix("s") in PHOTO_COLUMNS


def number(cell: str) -> float | None:
    """Return a cell's number, with a decimal point or comma; None if it is none."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def whole(cell: str) -> int:
    """Return a cell's whole number, such as 31 or 31.0; ValueError for other cells."""
    value = number(cell)
    if value is None or not value.is_integer():
        raise ValueError(f"{cell!r} is no whole number")
    return int(value)


def read_table(path: Path, hint: str) -> Table:
    """Return the table of a text file; the rows are read when they are iterated over.

    Raises DataError, with `hint`, if the file is missing, too large or no text, or if two columns
    have one name; `rows` raises it for a line with more or fewer cells than columns.
    """
    lines = read_lines(path, hint)
    top = next(lines, None)
    if top is None:
        return Table(path, (), (), iter(()))
    header: tuple[str, ...] = ()
    if not _is_row(top[1]):
        header, top = _without_empty_end(top[1]), next(lines, None)
    if top is None:
        return Table(path, _unique(path, header), (), iter(()))
    width = len(_without_empty_end(top[1]))
    # The official CelebA and R's write.table do not name the first column.
    if (
        header
        and width == len(header) + 1
        and not (_names_photo(top[1][:1]) and is_photo_column(header[0]))
    ):
        header = ("", *header)
    index = _index_columns(header, top[1])
    rows = _rows(path, itertools.chain([top], lines), len(header) or width, index)
    first = next(rows)
    header = _unique(path, header[index:])
    return Table(path, header, first[1], itertools.chain([first], rows))


def _names_photo(cells: tuple[str, ...]) -> bool:
    return any(cell.lower().endswith(ENDINGS) for cell in cells)


def _is_row(cells: tuple[str, ...]) -> bool:
    """Return whether a first line is not the columns' names, nor pandas' numbers of them."""
    counts = [str(index) for index in range(len(cells))]
    numbers = all(number(cell) is not None for cell in cells)
    return _names_photo(cells) or (numbers and list(cells) != counts)


def _without_empty_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    width = len(cells)
    while width and not cells[width - 1]:
        width -= 1
    return cells[:width]


def _unique(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    for name in header:
        if name and header.count(name) > 1:
            raise DataError(f"{path} has two columns {name!r}", "rename or delete one of them")
    return header


def _photo_column(header: tuple[str, ...], first: tuple[str, ...]) -> int:
    def likelihood(index: int) -> tuple[bool, bool]:
        return _names_photo(first[index : index + 1]), is_photo_column(header[index])

    return max(range(len(header)), key=likelihood, default=0)


def _index_columns(header: tuple[str, ...], first: tuple[str, ...]) -> int:
    """Return how many columns at the start only count the rows, as pandas and R write them."""
    photo = _photo_column(header, first)
    count = 0
    while count < photo and INDEX_NAME.fullmatch(header[count]) and first[count].isdecimal():
        count += 1
    return count


def _rows(path: Path, lines: Iterator[Line], width: int, index: int) -> Iterator[Line]:
    for line, cells in lines:
        if len(cells) > width:
            cells = cells[:width] + _without_empty_end(cells[width:])
        if len(cells) != width:
            raise DataError(
                f"{path}, line {line}: {counted(len(cells), 'cell')}, expected {width}",
                CORRECT_LINE,
            )
        yield line, cells[index:]


def read_columns(path: Path, columns: Mapping[str, Conversion], hint: str) -> list[list[Any]]:
    """Return a row of converted values for each line: those of `columns`, {name: conversion}.

    Raises DataError if the file cannot be read, lacks a column, or for a value that its conversion
    refuses with ValueError; the message names the line.
    """
    table = read_table(path, hint)
    indices = [(table.column(name, hint), convert) for name, convert in columns.items()]
    values = []
    for line, cells in table.rows:
        try:
            values.append([convert(cells[index]) for index, convert in indices])
        except ValueError:
            raise DataError(
                f"{path}, line {line}: expected {','.join(columns)}", CORRECT_LINE
            ) from None
    return values
