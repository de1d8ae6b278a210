"""What tests of the row log share: a header, rows with a number, and what a log's files hold."""

from datetime import date

from device.rowlog.csv_format import line
from device.rowlog.rotation import rotated_files
from device.settings import RotationSettings

HEADER = line(["time", "number"])
PLAIN = RotationSettings(compress=False)
DAILY = RotationSettings(compress=False, daily=True)
TODAY = date(2026, 11, 20)  # for the writer; earlier than any row, unless a test says otherwise


def row(number, day="2026-11-22"):
    return line([f"{day}T00:00:00.000Z", str(number)])


def numbers(*paths):
    """Return the second column of files one after the other, each with its header."""
    values = []
    for path in paths:
        header, *rows = path.read_bytes().splitlines(keepends=True)
        assert header == HEADER and all(text.endswith(b"\n") for text in rows)
        values += [int(text.split(b",")[1]) for text in rows]
    return values


def rotated(path):
    return [older.path for older in rotated_files(path)]
