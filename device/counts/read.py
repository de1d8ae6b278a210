"""Read counts files again: one camera's or several, with their older files."""

import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SourceError, UsageError, os_reason
from ..files import open_regular
from ..rowlog.csv_format import unescaped
from .rows import BEGIN, COLUMNS, END, RUN, CountRow, parse_row

MAX_ROWS = 2_000_000  # of all files; a day of quarters of an hour has some 300


@dataclass(frozen=True)
class CountsFiles:
    """The rows of some files, in the order of their times, each once."""

    rows: Sequence[CountRow]
    damaged: int
    """Lines that are no rows."""

    @property
    def interruptions(self) -> int:
        """How many runs were cut off: what waited in them for a larger group is lost."""
        by_source: dict[str, list[str]] = {}
        for row in self.rows:
            if row.kind == RUN:
                by_source.setdefault(row.source, []).append(row.name)
        # The last run may still go on.
        return sum(
            first == BEGIN and second == BEGIN
            for names in by_source.values()
            for first, second in itertools.pairwise(names)
        )

    @property
    def model(self) -> str:
        """The model that the last run used; empty if unknown."""
        return self._facts.get("model", "")

    @property
    def min_group(self) -> int:
        """The smallest group of the last run; 0 if unknown."""
        text = self._facts.get("min_group", "")
        return int(text) if text.isdecimal() else 0

    @property
    def _facts(self) -> dict[str, str]:
        begun = [row.value for row in self.rows if row.kind == RUN and row.name != END]
        words = begun[-1].split() if begun else []
        return dict(word.split("=", 1) for word in words if "=" in word)


def read_counts(paths: Sequence[Path]) -> CountsFiles:
    """Return the rows of counts files, plain or .gz.

    Raises SourceError for a file that cannot be read, UsageError for one of other columns.
    """
    rows, damaged = set[CountRow](), 0
    for path in paths:
        for row in _rows_of(path):
            if row is None:
                damaged += 1
            else:
                rows.add(row)
            if len(rows) > MAX_ROWS:
                raise UsageError(f"more than {MAX_ROWS:,} rows", "the files of fewer weeks")
    return CountsFiles(sorted(rows, key=lambda row: (row.end, row.start, row.kind)), damaged)


def _rows_of(path: Path) -> Iterator[CountRow | None]:
    """Yield a file's rows; None for what is none."""
    try:
        with open_regular(path) as binary:
            zipped = path.suffix == ".gz"
            opened = gzip.GzipFile(fileobj=binary) if zipped else binary
            lines = csv.reader(io.TextIOWrapper(opened, "utf-8", "replace", newline=""))
            if tuple(next(lines, ())) != COLUMNS:
                raise UsageError(
                    f"{path} is no file of --counts: its columns are others",
                    "python -m device.run --counts counts.csv",
                )
            for fields in lines:
                try:
                    values = dict(zip(COLUMNS, map(unescaped, fields), strict=True))
                    yield parse_row(values)
                except (ValueError, KeyError):
                    yield None
    except FileNotFoundError:
        raise SourceError(f"no file {path}", "ls counts*.csv*") from None
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise SourceError(
            f"cannot read {path}: {os_reason(error)}", "another file, or a copy of it"
        ) from error
