"""Whether what a source follows is seen in a frame, and how long that holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from ..types import IN, OUT, Result
from .evaluate import evaluate, facts_of
from .tree import (
    PEOPLE,
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Present,
    attributes_in,
    names_person,
)

HYSTERESIS = 0.5  # log-odds below a threshold that suffice once it was reached, as of labels


class Level(Protocol):
    """What turns the results of a stream, one after the other, into on and off."""

    def update(self, result: Result) -> bool:
        """Take a result; return whether it is on."""


class Hold:
    """On for hold_s, s, after it was last seen."""

    def __init__(self, hold_s: float):
        self._hold_s, self._seen_s = hold_s, -math.inf
        self.is_on = False

    def update(self, seen: bool, at_s: float) -> bool:
        """Take whether it is seen at a time, s; return whether it is on."""
        if seen:
            self._seen_s, self.is_on = at_s, True
        elif at_s - self._seen_s > self._hold_s:
            self.is_on = False
        return self.is_on


class ConditionLevel:
    """On while a face fulfils a condition, and for hold_s after.

    thresholds: 0..1, by attribute name. While it is on, probabilities HYSTERESIS beyond the
    condition's, in log-odds, suffice.
    """

    def __init__(self, condition: Condition, thresholds: Mapping[str, float], hold_s: float):
        self._on, self._thresholds = condition, thresholds
        self._off = relaxed(condition, thresholds)
        self._hold = Hold(hold_s)

    def update(self, result: Result) -> bool:
        condition = self._off if self._hold.is_on else self._on
        seen = is_fulfilled(condition, result, self._thresholds)
        return self._hold.update(seen, result.frame.at_s)


class CrossingLevel:
    """On for hold_s after each crossing of a line; direction: IN, OUT, or "" for both.

    Counts are compared, so a result that was skipped loses no crossing.
    """

    def __init__(self, line: str, direction: str, hold_s: float):
        self._line, self._directions = line, (direction,) if direction else (IN, OUT)
        self._count: int | None = None
        self._hold = Hold(hold_s)

    def update(self, result: Result) -> bool:
        before, self._count = self._count, self._counted(result)
        crossed = before is not None and self._count > before
        return self._hold.update(crossed, result.frame.at_s)

    def _counted(self, result: Result) -> int:
        counts = next((one for one in result.lines if one.line.name == self._line), None)
        by_direction = {IN: counts.ins, OUT: counts.outs} if counts else {}
        return sum(by_direction.get(direction, 0) for direction in self._directions)


def is_fulfilled(condition: Condition, result: Result, thresholds: Mapping[str, float]) -> bool:
    """Whether one face of a result fulfils a condition, or the picture one that names no face."""
    about_faces = attributes_in(condition) or names_person(condition)
    people = len(result.faces)
    candidates = (result.faces if about_faces else None) or (None,)
    return any(evaluate(condition, facts_of(face, people), thresholds) for face in candidates)


def relaxed(
    condition: Condition, thresholds: Mapping[str, float], by: float = HYSTERESIS
) -> Condition:
    """Return a condition that is fulfilled more easily; below 0, less.

    by: of the probabilities, log-odds. Comparisons for equality, and of people, stay.
    """
    match condition:
        case Present(name):
            return Comparison(name, ">=", _moved(thresholds[name], -by))
        case Comparison(name, ">" | ">=" as operator, value) if name != PEOPLE:
            return Comparison(name, operator, _moved(value, -by))
        case Comparison(name, "<" | "<=" as operator, value) if name != PEOPLE:
            return Comparison(name, operator, _moved(value, by))
        case Not(inner):
            return Not(relaxed(inner, thresholds, -by))
        case And(parts):
            return And(tuple(relaxed(part, thresholds, by) for part in parts))
        case Or(parts):
            return Or(tuple(relaxed(part, thresholds, by) for part in parts))
    return condition


def _moved(probability: float, by: float) -> float:
    """Return a probability moved by log-odds; 0 and 1 stay."""
    weight = probability * math.exp(by)
    return weight / (weight + 1 - probability)
