"""A step of the story: what is done, what is expected, and what came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest


class NotRun(Exception):
    """A step cannot be done here; the message says why."""


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "FAILED"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Step:
    """One step. part: what it is about. act: does it, and returns what was seen."""

    part: str
    title: str
    expected: str
    act: Callable[[Any], str]


@dataclass(frozen=True)
class Outcome:
    """What came of a step. seen: what was seen, the fault, or why it was not run."""

    step: Step
    verdict: Verdict
    seen: str
    took_s: float


def step(part: str, title: str, expected: str) -> Callable[[Callable[[Any], str]], Step]:
    """Make a step of the function that does it.

    The function gets the stage and returns what was seen. It fails by any exception, and raises
    NotRun for what is missing on this computer.
    """
    return lambda act: Step(part, title, expected, act)


def do(one: Step, stage: Any) -> Outcome:
    """Do a step; never raises, but for an interrupt."""
    begun_s = time.monotonic()

    def outcome(verdict: Verdict, seen: object) -> Outcome:
        return Outcome(one, verdict, " ".join(str(seen).split()), time.monotonic() - begun_s)

    try:
        return outcome(Verdict.PASSED, one.act(stage))
    except (NotRun, pytest.skip.Exception) as error:
        return outcome(Verdict.NOT_RUN, error)
    except (Exception, pytest.fail.Exception) as error:  # of whatever kind: it goes into the table
        return outcome(Verdict.FAILED, f"{type(error).__name__}: {error}"[:600])
