"""The output folder, on a disk or in an object store: files appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import FacetError, UsageError, os_reason
from ..files import read_file, write_atomic
from .storage import filesystem, is_denied, is_url

MAX_FILE = 10_000_000_000  # bytes of a plan


@dataclass(frozen=True)
class Folder:
    """A folder by its path or address; all of its names are of files directly in it."""

    place: str

    @property
    def path(self) -> Path | None:
        """Its path; None for an address."""
        return None if is_url(self.place) else Path(self.place)

    @property
    def remove_hint(self) -> str:
        """The command that empties it, and the other way out."""
        command = f"rm -r {shlex.quote(self.place)}" if self.path else f"empty {self.place}"
        return f"another --out, or {command}"

    def names(self) -> set[str]:
        """Return its files' names; none if it does not exist. Raises FacetError."""
        try:
            if self.path is not None:
                return set(os.listdir(self.path)) if self.path.exists() else set()
            system, path = filesystem(self.place)
            system.invalidate_cache()
            found = system.ls(path, detail=False) if system.exists(path) else []
            return {name.rstrip("/").rpartition("/")[2] for name in found}
        except FacetError:
            raise
        except Exception as error:  # each store's client raises its own
            raise self._fault("read", error) from error

    def read(self, name: str) -> bytes:
        """Return a file's content; FacetError if it cannot be read."""
        try:
            if self.path is not None:
                return read_file(self.path / name, MAX_FILE)
            system, path = filesystem(self.place)
            content: bytes = system.cat_file(f"{path}/{name}")
            return content
        except FacetError:
            raise
        except Exception as error:
            raise self._fault("read", error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole, over one of that name; FacetError if that fails."""
        try:
            if self.path is not None:
                write_atomic(self.path / name, content)
            else:
                system, path = filesystem(self.place)
                system.pipe_file(f"{path}/{name}", content)  # one request, or none of it is there
        except FacetError:
            raise
        except Exception as error:
            raise self._fault("write to", error) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of a folder on a disk; UsageError if one is in it."""
        if self.path is None:
            yield
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / ".lock").open("ab")
        except OSError as error:
            raise UsageError(
                f"cannot write to {self.place}: {os_reason(error)}", "--out in a writable folder"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another run writes to {self.place}", "wait for it, or another --out"
                ) from None
            except OSError:
                pass  # a network's file system without locks
            yield

    def _fault(self, verb: str, error: Exception) -> FacetError:
        if is_denied(error):
            hint = "an --out that you may write, or credentials that may"
        elif verb == "read":
            hint = self.remove_hint
        else:
            hint = "free space there; the same command then goes on"
        return FacetError(f"cannot {verb} {self.place}: {os_reason(error)}", hint)
