"""The file of enrolled people: names and templates. Only its owner may read it.

JSON: {"format": 1, "model": {"name": .., "version": ..}, "people": [{"name": .., "agreed": ..,
"templates": [[128 numbers], ..]}, ..]}. It holds no picture.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shlex
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError, SourceError, UsageError, nearest, one_line
from ..files import open_folder, parse_json, read_regular, write_atomic
from ..log import log
from ..types import UNKNOWN
from .embedding import EMBEDDING_SIZE, MODEL, VERSION

FAULTS = (LookupError, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError)
FORMAT = 1
MAX_BYTES = 32_000_000  # of the file: 25,000 pictures; reading takes six times as much memory
MAX_NUMBER = 10.0  # of a template, whose length is about 1.5
PRIVATE = 0o600  # permission bits of every file with templates
MAX_NAME = 64  # characters
CONTROL = ("C", "Zl", "Zp")  # Unicode categories that would break a line of a log or terminal
# Letters and marks that leave no trace on a screen, so that two names may look the same.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
ENROLL = "python -m device.people add NAME --camera 0"


@dataclass(frozen=True, eq=False)
class EnrolledPerson:
    """A person who consented to recognition."""

    name: str
    agreed: datetime  # UTC: when the person consented
    templates: np.ndarray  # float32 (pictures, 128): one embedding a picture


def clean_name(text: str) -> str:
    """Return a name with single spaces and in Unicode's NFC; raises UsageError if not valid."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    control = any(unicodedata.category(letter).startswith(CONTROL) for letter in name)
    if control or INVISIBLE.search(name) or not any(letter.isalnum() for letter in name):
        raise UsageError(f"{text!r} is not a valid name", "letters, such as Ada or 'Ada Lovelace'")
    if len(name) > MAX_NAME:
        raise UsageError(
            f"the name has {len(name)} characters, need at most {MAX_NAME}", "a shorter name"
        )
    if name_key(name) == name_key(UNKNOWN):
        raise UsageError(f"the name {UNKNOWN!r} is reserved", "another name")
    return name


