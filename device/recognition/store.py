"""The file of known people: names and templates, readable by its owner alone, written whole.

JSON: {"format": 1, "model": {"name": .., "version": ..}, "people": [{"name": .., "agreed": ..,
"templates": [[128 numbers], ..]}, ..]}. No photo is in it.
"""

import contextlib
import fcntl
import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ..errors import ModelError, SourceError, UsageError
from ..log import log
from ..types import UNKNOWN
from .embedding import MODEL, NUMBERS, VERSION

FORMAT = 1
LONGEST_NAME = 64  # characters
ODD = ("C", "Zl", "Zp")  # Unicode categories that no line of a log or a terminal bears
ENROL = "python -m device.people add NAME --camera 0"
START_ANEW = "Put a copy back, or delete it and enrol again: python -m device.people remove --all"


@dataclass(frozen=True, eq=False)
class EnrolledPerson:
    """Somebody who agreed to be recognised."""

    name: str
    agreed: datetime  # UTC: when that was
    templates: np.ndarray  # float32 (photos, 128): an embedding for each


def clean_name(text: str) -> str:
    """Return a name as it is kept; UsageError where it is none."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    odd = [one for one in name if unicodedata.category(one).startswith(ODD)]
    if not name or odd or not any(one.isalnum() for one in name):
        raise UsageError(f"{text!r} is no name", "Give letters, such as Ada or 'Ada Lovelace'")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the name has {len(name)} characters, need {LONGEST_NAME} at most")
    if key(name) == key(UNKNOWN):
        raise UsageError(f"{UNKNOWN!r} is what strangers are called", "Give another name")
    return name


def key(name: str) -> str:
    """Return what two names have in common that are one, however they are written."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def find(people: Sequence[EnrolledPerson], name: str) -> EnrolledPerson:
    """Return who is called so; UsageError where nobody is."""
    for one in people:
        if key(one.name) == key(name):
            return one
    known = ", ".join(one.name for one in people) or "nobody"
    raise UsageError(f"no known person is called {name!r}", f"Known: {known}")


def read_people(path: Path) -> tuple[EnrolledPerson, ...]:
    """Return everybody in the file, nobody where there is none.

    Raises SourceError where it cannot be read, ModelError where it is damaged, another program's,
    or made by another network than this version's.
    """
    try:
        text = path.read_text(encoding="utf-8")
        others = path.stat().st_mode & 0o077
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SourceError(
            f"cannot read the known people in {path}: {error.strerror}",
            "Run it as the file's owner",
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged or no file of known people", START_ANEW) from error
    if others:
        log.info(
            f"others may read {path}, which holds people's face templates. Run: chmod 600 {path}"
        )
    try:
        record = json.loads(text)
        model = (record["model"]["name"], record["model"]["version"])
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']}, not {FORMAT}")
        if model == (MODEL, VERSION):
            return tuple(_known(one) for one in record["people"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise ModelError(
            f"{path} is damaged or no file of known people ({reason})", START_ANEW
        ) from error
    raise ModelError(
        f"the people in {path} were enrolled with {model[0]}, version {model[1]}, and this Facet "
        f"has {MODEL}, version {VERSION}",
        f"Enrol them again: python -m device.people remove --all, then {ENROL}",
    )


def _known(record: dict) -> EnrolledPerson:
    templates = np.array(record["templates"], np.float32)
    if templates.ndim != 2 or templates.shape[1] != NUMBERS or not len(templates):
        raise ValueError(f"templates of shape {templates.shape}, need (photos, {NUMBERS})")
    if not np.isfinite(templates).all():
        raise ValueError("templates with numbers that are none")
    agreed = datetime.fromisoformat(record["agreed"])
    if agreed.tzinfo is None:
        raise ValueError("a time without its zone")
    return EnrolledPerson(clean_name(record["name"]), agreed, templates)


def to_record(people: Sequence[EnrolledPerson]) -> dict:
    """Return what the file holds of these people, and what each is given who asks for it."""
    rows = [
        {
            "name": one.name,
            "agreed": one.agreed.astimezone(UTC).isoformat(timespec="seconds"),
            "templates": [[round(float(number), 6) for number in row] for row in one.templates],
        }
        for one in people
    ]
    return {"format": FORMAT, "model": {"name": MODEL, "version": VERSION}, "people": rows}


def write_people(path: Path, people: Sequence[EnrolledPerson]) -> None:
    """Replace the file whole, with mode 0600; delete it where nobody is left.

    Raises UsageError where that cannot be; then the file is as it was.
    """
    try:
        if people:
            write_privately(path, json.dumps(to_record(people), ensure_ascii=False) + "\n")
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", "Name another with --file"
        ) from error


def write_privately(path: Path, text: str) -> None:
    """Write a file for its owner's eyes, whole or not at all; OSError where it cannot be."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            if os.geteuid() == 0:  # sudo must not take a service's file from it
                owner = (path if path.exists() else path.parent).stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other commands from changing the file; makes its folder. Raises UsageError if it can't.

    Between reading and writing hold this, or two enrolments at once would lose one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", "Name another with --file"
        ) from error
    try:
        # Some network disks know no locks; there one enrols at a time.
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
        with contextlib.suppress(OSError):  # not every disk can
            os.fsync(folder)
    finally:
        os.close(folder)
