"""The views as SQL: one type for each column, whatever file it is from."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..rowlog.csv_format import escaped
from ..store.sqlite import open_read_only
from .files import COUNTS, CSV, FACES, LABELS, PARQUET, VISITS, DataFile

# Column -> type of each kind; what is in no list is an attribute, a DOUBLE from 0 to 1.
COLUMNS: Mapping[str, Mapping[str, str]] = {
    FACES: {
        "time": "TIMESTAMP",
        "clock_set": "BOOLEAN",
        "source": "VARCHAR",
        "frame": "BIGINT",
        "track": "BIGINT",
        "x": "INTEGER",
        "y": "INTEGER",
        "width": "INTEGER",
        "height": "INTEGER",
        "score": "DOUBLE",
        "state": "VARCHAR",
        "person": "VARCHAR",
        "person_score": "DOUBLE",
    },
    VISITS: {
        "id": "VARCHAR",
        "camera": "VARCHAR",
        "first_seen": "TIMESTAMP",
        "last_seen": "TIMESTAMP",
        "clock_set": "BOOLEAN",
        "source": "VARCHAR",
        "track": "BIGINT",
        "dwell_s": "DOUBLE",
        "frames_classified": "BIGINT",
        "person": "VARCHAR",
        "person_score": "DOUBLE",
    },
    COUNTS: {
        "start": "TIMESTAMP",
        "until": "TIMESTAMP",
        "clock_set": "BOOLEAN",
        "camera": "VARCHAR",
        "source": "VARCHAR",
        "kind": "VARCHAR",
        "name": "VARCHAR",
        "value": "VARCHAR",
        "visits": "BIGINT",
    },
    LABELS: {
        "path": "VARCHAR",
        "member": "VARCHAR",
        "frame": "INTEGER",
        "face": "INTEGER",
        "state": "VARCHAR",
        "reason": "VARCHAR",
        "model": "VARCHAR",
    },
}
RENAMED = {COUNTS: {"until": "end"}}  # what a file calls it: a word of SQL
FIRST = {FACES: "time", VISITS: "first_seen", COUNTS: "start"}  # whose "?" is the clock's mark
STORE_COLUMNS = {
    VISITS: tuple(COLUMNS[VISITS]),
    COUNTS: ("start", "until", "camera", "source", "kind", "name", "value", "visits"),
}
QUOTE = '"'  # around a name in SQL


def quoted(text: str, mark: str = "'") -> str:
    """Return a text as SQL: a string, or with the mark '"' a name."""
    return f"{mark}{text.replace(mark, 2 * mark)}{mark}"


def view(kind: str, files: Sequence[DataFile]) -> str:
    """Return the SELECT over all files of a kind."""
    return " UNION ALL BY NAME ".join(
        _select(kind, form, same) for form, same in _groups(kind, files)
    )


def raw(kind: str, files: Sequence[DataFile]) -> str:
    """Return the SELECT over the text of a kind's CSV files; "" without any."""
    groups = [same for form, same in _groups(kind, files) if form == CSV]
    return " UNION ALL BY NAME ".join(f"SELECT * FROM {_scan(CSV, same)}" for same in groups)


def _groups(kind: str, files: Sequence[DataFile]) -> list[tuple[str, list[DataFile]]]:
    """Return (format, files with the same columns) of a kind."""
    groups: dict[tuple[str, tuple[str, ...]], list[DataFile]] = {}
    for file in files:
        if file.kind == kind:
            groups.setdefault((file.format, file.columns), []).append(file)
    return [(form, same) for (form, _), same in groups.items()]


def types(kind: str, columns: Sequence[str]) -> dict[str, str]:
    """Return the type of each column of a kind's files, by the view's name for it."""
    back = {theirs: ours for ours, theirs in RENAMED.get(kind, {}).items()}
    named = [back.get(name, name) for name in columns]
    return {name: COLUMNS[kind].get(name, "DOUBLE") for name in named}


def cast(kind: str, name: str, type: str, form: str) -> str:
    """Return the expression of a column: its value in the view's type."""
    column = quoted(RENAMED.get(kind, {}).get(name, name), QUOTE)
    if form == CSV and type == "TIMESTAMP":
        column = f"rtrim({column}, '?')"
    return f"CAST({column} AS {type})"


def _select(kind: str, form: str, files: Sequence[DataFile]) -> str:
    known = types(kind, files[0].columns)
    parts = [
        f"{cast(kind, name, type, form)} AS {quoted(name, QUOTE)}" for name, type in known.items()
    ]
    if kind in FIRST and "clock_set" not in known:
        first = quoted(FIRST[kind], QUOTE)
        parts.insert(1, f"NOT ends_with({first}, '?') AS clock_set")
    parts.append("parse_filename(filename) AS file")
    return f"SELECT {', '.join(parts)} FROM {_scan(form, files)}"


def _scan(form: str, files: Sequence[DataFile]) -> str:
    names = ", ".join(quoted(str(file.path)) for file in files)
    if form == PARQUET:
        return f"read_parquet([{names}], filename = true)"
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in files[0].columns)
    return (
        f"read_csv([{names}], filename = true, header = true, auto_detect = false, delim = ',', "
        f"quote = '\"', escape = '\"', columns = {{{columns}}})"
    )


def export_store(path: Path, folder: Path) -> Iterator[DataFile]:
    """Write the visits and counts of a SQLite store as CSV files into a folder; yield them.

    DuckDB's own reader of SQLite is an extension that it would fetch from the network.
    """
    with contextlib.closing(open_read_only(path)) as connection:
        connection.row_factory = _as_dict
        connection.execute("BEGIN")  # one state of the store, while a run writes
        tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}
        for kind in (VISITS, COUNTS):
            if kind in tables:
                yield _export(connection, kind, path, folder)


def _as_dict(cursor: Any, row: tuple) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _export(connection: Any, kind: str, path: Path, folder: Path) -> DataFile:
    names: dict[str, None] = {}
    if kind == VISITS:
        for row in connection.execute("SELECT DISTINCT attributes FROM visits"):
            names.update(dict.fromkeys(json.loads(row["attributes"])))
    columns = (*STORE_COLUMNS[kind], *names)
    back = RENAMED.get(kind, {})
    header = [back.get(name, name) for name in columns]
    target = folder / f"{path.name}.{kind}"
    with target.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row in connection.execute(f"SELECT * FROM {kind}"):
            values = row | (json.loads(row["attributes"]) if kind == VISITS else {})
            writer.writerow([_cell(values.get(name)) for name in columns])
    return DataFile(target, CSV, tuple(header), kind)


def _cell(value: Any) -> Any:
    return escaped(value) if isinstance(value, str) else value