def name_key(name: str) -> str:
    """Return what equal names have in common, however they are written."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def find_person(people: Sequence[EnrolledPerson], name: str) -> EnrolledPerson:
    """Return the person of that name; UsageError if there is none, or several entries have it."""
    first, *others = find_all(people, name)
    if others:
        raise UsageError(
            f"{len(others) + 1} entries of the file are called {first.name!r}",
            f"python -m device.people remove {shlex.quote(first.name)}, which deletes them all",
        )
    return first


def find_all(people: Sequence[EnrolledPerson], name: str) -> list[EnrolledPerson]:
    """Return every entry of that name: one, unless the file was edited; UsageError for none."""
    if found := [person for person in people if name_key(person.name) == name_key(name)]:
        return found
    hint = nearest(name, [person.name for person in people]) if people else ENROLL
    raise UsageError(f"no enrolled person is called {name!r}", hint)


def counted_people(number: int) -> str:
    """Return "1 enrolled person", "2 enrolled people"."""
    return f"{number} enrolled {'person' if number == 1 else 'people'}"


def read_people(path: Path) -> tuple[EnrolledPerson, ...]:
    """Return the people in the file; none if it is missing.

    Raises SourceError if it cannot be read, ModelError if it is damaged, of another program, or
    made with another network than this version's.
    """
    try:
        content, status = read_regular(path, MAX_BYTES)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SourceError(
            f"cannot read the enrolled people in {path}: {error.strerror}",
            "the command as the file's owner"
            if isinstance(error, PermissionError)
            else "another --file",
        ) from error
    except UnicodeDecodeError as error:
        raise _damaged(path, error) from error
    if status.st_mode & 0o077:
        log.warning(
            f"other users may read {path}, which holds face templates. Try: chmod 600 {path}"
        )
    try:
        record = parse_json(text)
        model = (record["model"]["name"], record["model"]["version"])
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']}, not {FORMAT}")
        if model == (MODEL, VERSION):
            return tuple(_person(entry) for entry in record["people"])
    except FAULTS as error:
        raise _damaged(path, error) from error
    raise ModelError(
        f"the people in {path} were enrolled with {one_line(model[0], 60)}, version "
        f"{one_line(model[1], 20)}, and this Facet "
        f"has {MODEL}, version {VERSION}",
        f"{_remove_all(path)}, then enroll them again: {ENROLL}",
    )


def _damaged(path: Path, error: Exception) -> ModelError:
    reason = one_line(f"{type(error).__name__}: {error}", 120)
    return ModelError(
        f"{path} is damaged or not a file of enrolled people ({reason})",
        f"restore a backup, or {_remove_all(path)} and enroll again",
    )


def _remove_all(path: Path) -> str:
    return f"python -m device.people remove --all --file {shlex.quote(str(path))}"


def _person(entry: dict[str, Any]) -> EnrolledPerson:
    rows = np.array(entry["templates"], np.float64)
    if rows.ndim != 2 or rows.shape[1] != EMBEDDING_SIZE or not len(rows):
        raise ValueError(f"templates of shape {rows.shape}, need (pictures, {EMBEDDING_SIZE})")
    if not np.isfinite(rows).all():
        raise ValueError("templates contain NaN or infinity")
    if not np.abs(rows).max() <= MAX_NUMBER:
        raise ValueError(f"templates contain numbers beyond {MAX_NUMBER:g}")
    agreed = datetime.fromisoformat(entry["agreed"])
    if agreed.tzinfo is None:
        raise ValueError("the time of consent has no time zone")
    name = clean_name(entry["name"])
    return EnrolledPerson(name, agreed.astimezone(UTC), rows.astype(np.float32))


def to_record(people: Sequence[EnrolledPerson]) -> dict[str, Any]:
    """Return what the file holds of these people, for JSON; `export` prints the same."""
    entries = [
        {
            "name": person.name,
            "agreed": person.agreed.astimezone(UTC).isoformat(timespec="seconds"),
            "templates": [[round(float(number), 6) for number in row] for row in person.templates],
        }
        for person in people
    ]
    return {"format": FORMAT, "model": {"name": MODEL, "version": VERSION}, "people": entries}


def write_people(path: Path, people: Sequence[EnrolledPerson]) -> None:
    """Replace the file atomically, with mode 0600; delete it if no person is left.

    Raises UsageError if it cannot be written, and leaves what was there.
    """
    try:
        if people:
            text = json.dumps(to_record(people), ensure_ascii=False) + "\n"
            if len(text.encode()) > MAX_BYTES:
                raise OSError(errno.EFBIG, f"it would have more than {MAX_BYTES // 1_000_000} MB")
            write_private(path, text)
        else:
            _delete(path)
    except OSError as error:
        raise _not_writable(path, error) from error


def _delete(path: Path) -> None:
    folder = open_folder(path.parent)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=folder)
    finally:
        os.close(folder)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, atomically; raises OSError.

    Root gives it the owner that it has, or that of its folder: a file of the service stays the
    service's after a command with sudo.
    """
    owner = _owner_for_root(path) if os.geteuid() == 0 else None
    write_atomic(path, text.encode(), PRIVATE, owner)


def _owner_for_root(path: Path) -> tuple[int, int] | None:
    folder = open_folder(path.parent)
    try:
        status = os.fstat(folder)
        if status.st_mode & stat.S_ISVTX:  # such as /tmp: the file there may be anybody's
            return None
        with contextlib.suppress(FileNotFoundError):
            present = os.lstat(path.name, dir_fd=folder)
            if stat.S_ISREG(present.st_mode) and present.st_nlink == 1:
                status = present
        return status.st_uid, status.st_gid
    finally:
        os.close(folder)


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Keep other commands from changing the file; hold it from reading to writing.

    Makes the folder; raises UsageError if that is impossible.
    """
    try:
        if os.geteuid() != 0:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = open_folder(path.parent)
    except OSError as error:
        raise _not_writable(path, error) from error
    try:
        with contextlib.suppress(OSError):  # some network disks have no locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
        with contextlib.suppress(OSError):  # nor can every disk sync a folder
            os.fsync(folder)
    finally:
        os.close(folder)


def _not_writable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror}", "another --file")
