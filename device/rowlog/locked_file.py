"""One CSV file open for appending: locked against a second writer, complete rows only."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

from .csv_format import complete_length, day_of, first_day, has_columns

BLOCK = 65536  # bytes per read


class FileLockedError(BlockingIOError):
    """Another process writes this file; `strerror` includes its pid if the kernel lists it."""


class LockedCsvFile:
    """Append rows, each one line of bytes, below `header`.

    Opening removes a torn last line. A file with other columns is passed to `move_aside`, which
    renames it and returns the new path; a new file then takes its place. `day` is the UTC day of
    the first row, or NO_DAY. Every method raises OSError; FileLockedError is one.
    """

    def __init__(self, path: Path, header: bytes, move_aside: Callable[[Path], Path]):
        self.moved_to: Path | None = None  # where a file with other columns is now
        self._path = path
        self._file = _open_locked(path)
        try:
            if not has_columns(self.read(0, BLOCK), header):
                self.moved_to = move_aside(path)
                self._file.close()
                self._file = _open_locked(path)
            self._remove_last(self.size - last_complete_row(self._file))
            self.day = first_day(self.read(0, BLOCK))
            if not self.size:
                self.append([header])
        except BaseException:
            self._file.close()
            raise

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from byte `start` on."""
        return os.pread(self._file.fileno(), count, start)

    def append(self, rows: Sequence[bytes]) -> int:
        """Write as many complete rows as the disk has room for; return how many, at least 1.

        The rows are then in the kernel: `tail -f` shows them and they survive this process. `sync`
        brings them to the disk.
        """
        data, done = b"".join(rows), 0
        try:
            while done < len(data):
                done += self._file.write(memoryview(data)[done:])
        except OSError:
            complete = data.rfind(b"\n", 0, done) + 1
            self._remove_last(done - complete)
            if not complete:
                raise
            done = complete
        self.day = self.day or day_of(rows[0])
        return data.count(b"\n", 0, done)

    def sync(self) -> None:
        """Return when all rows are on the disk."""
        os.fsync(self._file.fileno())

    @property
    def deleted(self) -> bool:
        """Whether the file has no name any more, so that its rows end with it."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to this file: it was not renamed, deleted or replaced."""
        return _is_at(self._file, self._path)

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        self._file.close()

    def _remove_last(self, count: int) -> None:
        """Shorten the file by `count` bytes."""
        if count:
            self._file.truncate(self.size - count)


def last_complete_row(file: FileIO) -> int:
    """Return the byte at which the file's last complete row ends; 0 if it has none."""
    end = os.fstat(file.fileno()).st_size
    while end:
        start = max(0, end - BLOCK)
        complete = complete_length(os.pread(file.fileno(), end - start, start))
        if complete:
            return start + complete
        end = start
    return 0


def sync_folder(folder: Path) -> None:
    """Return when the names of the folder's files are on the disk."""
    # Some file systems cannot; there a name arrives with the file's own fsync, or soon after.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open_locked(path: Path) -> FileIO:
    while True:
        # Unbuffered: a buffer would write a row again that the disk has refused.
        file = path.open("ab+", buffering=0)
        try:
            _lock(file)
            if _is_at(file, path):  # else it was renamed between open and lock
                sync_folder(path.parent)
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: FileIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        text = f"another process is writing to it{_lock_holder(file)}"
        raise FileLockedError(error.errno, text) from error
    except OSError as error:
        # Some network file systems have no locks; a log without a lock is better than none.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            raise


def _lock_holder(file: FileIO) -> str:
    """Return ", pid 123" of the process that holds the lock, or "" if /proc/locks lacks it."""
    status = os.fstat(file.fileno())
    inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        locks = [entry.split() for entry in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return ""
    for lock in locks:  # 1: FLOCK ADVISORY WRITE <pid> <device:inode> 0 EOF
        if lock[1] == "FLOCK" and lock[5] == inode and int(lock[4]) > 0:
            return f", pid {lock[4]}"
    return ""


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
