"""The standard streams of a command, which its starter may have closed or put on a full disk."""

import contextlib
import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

# A closed stream stays one: what is written to its stdout or read from its stdin fails.
PLACEHOLDERS = {0: os.O_WRONLY, 1: os.O_RDONLY, 2: os.O_WRONLY}


class _Stdout(FileIO):
    """The file behind stdout, which keeps its first fault: argparse and Python forget it."""

    fault: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.fault = self.fault or error
            raise


def prepare_streams() -> None:
    """Open /dev/null in place of closed standard streams, and keep the faults of stdout.

    Else the next file, such as a log, would get the number of a closed stream, and with it what C++
    libraries print. `print` to a closed stdout fails now; Python would drop it without a word.
    """
    for number, flags in PLACEHOLDERS.items():
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                null = os.open(os.devnull, flags)
                os.dup2(null, number)  # for child processes too
                if null != number:
                    os.close(null)
    before = sys.stdout
    if before is None:
        sys.stdout = _text(_Stdout(1, "wb", closefd=False), "utf-8", False)
    elif isinstance(before, TextIOWrapper) and _number(before) == 1:
        before.flush()
        at_once = before.line_buffering or before.write_through
        file = _Stdout(1, "wb", closefd=False)
        sys.stdout = _text(file, before.encoding, at_once)


def _text(file: FileIO, encoding: str, at_once: bool) -> TextIO:
    # Not every file name is UTF-8.
    errors = "backslashreplace"
    return TextIOWrapper(BufferedWriter(file), encoding, errors, line_buffering=at_once)


def _number(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # a test's
        return -1


def stdout_fault() -> OSError | None:
    """Flush stdout; return why something printed to it is not written, None if all is."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.fault if isinstance(raw, _Stdout) else None


def drop_unwritable(stream: TextIO | None) -> None:
    """Point a stream that cannot be written at nothing; Python would exit with 120 for it."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
