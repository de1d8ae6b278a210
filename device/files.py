"""Files: written whole or not at all, moved aside, and named as FFmpeg reads names."""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from .errors import SourceError


def move_aside(path: Path) -> Path:
    """Rename a file to the first free of name.1.ending, name.2.ending, ...; return the new path."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(aside)
    return aside


def write_atomic(
    path: Path, content: bytes, mode: int | None = None, owner: tuple[int, int] | None = None
) -> None:
    """Write a file through a temporary one beside it, on the disk before it takes the name.

    mode: permission bits from its creation on; None: those the umask gives. owner: user and group
    id; None: those of the process. Makes the folder. Raises OSError, and leaves what was there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode or 0o666)
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:  # a temporary file that a crash left has its own
                os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, *owner)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def ffmpeg_path(path: Path) -> str:
    """Return a path as OpenCV's FFmpeg takes it; SourceError for names that crash it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise SourceError(f"{str(path)!r} is not a name in UTF-8", "rename the file") from None
    # FFmpeg takes what precedes a colon in a relative name for a protocol.
    return str(path.absolute())


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
