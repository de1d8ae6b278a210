"""CSV lines as bytes: one row is one line, so that what a power cut leaves of one is known."""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime

# A photo's name may hold any character; in a log each line is a row, so that a torn one is known.
_ESCAPES = {ord("\n"): "\\n", ord("\r"): "\\r", 0: "\\0"}
_DAY = re.compile(rb"\d{4}-\d\d-\d\dT")
NO_DAY = ""


def line(fields: Iterable[str]) -> bytes:
    """Return one CSV line in UTF-8 with the only line break at its end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    # A file's name in another encoding than UTF-8 must not stop the log.
    return (text.getvalue().translate(_ESCAPES) + "\n").encode("utf-8", "backslashreplace")


def timestamp(moment: datetime) -> str:
    """Return ISO 8601, UTC, to the millisecond: 2026-11-22T09:30:00.250Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(row: bytes) -> str:
    """Return the UTC day of a row that begins with its timestamp, or NO_DAY."""
    return row[:10].decode() if _DAY.match(row) else NO_DAY


def first_day(head: bytes) -> str:
    """Return the day of the first row in a file that begins with `head`, or NO_DAY."""
    return day_of(head.partition(b"\n")[2])


def has_columns(head: bytes, header: bytes) -> bool:
    """Whether a file that begins with `head` has this header, or a power cut left part of it."""
    first, newline, _ = head.partition(b"\n")
    if not newline:
        return header.startswith(first.rstrip(b"\0"))
    try:
        found = next(csv.reader([first.decode("utf-8", "replace")]), [])
    except csv.Error:  # no log of ours
        return False
    return found == next(csv.reader([header.decode()]))


def whole(block: bytes) -> int:
    """Return how many bytes of a file's last block are whole lines; 0 where no line ends in it.

    A line with zeros is not whole: ext4 leaves them where a file had grown and its bytes had not
    come to the disk yet.
    """
    end = block.rfind(b"\n") + 1
    while end:
        begin = block.rfind(b"\n", 0, end - 1) + 1
        if b"\0" not in block[begin:end]:
            break
        end = begin
    return end
