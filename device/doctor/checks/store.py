"""Check the database of visits, if there is one; nothing is written to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from shlex import quote

from ...errors import one_line
from ...settings import Settings
from ...store.schema import VERSION
from ...store.sqlite import OTHER, describe
from ...text import counted
from ..check_result import CheckResult, failure, ok, warning
from ..system import System
from .computer import folder_fault, nearest_folder


def database(system: System, settings: Settings) -> CheckResult:
    """Whether a run can store visits in the file of [store], and what it holds."""
    path = settings.store.file
    assert path
    if fault := folder_fault(system, nearest_folder(path)):
        return fault
    if not path.exists():
        return ok(f"{path} is made by the next run")
    try:
        found = describe(path)
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB:
            return failure(f"{path} is no SQLite file", OTHER)
        move = f"mv {quote(str(path))} {quote(f'{path}.damaged')}; the next run makes a new one"
        return failure(f"{path} cannot be read: {one_line(error)}", move)
    if not os.access(path, os.W_OK):
        return failure(f"{system.user} may not write {path}", f"ls -l {quote(str(path))}")
    message = f"{path}: {counted(found.visits, 'visit')}, {_size(path)}"
    if found.version > VERSION:
        return failure(
            f"{message}, of a newer Facet (tables {found.version}, this one knows {VERSION})",
            f"update Facet, or {OTHER}",
        )
    if found.version < VERSION:
        return ok(f"{message}; the next run brings its tables from {found.version} to {VERSION}")
    if not settings.store.keep_days:
        return warning(f"{message}, and none is ever deleted", "keep_days = 30 in [store]")
    return ok(f"{message}, kept for {counted(settings.store.keep_days, 'day')}")


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
