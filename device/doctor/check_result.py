"""What a check found, and how one is made without ever raising."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import FacetError

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class CheckResult:
    """How one thing is."""

    status: str  # OK; WARNING: Facet runs, with less than it could; FAILURE: it cannot
    message: str  # what there is, as part of a line
    fix: str = ""  # the command or step that puts it right; empty only where all is well


@dataclass(frozen=True)
class Check:
    """One thing to look at. look: may raise what it likes, `examine` makes a failure of it."""

    name: str
    look: Callable[[], CheckResult]


def ok(message: str) -> CheckResult:
    return CheckResult(OK, message)


def warning(message: str, fix: str) -> CheckResult:
    return CheckResult(WARNING, message, fix)


def failure(message: str, fix: str) -> CheckResult:
    return CheckResult(FAILURE, message, fix)


def examine(check: Check) -> CheckResult:
    """Return what a check found; one that raises is a failure of its own and of no other."""
    try:
        return check.look()
    except FacetError as error:
        return failure(
            error.message, error.hint or "Put it right; see: python -m device.run --help"
        )
    except ImportError as error:
        return _not_loaded(error)
    except Exception as error:
        if os.environ.get("FACET_DEBUG"):
            traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        fix = "Please report it, with what this shows: FACET_DEBUG=1 python -m device.doctor"
        return failure(f"the check itself failed ({reason})", fix)


def _not_loaded(error: ImportError) -> CheckResult:
    """Return the failure for a package that is missing, or lacks a library of the system."""
    reason = " ".join(str(error).split())[:300]
    if isinstance(error, ModuleNotFoundError):
        return failure(reason, "Run: pip install -r requirements-pi.txt")
    if "libGL" in reason or "libglib" in reason or "libgthread" in reason:
        return failure(f"OpenCV: {reason}", "Run: sudo apt install libgl1 libglib2.0-0")
    fix = "Run: pip install --force-reinstall -r requirements-pi.txt"
    return failure(f"{error.name or 'a package'} does not load: {reason}", fix)
