"""Facet's errors; `device.cli.command` turns one into a line on stderr and an exit code.

    FacetError         1  a fault at run time
    ├── UsageError     2  wrong usage or settings         (also a ValueError)
    ├── Stopped        0  stopped by the user or the system
    ├── SourceError    3  no camera, unreadable data      (also an OSError)
    └── ModelError     4  model or detector missing, corrupt or mismatched

The message describes the fault; the hint is the command or step that fixes it.
"""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

MAX_LINE = 1000  # characters of a message and of a hint


class FacetError(Exception):
    """A fault the user can act on. str() is one line: "MESSAGE. Try: HINT"."""

    exit_code = 1

    def __init__(self, message: str, hint: str = ""):
        self.message, self.hint = message, hint
        super().__init__(message, hint)

    def __str__(self) -> str:
        message = one_line(self.message, MAX_LINE)
        stop = "" if message.endswith(".") else "."
        return f"{message}{stop} Try: {one_line(self.hint, MAX_LINE)}" if self.hint else message


class UsageError(FacetError, ValueError):
    """A flag, setting or attribute name that is unknown or cannot be used."""

    exit_code = 2


class Stopped(FacetError):
    """The user or the system stopped Facet; nothing failed."""

    exit_code = 0


class SourceError(FacetError, OSError):
    """A camera, video, photo or data set that is missing or cannot be read."""

    exit_code = 3

    # OSError.__str__ would print its first two arguments as errno and text.
    __str__ = FacetError.__str__


class ModelError(FacetError, ValueError):
    """A model, model card or face detector that is missing, corrupt or does not match."""

    exit_code = 4


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint for a misspelt name: the nearest known one, or "one of A, B, C"."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), by_lower, 1, 0.5)
    return by_lower[close[0]] if close else f"one of {', '.join(by_lower.values())}"


def one_line(error: object, limit: int = 160) -> str:
    """Return an error's text on one line of at most `limit` characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def os_reason(error: Exception) -> str:
    """Return the reason of an error with a file: an OSError's without its number and path."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not a text in UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if "int_max_str_digits" in str(error):
        return "it has a number of thousands of digits"
    return getattr(error, "strerror", None) or one_line(error)


@contextmanager
def disk_faults(message: str, hint: str) -> Iterator[None]:
    """Raise a FacetError, `message` and the reason, for an OSError raised within."""
    try:
        yield
    except FacetError:  # a SourceError is an OSError too, and has a message of its own
        raise
    except OSError as error:
        raise FacetError(f"{message}: {os_reason(error)}", hint) from error
