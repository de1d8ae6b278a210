"""What a check found, and how one is made without ever raising."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from device.errors import FacetError

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class Finding:
    """How one thing is."""

    status: str  # OK; WARNING: Facet runs, with less than it could; FAILURE: it cannot
    found: str  # what there is, as part of a line
    mend: str = ""  # the command or step that puts it right; empty only where all is well


@dataclass(frozen=True)
class Check:
    """One thing to look at. look: may raise what it likes, `examine` makes a failure of it."""

    name: str
    look: Callable[[], Finding]


def ok(found: str) -> Finding:
    return Finding(OK, found)


def warning(found: str, mend: str) -> Finding:
    return Finding(WARNING, found, mend)


def failure(found: str, mend: str) -> Finding:
    return Finding(FAILURE, found, mend)


def examine(check: Check) -> Finding:
    """Return what a check found; one that raises is a failure of its own and of no other."""
    try:
        return check.look()
    except FacetError as error:
        return failure(error.wrong, error.mend or "Put it right; see: python -m device.run --help")
    except ImportError as error:
        return _not_loaded(error)
    except Exception as error:
        if os.environ.get("FACET_DEBUG"):
            traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        mend = "Please report it, with what this shows: FACET_DEBUG=1 python -m device.doctor"
        return failure(f"the check itself failed ({reason})", mend)


def _not_loaded(error: ImportError) -> Finding:
    """Return the failure for a package that is missing, or lacks a library of the system."""
    reason = " ".join(str(error).split())[:300]
    if isinstance(error, ModuleNotFoundError):
        return failure(reason, "Run: pip install -r requirements-pi.txt")
    if "libGL" in reason or "libglib" in reason or "libgthread" in reason:
        return failure(f"OpenCV: {reason}", "Run: sudo apt install libgl1 libglib2.0-0")
    mend = "Run: pip install --force-reinstall -r requirements-pi.txt"
    return failure(f"{error.name or 'a package'} does not load: {reason}", mend)
