"""Find the photo that ends its process: a decoder may crash, or the system take its memory.

The number of the input in hand is kept in a small file beside the shard, which outlives the
process.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Self

from ..errors import SourceError

DEATHS = 3  # of processes, with the same input in hand
ENDED = f"{DEATHS} processes ended while they read it"


class LethalError(SourceError):
    """An input that has ended so many processes that it is left out."""


class Crumbs:
    """What a shard's earlier processes of a run had in hand when they ended; a context manager.

    path: of the small file; None keeps nothing. run: deaths of other runs do not count, for these
    may have been stopped. The file is gone once the shard is done, or has failed.
    """

    def __init__(self, path: Path | None, run: str):
        self._path, self._run, self._file = path, run, -1
        self._deaths: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._path is not None:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                record = json.loads(self._path.read_text())
                if record["run"] == self._run:
                    deaths, at = dict(record["deaths"]), str(record["at"])
                    self._deaths = deaths | {at: int(deaths.get(at, 0)) + 1}
            with contextlib.suppress(OSError):  # a full disk is named by the shard itself
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def take(self, place: str) -> None:
        """Note the input that comes next; raises LethalError for one that ends processes.

        place: its number in the shard, and in a tar.
        """
        if self._deaths.get(place, 0) >= DEATHS:
            raise LethalError(ENDED, "this photo alone, with python -m device.run --camera PHOTO")
        if self._file >= 0:
            record = {"run": self._run, "at": place, "deaths": self._deaths}
            content = json.dumps(record).encode()
            with contextlib.suppress(OSError):
                os.pwrite(self._file, content, 0)
                os.ftruncate(self._file, len(content))
