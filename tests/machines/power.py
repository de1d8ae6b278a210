"""What a log has to be like after the power went: nothing torn, and little lost."""

from dataclasses import dataclass
from datetime import datetime

from device.outputs.csv_log import FIXED

WORDS = ("time", "source", "state")  # the columns that are no numbers


@dataclass(frozen=True)
class Kept:
    """What a power cut left of a log. broken: lines that are no row. lost: rows that could be read
    before the cut and cannot after it. lost_s: from the last row that is left to the last lost."""

    rows: int
    broken: int
    lost: int
    lost_s: float


def kept(before: str, after: str) -> Kept:
    """Compare a log as it could be read just before a cut with what the next boot found."""
    header, *lines = after.splitlines(keepends=True) or [""]
    seen = before.splitlines(keepends=True)
    whole = [line for line in lines if is_row(line, header)]
    left = set(whole)
    # The last that was read may have been half written at that moment.
    lost = [line for line in seen[1:] if line not in left and is_row(line, header)]
    lost_s = 0.0
    if lost:
        ends = [line for line in seen[1:] if line in left] or lost[:1]
        lost_s = (_time(lost[-1]) - _time(ends[-1])).total_seconds()
    broken = len(lines) - len(whole) + (header != (seen or [header])[0])
    return Kept(len(whole), broken, len(lost), lost_s)


def is_row(line: str, header: str) -> bool:
    """Whether a line is whole: ended, a time first, and in each column what belongs there."""
    columns, cells = header.strip().split(","), line.strip("\n").split(",")
    try:
        _time(line)
        for name, cell in zip(columns, cells, strict=True):
            # Attributes of a face that is not classified are empty.
            if name not in WORDS and (cell or name in FIXED):
                float(cell)
    except ValueError:
        return False
    return line.endswith("\n")


def _time(line: str) -> datetime:
    return datetime.fromisoformat(line.partition(",")[0])
