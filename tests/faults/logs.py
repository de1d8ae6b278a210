"""The rows in a log's files, to compare with the rows that its program reported."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.rowlog.rotation import rotated_files

Key = tuple[str, str, str]  # a row's time, frame and track


@dataclass(frozen=True)
class ReportedRow:
    """A row that the log has taken, as the witness reports it."""

    key: Key
    at_s: float  # when it was reported, s of the monotonic clock

    @classmethod
    def of(cls, line: str) -> "ReportedRow":
        *key, at_s = line.split()
        return cls((key[0], key[1], key[2]), float(at_s))


@dataclass(frozen=True)
class Log:
    """The rows of a log's current and older files."""

    rows: tuple[dict[str, str], ...]  # in the files' order
    broken: int  # lines that are not a row, and rows that occur twice

    @property
    def keys(self) -> set[Key]:
        return {key(row) for row in self.rows}


def key(row: dict[str, str]) -> Key:
    return row["time"], row["frame"], row["track"]


def read_log(log: Path, *others: Path) -> Log:
    """Return the rows of the log, of its older files and of `others`."""
    rows: list[dict[str, str]] = []
    broken = 0
    for path in [*others, *(older.path for older in rotated_files(log)), log]:
        found, bad = _read(path)
        rows += found
        broken += bad
    twice = sum(count - 1 for count in Counter(map(key, rows)).values())
    return Log(tuple(rows), broken + twice)


def _read(path: Path) -> tuple[list[dict[str, str]], int]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    complete, _, torn = content.rpartition(b"\n")
    lines = complete.split(b"\n")
    header = lines[0].decode().split(",")
    columns = len(header) - ("person" in header) - ("person_score" in header)  # those are last
    rows, broken = [], int(bool(torn))
    for line in lines[1:]:
        fields = _fields(line)
        if (
            len(fields) == len(header)
            and fields[0].endswith(("Z", "Z?"))
            and _are_numbers(fields[10:columns])
        ):
            rows.append(dict(zip(header, fields, strict=True)))
        else:
            broken += 1
    return rows, broken


def _fields(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode()]), []) if b"\0" not in line else []
    except (UnicodeDecodeError, csv.Error):
        return []


def _are_numbers(fields: Sequence[str]) -> bool:
    return all(not text or (len(text) == 5 and 0 <= float(text) <= 1) for text in fields)


@dataclass(frozen=True)
class Loss:
    """Rows that are missing."""

    rows: int
    longest_s: float  # how long before the end the oldest missing row was reported

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(self.rows + other.rows, max(self.longest_s, other.longest_s))


NOTHING = Loss(0, 0.0)


def lost(reported: Iterable[ReportedRow], ended_s: float, keys: set[Key]) -> Loss:
    """Return how many of the rows reported until `ended_s` are not among `keys`."""
    missing = (row for row in reported if row.at_s <= ended_s and row.key not in keys)
    ages = [ended_s - row.at_s for row in missing]
    return Loss(len(ages), max(ages, default=0.0))
