"""CSV lines as bytes. One row is one line, so a row that a power cut tore can be recognized."""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from ..text import printable
from .clock import is_uncertain

_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]*")
# What makes a spreadsheet compute a cell, at its begin or after what may separate cells; some pass
# over blanks.
_FORMULA = re.compile(r"((?:^|[;,|])\s*)([=+\-@\uff0b\uff0d\uff1d\uff20])")
_DAY = re.compile(rb"\d{4}-\d\d-\d\dT")
NO_DAY = ""
UNSET = "?"  # of an uncertain date in ISO 8601-2


def line(fields: Iterable[str]) -> bytes:
    """Return one CSV line in UTF-8; its only line break is the last byte.

    Fields are written as `escaped` returns them.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(map(escaped, fields))
    return (text.getvalue() + "\n").encode()


def escaped(field: str) -> str:
    """Return a field that no terminal obeys and no spreadsheet computes; `unescaped` reverses it.

    A photo's name may contain any character. A backslash becomes two; line breaks, control
    characters and what `text.printable` names become escapes, as does the first character of
    what a spreadsheet takes for a formula (= + - @): "=1+1.jpg" is written "\\x3d1+1.jpg".
    Numbers stay as they are.
    """
    if _NUMBER.fullmatch(field):
        return field
    return _FORMULA.sub(_as_escape, printable(field.replace("\\", "\\\\")))


def _as_escape(match: re.Match[str]) -> str:
    code = ord(match[2])
    return match[1] + (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def unescaped(field: str) -> str:
    """Return the text that `escaped` was given."""
    return field.encode("latin-1", "backslashreplace").decode("unicode_escape")


def timestamp(moment: datetime) -> str:
    """Return ISO 8601, UTC, with milliseconds: 2026-11-22T09:30:00.250Z.

    A moment of a clock that was not set yet ends in UNSET: 1970-01-01T00:00:12.250Z?
    """
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return text + UNSET if is_uncertain(moment) else text


def day_of(row: bytes) -> str:
    """Return the UTC day of a row that begins with its timestamp, or NO_DAY."""
    return row[:10].decode() if _DAY.match(row) else NO_DAY


def first_day(head: bytes) -> str:
    """Return the day of the first row in a file that begins with `head`, or NO_DAY."""
    return day_of(head.partition(b"\n")[2])


def is_unset(row: bytes) -> bool:
    """Whether the clock was not set yet when the row was written."""
    return row.partition(b",")[0].endswith(f"Z{UNSET}".encode())


def first_time(head: bytes) -> datetime | None:
    """Return the time of the first row in a file that begins with `head`, or None."""
    text = head.partition(b"\n")[2].partition(b",")[0].partition(b"\n")[0]
    try:
        moment = datetime.fromisoformat(text.decode().removesuffix(UNSET))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def has_columns(head: bytes, header: bytes) -> bool:
    """Whether a file that begins with `head` has this header, or a torn part of it."""
    first, newline, _ = head.partition(b"\n")
    if not newline:
        return header.startswith(first.rstrip(b"\0"))
    try:
        columns = next(csv.reader([first.decode("utf-8", "replace")]), [])
    except csv.Error:  # not a log
        return False
    return columns == next(csv.reader([header.decode()]))


def complete_length(block: bytes) -> int:
    """Return how many bytes of a file's last block are complete lines; 0 if no line ends in it.

    A line with zero bytes is torn: ext4 leaves zeros where the file had grown and its data had not
    reached the disk.
    """
    end = block.rfind(b"\n") + 1
    while end:
        begin = block.rfind(b"\n", 0, end - 1) + 1
        if b"\0" not in block[begin:end]:
            break
        end = begin
    return end
