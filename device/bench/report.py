"""Fill in the figures of docs/benchmarks.md, between marks."""

import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UsageError
from ..files import write_atomic

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
NAME = "docs/benchmarks.md"
MARKS = ("<!-- figures -->", "<!-- end of figures -->")
CONNECTED = ("<!-- connected -->", "<!-- end of connected -->")
CAMERAS = ("<!-- cameras -->", "<!-- end of cameras -->")


def conditions(runtime: str) -> str:
    """Return a sentence on date, machine and versions."""
    try:
        cpus = Path("/proc/cpuinfo").read_text()
    except OSError:
        cpus = ""
    name = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpus, re.MULTILINE)
    processor = name[1] if name else platform.machine()
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {processor}, {os.cpu_count()} cores, one thread"
        f" for each network, {system}, Python {platform.python_version()}, {runtime}."
    )


def filled(document: str, lines: list[str], marks: tuple[str, str] = MARKS) -> str:
    """Return the document with the lines between two marks; UsageError if a mark is missing."""
    before, start, rest = document.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        raise UsageError(f"no {marks[0]} and {marks[1]} in the document", f"git checkout -- {NAME}")
    return "\n".join([before + start, "", *lines, "", end + after])


def refuse_unwritable(marks: tuple[str, str] = MARKS) -> None:
    """Raise UsageError if docs/benchmarks.md cannot be written, or has no such marks."""
    with _document_faults():
        document = DOCUMENT.read_text()
        filled(document, [], marks)
        write_atomic(DOCUMENT, document.encode())


def fill(lines: list[str], marks: tuple[str, str] = MARKS) -> None:
    """Write lines between two marks of docs/benchmarks.md; UsageError if that fails."""
    with _document_faults():
        write_atomic(DOCUMENT, filled(DOCUMENT.read_text(), lines, marks).encode())


@contextmanager
def _document_faults() -> Iterator[None]:
    """Raise UsageError for a document that cannot be read or written."""
    try:
        yield
    except OSError as error:
        hint = "the command in a checkout"
        raise UsageError(f"cannot write {DOCUMENT}: {error.strerror}", hint) from error
