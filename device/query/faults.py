"""DuckDB's errors in one line, with the column where they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError, UsageError, one_line
from ..text import printable
from .files import CSV, KINDS, DataFile
from .views import FIRST, cast, quoted, raw, types

if TYPE_CHECKING:
    import duckdb

QUESTION = '"select ... from faces"'
_CARET = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
_KIND = re.compile(r"^[A-Za-z ]+ Error: ")
_TABLE = re.compile(r"Table with name (\S+) does not exist")
_COLUMN = re.compile(r'Referenced column "([^"]+)" (?:was )?not found')
_CANDIDATES = re.compile(r"Candidate bindings: (.*)")
_DENIED = re.compile(r'Cannot access (?:file|directory) "([^"]*)"|external extensions')


def explained(
    error: duckdb.Error,
    sql: str,
    files: Sequence[DataFile],
    connection: duckdb.DuckDBPyConnection,
) -> FacetError:
    """Return the error to raise for one of DuckDB's."""
    text = str(error)
    where = _position(text, sql)
    if found := _DENIED.search(text):
        name = found[1] or "an extension"
        return UsageError(f"{name} may not be opened: only the files named may{where}", QUESTION)
    if found := _TABLE.search(text):
        return _no_table(found[1], where, files)
    if found := _COLUMN.search(text):
        candidates = _CANDIDATES.search(text)
        names = re.findall(r'"([^"]+)"', candidates[1]) if candidates else []
        hint = names[0] if names else '"describe faces", which lists the columns'
        return UsageError(f"no column {found[1]}{where}", hint)
    if "Conversion Error" in text and (place := _bad_value(files, connection)):
        return FacetError(place, "correct that cell, or leave the file out")
    if "CSV Error" in text:
        return FacetError(_csv_fault(text), "correct that line, or leave the file out")
    first = _KIND.sub("", text.split("\n\n")[0].split("\nLINE ")[0])
    return UsageError(f"{one_line(first, 300)}{where}", QUESTION)


def _position(text: str, sql: str) -> str:
    """Return " at column 8" for the caret below a line of the query; "" without one."""
    found = _CARET.search(text)
    if not found:
        return ""
    number, shown = int(found[1]), found[2]
    column = len(found[3]) - len(f"LINE {number}: ")
    lines = sql.split("\n")
    if shown.startswith("...") and number <= len(lines):
        # A long line is shown in part.
        column += lines[number - 1].find(shown.strip(".")) - 3
    line = f"line {number}, " if len(lines) > 1 else ""
    return f" at {line}column {column + 1}"


def _no_table(name: str, where: str, files: Sequence[DataFile]) -> UsageError:
    there = sorted({file.kind for file in files})
    if name.lower() in KINDS:
        message = f"none of the files has {name}; they have {' and '.join(there)}{where}"
        return UsageError(message, f"name a file of {name} after the query")
    return UsageError(f"no table {name}{where}", " or ".join(there))


def _bad_value(files: Sequence[DataFile], connection: duckdb.DuckDBPyConnection) -> str:
    """Return the first cell that is no value of its column's type; "" if there is none."""
    import duckdb

    for file in files:
        if file.format != CSV:
            continue
        for name, type in types(file.kind, file.columns).items():
            value = cast(file.kind, name, type, CSV)
            tried = value.replace("CAST(", "TRY_CAST(", 1)
            column = value.removeprefix("CAST(").removesuffix(f" AS {type})")
            query = (
                f"SELECT {column} FROM ({raw(file.kind, [file])}) "
                f"WHERE {column} IS NOT NULL AND {tried} IS NULL LIMIT 1"
            )
            try:
                found = connection.execute(query).fetchone()
            except duckdb.Error:
                return ""
            if found:
                what = "time" if name == FIRST.get(file.kind) or type == "TIMESTAMP" else "number"
                cell = printable(one_line(found[0], 60))
                return f"{file.path.name}: column {name} has {quoted(cell)}, which is no {what}"
    return ""


def _csv_fault(text: str) -> str:
    """Return the file, line and reason of a line that is no row."""
    line = re.search(r"CSV Error on Line: (\d+)", text)
    file = re.search(r"file = (.+)|File: (.+)", text)
    reason = re.search(r"\n((?:Expected|Missing|Value|Maximum|Invalid|Error when)[^\n]*)", text)
    name = Path((file[1] or file[2]).strip()).name if file else "a file"
    place = f" line {line[1]}" if line else ""
    return f"{name}{place}: {one_line(reason[1] if reason else text.split(chr(10))[0])}"
