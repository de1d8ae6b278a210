"""From which day the age of a log's older file counts, also where a clock was wrong meanwhile."""

import contextlib
import errno
import gzip
import os
import stat
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from .clock import FIRST_DAY, TIME_SERVER, is_plausible
from .csv_format import is_unset
from .locked_file import BLOCK


def age_day(path: Path, day: str, today: date) -> str:
    """Return the day from which the age of a file of this day counts, 2026-11-22.

    The day of its rows, unless the clock was wrong then: in 1970, or in the future. Then it is the
    day on which the file got its name, or, if the clock was still wrong, today.
    """
    return day if is_plausible(day, today) else _day_of_name(path, today)


def _day_of_name(path: Path, today: date, after: str = FIRST_DAY) -> str:
    """Return the day on which a file got its name.

    Today, noted in the file's st_ctime, if that was no later than a day after `after`: the clock
    was still wrong then.
    """
    try:
        earliest = (date.fromisoformat(after) + timedelta(days=1)).isoformat()
        status = path.lstat()
        named = named_day(status)
        if named <= earliest or not is_plausible(named, today):
            named = today.isoformat()
            times = (status.st_atime_ns, status.st_mtime_ns)
            os.utime(path, ns=times, follow_symlinks=False)  # its st_ctime is now
    except (OSError, OverflowError, ValueError):
        return today.isoformat()
    return named


def named_day(status: os.stat_result) -> str:
    """Return the day on which a file last got a name, rights or content."""
    return datetime.fromtimestamp(status.st_ctime, UTC).date().isoformat()


def is_before(limit: str, path: Path, day: str, today: date) -> bool:
    """Whether the age of a file of this day counts from before the day `limit`.

    The age of a file whose last row has the mark of a clock that was not set counts from when the
    file got its name, once a time server has set the clock: its day may be long before the truth.
    """
    if age_day(path, day, today) >= limit:
        return False
    if TIME_SERVER.is_awaited() or not is_unset(last_row(path)):
        return True
    return _day_of_name(path, today, after=day) < limit


def last_row(path: Path) -> bytes:
    """Return the last row of a plain or compressed file; b"" if it cannot be read as text."""
    end = b""
    if path.suffix == ".parquet":  # an archive: the clock was set
        return end
    with contextlib.suppress(OSError, EOFError, zlib.error):
        require_file(path)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while block := file.read(BLOCK):
                end = (end + block)[-BLOCK:]
    return end.rstrip(b"\n").rpartition(b"\n")[2]


def require_file(path: Path) -> None:
    """Raise OSError for what is no regular file, such as a folder, link or pipe."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
