"""Whether a path from the command line is a log, and what it is instead."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UsageError, os_reason
from ..rowlog.csv_format import NO_DAY, first_day
from ..rowlog.locked_file import BLOCK
from ..rowlog.rotation import ARCHIVED, archived_files, rotated_files
from ..text import path_from_here

COMMAND = "python -m device.archive"
_OLDER = re.compile(r"(.+)\.\d{4}-\d\d-\d\d(?:_\d{3,})?(\.[^.]+)(?:\.gz)?", re.ASCII)


def require_log(path: Path) -> None:
    """Raise UsageError for what is no log and has no older files.

    A log that has a header and no rows yet is one, and so is one whose older files are left.
    """
    if path.is_dir():
        inside = path_from_here(path / "faces.csv")
        raise UsageError(f"{path} is a folder, not a log", f"{COMMAND} {inside}")
    if path.parent.is_dir() and (rotated_files(path) or archived_files(path)):
        return
    if older := _OLDER.fullmatch(path.name):
        suffix = ".csv" if older[2] == ARCHIVED else older[2]
        log = path.with_name(f"{older[1]}{suffix}")
        raise UsageError(
            f"{path.name} is the name of an older file, not of its log",
            f"{COMMAND} {path_from_here(log)}",
        )
    try:
        with path.open("rb") as file:
            head = file.read(BLOCK)
    except FileNotFoundError:
        raise UsageError(f"no log {path}", "the log's name, without a day") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {os_reason(error)}", "another log") from error
    if not head:
        raise UsageError(f"{path} is empty and has no older files", "the log of a run")
    if head.partition(b"\n")[2] and first_day(head) == NO_DAY:
        raise UsageError(f"{path} is no log: its first row has no time", "the log of a run")
