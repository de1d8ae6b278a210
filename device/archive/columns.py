"""The types and units of an archive's columns: each cell can be written again as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ..query.files import FACES, VISITS, kind_of

CLOCK = "clock_set"  # a column of archives: false where a time ended in "?"
TIME, WHOLE, TEXT = "TIMESTAMP_MS", "INTEGER", "VARCHAR"
TENTHS, PROBABILITY = "DECIMAL(12, 1)", "DECIMAL(4, 3)"
TIMES = ("time", "first_seen", "last_seen", "start", "end")
# Column -> (type, unit or meaning); the others are attributes, or text in other logs.
COLUMNS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(TIMES, (TIME, "UTC")),
    **dict.fromkeys(("x", "y", "width", "height"), (WHOLE, "px")),
    **dict.fromkeys(("frame", "track", "frames_classified", "visits"), ("BIGINT", "")),
    "score": (PROBABILITY, "0 to 1"),
    "person_score": (PROBABILITY, "similarity, 0 to 1"),
    "dwell_s": (TENTHS, "s"),
    **dict.fromkeys(
        ("source", "state", "person", "kind", "name", "value", "line", "direction"), (TEXT, "")
    ),
}
ATTRIBUTE = (PROBABILITY, "calibrated probability, 0 to 1")


def columns_of(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return {column: (type, unit)} of a log with this header."""
    other = ATTRIBUTE if kind_of(header) in (FACES, VISITS) else (TEXT, "")
    return {name: COLUMNS.get(name, other) for name in header}


def line_of(row: Sequence[Any]) -> bytes:
    """Return an archive's row as the line of the log that it was made of.

    row: the log's columns, then CLOCK.
    """
    mark = "" if row[-1] else "?"
    text = io.StringIO()
    first = True
    cells = []
    for value in row[:-1]:
        cells.append(_cell(value, mark if first else ""))
        first = False
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cell(value: Any, mark: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='milliseconds')}Z{mark}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
