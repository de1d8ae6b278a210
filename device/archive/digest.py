"""Whether two files have the same rows, in whatever order."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import FacetError

MODULUS = 2**256


class RowDigest:
    """The sum of the SHA-256 of each row: the same for the same rows in another order."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._sum += int.from_bytes(hashlib.sha256(line).digest(), "big")
            self.rows += 1

    def include(self, other: RowDigest) -> None:
        """Add the rows of another."""
        self.rows += other.rows
        self._sum += other._sum

    @property
    def hex(self) -> str:
        return f"{self._sum % MODULUS:064x}"


@dataclass(frozen=True)
class Source:
    """A file of rows as it was read."""

    path: Path
    header: bytes
    sha256: str
    """Of its text, uncompressed."""
    status: tuple[int, ...]
    """Which file it was, and when it was changed: another one is not deleted in its place."""
    size: int
    """Bytes of its text."""

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".gz")


def read_source(path: Path, rows: RowDigest, stopping: Callable[[], bool]) -> Source:
    """Add a file's rows to a digest; OSError or EOFError if it cannot be read.

    Raises FacetError for a row that is not whole.
    """
    status = status_of(path)
    text = hashlib.sha256()
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        header = file.readline()
        text.update(header)
        size = len(header)
        for line in file:
            if not line.endswith(b"\n") or b"\0" in line:
                raise FacetError(f"{path.name} has a torn row", "a start of Facet, which mends it")
            text.update(line)
            size += len(line)
            rows.add([line])
            if rows.rows % 1000 == 0 and stopping():
                break
    return Source(path, header, text.hexdigest(), status, size)


def status_of(path: Path) -> tuple[int, ...]:
    status = path.lstat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
