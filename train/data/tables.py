"""Read CSV files of labels and figures: one reader, so that each fault has one line."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from device.errors import os_reason
from device.files import open_regular, read_regular
from train.data.split import CORRECT_LINE, DataError

MAX_BYTES = 256_000_000  # CelebA's labels take 25 MB


def read_fields(path: Path, hint: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a text file separated by blanks, or by commas for .csv.

    Raises DataError, with `hint`, if it is missing or no text in UTF-8.
    """
    separator = "," if path.suffix == ".csv" else None
    try:
        with io.TextIOWrapper(open_regular(path), "utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                fields = [field.strip() for field in line.strip().split(separator)]
                if any(fields):
                    yield number, fields
    except UnicodeDecodeError:
        raise DataError(f"cannot read {path}: it is not a text in UTF-8", hint) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {os_reason(error)}", hint) from error


def read_rows(path: Path, hint: str) -> list[list[str]]:
    """Return the lines of a CSV file in UTF-8, empty ones left out.

    Raises DataError, with `hint`, if it is missing, larger than MAX_BYTES or no CSV file.
    """
    try:
        content, _ = read_regular(path, MAX_BYTES)
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        return [row for row in csv.reader(text) if row]
    except UnicodeDecodeError:
        raise DataError(f"cannot read {path}: it is not a text in UTF-8", hint) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {os_reason(error)}", hint) from error


def read_columns(
    path: Path, columns: Mapping[str, Callable[[str], Any]], hint: str
) -> list[list[Any]]:
    """Return a row of converted values for each line: those of `columns`, {name: conversion}.

    Raises DataError if the file cannot be read, lacks a column, or for a value that its conversion
    refuses with ValueError; the message names the line.
    """
    header, *lines = read_rows(path, hint) or [[]]
    missing = [name for name in columns if name not in header]
    if missing:
        needed = ", ".join(columns)
        raise DataError(f"{path} has no column {missing[0]}, need {needed}", hint)
    indices = [(header.index(name), convert) for name, convert in columns.items()]
    rows = []
    for number, line in enumerate(lines, 2):
        try:
            rows.append([convert(line[index]) for index, convert in indices])
        except (ValueError, IndexError):
            raise DataError(
                f"{path}, line {number}: expected {','.join(columns)}", CORRECT_LINE
            ) from None
    return rows
