"""Facet's error family; `device.command` turns it into one line and an exit code.

    FacetError         1  a fault at run time
    ├── UsageError     2  wrong usage or settings         (also a ValueError)
    ├── SourceError    3  no camera, unreadable data      (also an OSError)
    └── ModelError     4  model or detector missing, corrupt or mismatched

A message says what is wrong; `mend` is the command or step that puts it right.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class FacetError(Exception):
    """A fault the user can act on. str() gives one line: what is wrong, then the mend."""

    exit_code = 1

    def __init__(self, wrong: str, mend: str = ""):
        self.wrong, self.mend = wrong, mend
        super().__init__(wrong, mend)

    def __str__(self) -> str:
        line = f"{self.wrong}. {self.mend}" if self.mend else self.wrong
        return " ".join(line.split())


class UsageError(FacetError, ValueError):
    """A flag, a setting or an attribute's name that Facet does not know or cannot use."""

    exit_code = 2


class SourceError(FacetError, OSError):
    """A camera, video, photo or data set that is missing or cannot be read."""

    exit_code = 3

    # OSError.__str__ would print its first two arguments as errno and text.
    __str__ = FacetError.__str__


class ModelError(FacetError, ValueError):
    """A model, model card or face detector that is missing, corrupt or does not match."""

    exit_code = 4


@contextmanager
def disk_faults(wrong: str, mend: str) -> Iterator[None]:
    """Raise a FacetError, `wrong` and the reason, for what the system says of files within."""
    try:
        yield
    except FacetError:  # a SourceError is an OSError too, and tells more
        raise
    except OSError as error:
        reason = " ".join(str(error).split())[:160]
        raise FacetError(f"{wrong}: {reason}", mend) from error
