"""Files: read within limits, written whole or not at all, and named as FFmpeg reads names."""

import contextlib
import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from .errors import SourceError

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_TEXT = 10_000_000  # bytes of a text that Facet reads; the largest of its own has 40,000
MAX_STEPS = 200  # folders and links of a path


def move_aside(path: Path) -> Path:
    """Rename a file to the first free of name.1.ending, name.2.ending, ...; return the new path."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.stem}.{number}{path.suffix}")):
        number += 1
    path.rename(aside)
    return aside


def write_atomic(
    path: Path,
    content: bytes,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
    sync: bool = True,
) -> None:
    """Write a file through a temporary one beside it, on the disk before it takes the name.

    sync: off for a file that is of no use after a power cut, which spares the SD card.

    mode: permission bits from its creation on; None: those the umask gives. owner: user and group
    id; None: those of the process. Makes the folder. A link at the file's name is replaced, not
    followed; for root see `open_folder`. Raises OSError, and leaves what was there.
    """
    folder = open_folder(path.parent)
    try:
        # A name that nobody can have prepared: what another user put there is not opened. Hidden,
        # so that a program that reads all of a folder passes over it.
        part = f".{path.name[:200]}.{os.urandom(8).hex()}.part"
        descriptor = os.open(part, NEW_FILE, 0o666 if mode is None else mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if mode is not None:
                    os.fchmod(descriptor, mode)
                if owner is not None:
                    os.fchown(descriptor, *owner)
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            os.replace(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def read_regular(path: Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """Return the content of a regular file of at most `max_bytes`, and its status.

    A pipe or device does not hang or fill the memory: it raises OSError, as a larger file does.
    Root follows links only as `open_folder` does, and none at the file's own name.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    if os.geteuid() == 0:
        folder = open_folder(path.parent, write=False)
        try:
            descriptor = os.open(path.name, flags | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
    else:
        descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return _limited(file, max_bytes), status


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file of at most `max_bytes`; links are followed.

    A pipe or device does not hang or fill the memory: it raises OSError, as a larger file does.
    Raises ValueError for a path with a NUL or half of a letter.
    """
    with open_regular(path) as file:
        return _limited(file, max_bytes)


def _limited(file: BinaryIO, max_bytes: int) -> bytes:
    content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it has more than {max_bytes // 1_000_000} MB")
    return content


def read_text(path: Path, max_bytes: int = MAX_TEXT) -> str:
    """Return a text in UTF-8, without a byte order mark, of a file as for `read_file`.

    Raises OSError, or ValueError if it is no such text.
    """
    return read_file(path, max_bytes).decode("utf-8-sig")


def read_json(path: Path, max_bytes: int = MAX_TEXT) -> Any:
    """Return the value in a JSON file; OSError or ValueError as for `read_text`.

    ValueError also for a key given twice, and for nesting that is too deep.
    """
    return parse_json(read_text(path, max_bytes))


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text; ValueError as for `read_json`."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("it has a key twice")
    return record


def open_folder(folder: Path, write: bool = True) -> int:
    """Return a descriptor of a folder; raises OSError.

    write: the folder is made if it is missing. Root follows no link that another user may have
    made, and writes in no folder in which others may replace files: such a link or folder would let
    them choose what root overwrites.
    """
    if os.geteuid() != 0:
        if write:
            folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    current = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    names = list(reversed(folder.absolute().parts[1:]))
    try:
        for _ in range(MAX_STEPS):
            if not names:
                if write:
                    _refuse_shared(current)
                return current
            following = _enter(current, names, write)
            os.close(current)
            current = following
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    except BaseException:
        os.close(current)
        raise


def _enter(current: int, names: list[str], make: bool) -> int:
    """Return a descriptor of the last of `names`: a folder in `current`, or a link of root."""
    name = names.pop()
    try:
        status = os.lstat(name, dir_fd=current)
    except FileNotFoundError:
        if not make:
            raise
        os.mkdir(name, dir_fd=current)
        status = os.lstat(name, dir_fd=current)
    target = "."
    if not stat.S_ISLNK(status.st_mode):
        target = name
    elif status.st_uid != 0:
        raise OSError(errno.ELOOP, f"{name} is a link that another user made")
    else:
        link = Path(os.readlink(name, dir_fd=current))
        names += reversed(link.parts[link.is_absolute() :])
        target = "/" if link.is_absolute() else "."
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(target, flags, dir_fd=current)


def _refuse_shared(folder: int) -> None:
    status = os.fstat(folder)
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if shared and not status.st_mode & stat.S_ISVTX:
        raise OSError(errno.EPERM, "other users may write its folder, and root may not use it")


def file_name(path: Path) -> str:
    """Return a path as text, the same in any locale: bytes that are no UTF-8 are surrogates."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def ffmpeg_path(path: Path) -> str:
    """Return a path as OpenCV's FFmpeg takes it; SourceError for names that crash it."""
    # FFmpeg takes what precedes a colon in a relative name for a protocol.
    name = file_name(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SourceError(
            f"{file_name(path)!r} is not a name in UTF-8", "rename the file"
        ) from None
    return name


def open_regular(path: Path | str) -> BinaryIO:
    """Open a file for reading; OSError for a pipe, device or socket, which may never answer."""
    # Not blocking: opening a pipe waits for its writer otherwise.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, device or socket"
            raise OSError(errno.EINVAL, f"it is {kind}, not a file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
