"""What an archive says about itself; and the CSV files that are archived already, passed over."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import CSV, PARQUET, DataFile
from .views import quoted

if TYPE_CHECKING:
    import duckdb

META = "facet"  # key of an archive's metadata, a JSON text


def read_metadata(connection: duckdb.DuckDBPyConnection, path: Path) -> Mapping[str, Any]:
    """Return what an archive says about itself; {} for another or a damaged Parquet file."""
    import duckdb

    query = f"SELECT value FROM parquet_kv_metadata({quoted(str(path))}) WHERE key = '{META}'"
    try:
        found = connection.execute(query).fetchone()
        content = json.loads(bytes(found[0])) if found else {}
    except (duckdb.Error, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def archived_texts(about: Mapping[str, Any]) -> dict[str, str]:
    """Return {name of a CSV file: SHA-256 of its text} of the files in an archive."""
    files = about.get("files", [])
    return {str(file.get("name")): str(file.get("sha256")) for file in files}


def without_archived(
    connection: duckdb.DuckDBPyConnection, files: Sequence[DataFile]
) -> list[DataFile]:
    """Return the files without CSV files whose rows are in an archive among them.

    So it is after a power cut between the archive and the deletion of what it was made of.
    """
    archived = {
        (file.path.parent, name): sha256
        for file in files
        if file.format == PARQUET
        for name, sha256 in archived_texts(read_metadata(connection, file.path)).items()
    }
    return [file for file in files if not _is_in(archived, file)]


def _is_in(archived: Mapping[tuple[Path, str], str], file: DataFile) -> bool:
    if file.format != CSV:
        return False
    sha256 = archived.get((file.path.parent, file.path.name.removesuffix(".gz")))
    return sha256 is not None and sha256 == _sha256(file.path)


def _sha256(path: Path) -> str:
    text = hashlib.sha256()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while block := file.read(2**20):
                text.update(block)
    except (OSError, EOFError, zlib.error):
        return ""  # the query will name the fault
    return text.hexdigest()
