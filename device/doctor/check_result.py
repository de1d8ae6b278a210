"""The result of a check, and how a check is run without ever raising."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import FacetError, one_line
from ..resources import install_hint, reinstall_hint

OK, WARNING, FAILURE = "ok", "warning", "failure"
MAX_REASON = 300  # characters of another program's or library's error


@dataclass(frozen=True)
class CheckResult:
    """The state of one thing that Facet needs."""

    status: str  # OK; WARNING: Facet runs, with fewer functions; FAILURE: it cannot run
    message: str  # what was found, as part of a line
    fix: str = ""  # a command or a short step; empty only if the status is OK


@dataclass(frozen=True)
class Check:
    """One check. run: returns its result; `run_check` turns what it raises into a failure."""

    name: str
    run: Callable[[], CheckResult]


def ok(message: str) -> CheckResult:
    return CheckResult(OK, message)


def warning(message: str, fix: str) -> CheckResult:
    return CheckResult(WARNING, message, fix)


def failure(message: str, fix: str) -> CheckResult:
    return CheckResult(FAILURE, message, fix)


def run_check(check: Check) -> CheckResult:
    """Return a check's result; an exception is a failure of this check alone."""
    try:
        return check.run()
    except FacetError as error:
        return failure(error.message, error.hint or "python -m device.run --help")
    except ImportError as error:
        return _import_failure(error)
    except Exception as error:
        if os.environ.get("FACET_DEBUG"):
            traceback.print_exc()
        reason = one_line(f"{type(error).__name__}: {error}", MAX_REASON)
        fix = "FACET_DEBUG=1 python -m device.doctor, and report what it prints"
        return failure(f"internal error in this check ({reason})", fix)


def _import_failure(error: ImportError) -> CheckResult:
    """Return the failure for a package that is missing, or that lacks a system library."""
    reason = one_line(error, MAX_REASON)
    if isinstance(error, ModuleNotFoundError):
        return failure(reason, install_hint())
    if "libGL" in reason or "libglib" in reason or "libgthread" in reason:
        return failure(f"OpenCV: {reason}", "sudo apt install libgl1 libglib2.0-0")
    return failure(f"{error.name or 'a package'} does not load: {reason}", reinstall_hint())
