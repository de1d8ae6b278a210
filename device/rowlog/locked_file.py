"""One CSV file open for appending: locked against a second writer, whole rows only."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

from .csv_format import day_of, first_day, has_columns, whole

BLOCK = 65536  # bytes read at once


class Busy(BlockingIOError):
    """Another process writes this file; `strerror` gives its pid where the kernel tells."""


class LockedCsvFile:
    """The rows of one file, each a line of bytes, below `header`.

    What a power cut left of a last line is cut off. A file with other columns is given to
    `move_aside`, which renames it and returns the new path, and a new one is begun. `day` is that
    of the first row. Every method raises OSError; Busy is one.
    """

    def __init__(self, path: Path, header: bytes, move_aside: Callable[[Path], Path]):
        self.moved_to: Path | None = None
        self._path = path
        self._file = _open_locked(path)
        try:
            if not has_columns(self.read(0, BLOCK), header):
                self.moved_to = move_aside(path)
                self._file.close()
                self._file = _open_locked(path)
            self._cut(self.size - _whole_end(self._file))
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
        """Write rows as far as the disk has room; return how many, 1 at least.

        They reach the kernel, so that `tail -f` sees them and the end of this process does not
        hurt them, and the disk with `sync`.
        """
        data, done = b"".join(rows), 0
        try:
            while done < len(data):
                done += self._file.write(memoryview(data)[done:])
        except OSError:
            whole_bytes = data.rfind(b"\n", 0, done) + 1
            self._cut(done - whole_bytes)
            if not whole_bytes:
                raise
            done = whole_bytes
        self.day = self.day or day_of(rows[0])
        return data.count(b"\n", 0, done)

    def sync(self) -> None:
        """Return when all rows are on the disk."""
        os.fsync(self._file.fileno())

    @property
    def deleted(self) -> bool:
        """Whether nobody will find these rows any more."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    @property
    def in_place(self) -> bool:
        """Whether the file's name still leads to it: nobody renamed it or put another there."""
        return _same(self._file, self._path)

    def close(self) -> None:
        self._file.close()

    def _cut(self, count: int) -> None:
        """Shorten the file by so many bytes."""
        if count:
            self._file.truncate(self.size - count)


def sync_folder(folder: Path) -> None:
    """Return when the names of the folder's files are on the disk."""
    # Not every disk can; there the name comes with the file's own fsync, or soon after.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open_locked(path: Path) -> FileIO:
    while True:
        # Unbuffered: a row that was refused must not come again from a buffer.
        file = path.open("ab+", buffering=0)
        try:
            _lock(file)
            if _same(file, path):  # nobody renamed it in between
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
        raise Busy(error.errno, f"another process writes it{_holder(file)}") from error
    except OSError as error:
        # Some network disks know no locks; better a log without than none.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            raise


def _holder(file: FileIO) -> str:
    """Return the locker's process as ", pid 123", where /proc/locks tells it."""
    about = os.fstat(file.fileno())
    inode = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    try:
        locks = [one.split() for one in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return ""
    for lock in locks:  # 1: FLOCK ADVISORY WRITE <pid> <device:inode> 0 EOF
        if lock[1] == "FLOCK" and lock[5] == inode and int(lock[4]) > 0:
            return f", pid {lock[4]}"
    return ""


def _same(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _whole_end(file: FileIO) -> int:
    """Return where a file's last whole line ends."""
    end = os.fstat(file.fileno()).st_size
    while end:
        start = max(0, end - BLOCK)
        kept = whole(os.pread(file.fileno(), end - start, start))
        if kept:
            return start + kept
        end = start
    return 0
