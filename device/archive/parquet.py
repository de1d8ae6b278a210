"""Write an archive, and read it again as the rows that it was made of."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Stopped
from ..query.archived import META
from ..query.engine import connect
from ..query.views import QUOTE, quoted
from .columns import CLOCK, TIME, columns_of, line_of
from .digest import RowDigest, Source

if TYPE_CHECKING:
    import duckdb

MEMORY = "256MB"  # for sorting a day; beyond it DuckDB uses the disk
LEVEL = 19  # of zstd; a file of 9 is 5 % larger, and checking the rows takes far longer than both
FETCHED = 10_000  # rows
STOPPED = "stopped; what is not archived stays CSV"
# Differences of whole numbers and decimals instead: a tenth smaller, by what zstd makes of them.
NO_DICTIONARY = "DICTIONARY_SIZE_LIMIT 1"


@contextlib.contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a DuckDB for one archive at a time; UsageError without the package."""
    connection = connect()
    with tempfile.TemporaryDirectory(prefix="facet-archive-") as folder:
        try:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"SET temp_directory = {quoted(folder)}")
            connection.execute("SET threads = 1")  # the loop may be running
            yield connection
        finally:
            connection.close()


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[Source],
    header: Sequence[str],
    rows: RowDigest,
    target: Path,
) -> None:
    """Write the rows of CSV files with one header, sorted by track, on the disk when it returns.

    Raises duckdb.Error for a cell that is none of its column, or OSError.
    """
    columns = columns_of(header)
    names = ", ".join(quoted(str(source.path)) for source in sources)
    texts = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in header)
    scan = (
        f"read_csv([{names}], header = true, auto_detect = false, delim = ',', "
        f"quote = '\"', escape = '\"', columns = {{{texts}}})"
    )
    first = next(iter(header))
    parts = [f"{_cast(name, type)} AS {quoted(name, QUOTE)}" for name, (type, _) in columns.items()]
    parts.append(f"NOT ends_with({quoted(first, QUOTE)}, '?') AS {CLOCK}")
    # A face's rows are next to each other: their differences are small.
    order = [name for name in ("source", "track", first) if name in columns]
    keys = ", ".join(quoted(name, QUOTE) for name in order)
    about = metadata(sources, header, rows)
    query = f"SELECT * FROM (SELECT {', '.join(parts)} FROM {scan}) ORDER BY {keys}"
    connection.execute(
        f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd, "
        f"COMPRESSION_LEVEL {LEVEL}, PARQUET_VERSION v2, {NO_DICTIONARY}, USE_TMP_FILE false, "
        f"KV_METADATA {{{META}: {quoted(about)}}})"
    )
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cast(name: str, type: str) -> str:
    column = quoted(name, QUOTE)
    return f"CAST({f'''rtrim({column}, '?')''' if type == TIME else column} AS {type})"


def metadata(sources: Sequence[Source], header: Sequence[str], rows: RowDigest) -> str:
    """Return what an archive says about itself: units, files, rows and their digest."""
    columns = {
        name: {"type": type, "unit": unit} for name, (type, unit) in columns_of(header).items()
    }
    columns[CLOCK] = {"type": "BOOLEAN", "unit": "false: the time may be wrong"}
    return json.dumps(
        {
            "columns": columns,
            "files": [{"name": source.name, "sha256": source.sha256} for source in sources],
            "rows": rows.rows,
            "rows_sha256": rows.hex,
        }
    )


def digest_of(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    stopping: Callable[[], bool] = lambda: False,
) -> RowDigest:
    """Return the digest of an archive's rows, as lines of the log.

    Raises duckdb.Error for a damaged one; Stopped.
    """
    rows = RowDigest()
    cursor = connection.execute(f"SELECT * FROM read_parquet({quoted(str(path))})")
    while fetched := cursor.fetchmany(FETCHED):
        if stopping():
            raise Stopped(STOPPED)
        rows.add(map(line_of, fetched))
    return rows
