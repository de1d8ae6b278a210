"""Files that a command writes at its end: tried before the work, written whole or not at all."""

import os
import secrets
import stat
from pathlib import Path

from ..errors import UsageError, os_reason
from ..files import NEW_FILE, open_folder, write_atomic

TRIAL = b"\n" * 4096


def refuse_unwritable(path: Path, hint: str = "another path") -> None:
    """Raise UsageError if a result could not be written; leaves neither a file nor a folder."""
    try:
        if path.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder", hint)
        if is_stream(path):
            if not os.access(path, os.W_OK):
                raise UsageError(f"cannot write {path}: Permission denied", hint)
            return
        present = _existing(path.parent)
        if len(os.fsencode(path.name)) > os.pathconf(present, "PC_NAME_MAX"):
            raise UsageError(f"cannot write {path}: File name too long", hint)
        if not present.is_dir():
            raise UsageError(f"cannot write {path}: {present} is not a folder", hint)
        part, folder = f"{secrets.token_hex(8)}.part", open_folder(present)
        try:
            descriptor = os.open(part, NEW_FILE, 0o600, dir_fd=folder)
            try:
                os.write(descriptor, TRIAL)
            finally:
                os.close(descriptor)
                os.unlink(part, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {os_reason(error)}", hint) from error


def write_result(path: Path, content: bytes, hint: str = "another path") -> None:
    """Write a result through a temporary file; into a pipe or device directly.

    A link at the file's name is replaced, not followed. Raises UsageError.
    """
    try:
        if is_stream(path):
            with path.open("wb") as stream:
                stream.write(content)
        else:
            write_atomic(path, content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {os_reason(error)}", hint) from error


def is_stream(path: Path) -> bool:
    """Whether a path is a pipe, a device or an open file (/dev/stdout): not to be replaced."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    if stat.S_ISDIR(mode):
        return False
    system = path.absolute().parts[1:2] in (("dev",), ("proc",)) and path.is_symlink()
    return system or not stat.S_ISREG(mode)


def _existing(folder: Path) -> Path:
    """Return a folder or the nearest above it that is there."""
    return next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
