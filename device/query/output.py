"""The rows of an answer as a table, as CSV or as JSON; text that no terminal obeys."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TextIO

from ..text import printable
from .engine import Answer

TABLE_ROWS = 1000  # more are not shown in a table
TABLE_WIDTH = 60  # characters of a cell in a table


def write_table(answer: Answer, out: TextIO) -> None:
    """Write a table with a line for each row, numbers to the right, up to TABLE_ROWS rows."""
    rows = list(islice(answer.rows, TABLE_ROWS + 1))
    shown = rows[:TABLE_ROWS]
    numeric = [
        all(isinstance(row[at], int | float | Decimal | None) for row in shown)
        for at in range(len(answer.columns))
    ]
    cells = [[_short(text(value)) for value in row] for row in shown]
    header = [_short(printable(name)) for name in answer.columns]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for line in (header, ["-" * width for width in widths], *cells):
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        out.write("  ".join(parts).rstrip() + "\n")
    if len(rows) > TABLE_ROWS:
        out.write(f"... the first {TABLE_ROWS:,} rows; --format csv writes all\n")


def write_csv(answer: Answer, out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(printable, answer.columns))
    for row in answer.rows:
        writer.writerow(text(value) for value in row)


def write_json(answer: Answer, out: TextIO) -> None:
    """Write an array with an object for each row, a row a line."""
    separator = "[\n"
    for row in answer.rows:
        record = dict(zip(answer.columns, map(plain, row), strict=True))
        out.write(separator + json.dumps(record, ensure_ascii=True, default=str))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


FORMATS: dict[str, Callable[[Answer, TextIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
}


def text(value: Any) -> str:
    """Return a value as a cell, "" for null."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
    return printable(value if isinstance(value, str) else json.dumps(value, default=str))


def plain(value: Any) -> Any:
    """Return a value as JSON has it; times are UTC, as in the logs."""
    if isinstance(value, datetime):
        stamp = value.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return f"{stamp}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.hex()
    return value


def _short(cell: str) -> str:
    return cell if len(cell) <= TABLE_WIDTH else cell[: TABLE_WIDTH - 3] + "..."
