"""Whether a face fulfils a condition: True, False, or None while that is unknown.

A face that is blurred or turned away has no probabilities, and one that was not compared yet has no
name. So a condition may be unknown, as in Kleene's logic: `not` unknown is unknown, and `or` is
True as soon as one part is True, whatever the others are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..types import IN, OUT, Crossing, Face
from .tree import (
    CROSSED_IN,
    CROSSED_OUT,
    PEOPLE,
    And,
    Comparison,
    Condition,
    Crosses,
    IsPerson,
    Not,
    Or,
    Present,
)

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one face, or of a picture without any."""

    probabilities: Mapping[str, float]
    """0..1 by attribute name; empty while the face is not classified."""
    person: str
    """Name of an enrolled person, or UNKNOWN; empty while not compared."""
    people: int
    """Faces in view."""
    crossing: Crossing | None = None
    """The line that the face is crossing."""


def facts_of(face: Face | None, people: int, crossing: Crossing | None = None) -> Facts:
    """Return what is known of a face; None: nobody is in view."""
    if face is None:
        return Facts({}, "", people, crossing)
    return Facts(face.probabilities, face.person, people, crossing)


def evaluate(condition: Condition, facts: Facts, thresholds: Mapping[str, float]) -> bool | None:
    """Return whether the facts fulfil a condition; None where that is unknown.

    thresholds: 0..1, by the name of each attribute.
    """
    match condition:
        case Comparison(name, op, value):
            known = facts.people if name == PEOPLE else facts.probabilities.get(name)
            return None if known is None else COMPARE[op](known, value)
        case Present(name):
            probability = facts.probabilities.get(name)
            return None if probability is None else probability >= thresholds[name]
        case IsPerson(op, person):
            return COMPARE[op](facts.person, person) if facts.person else None
        case Crosses(name, line):
            crossing = facts.crossing
            directions = {CROSSED_IN: (IN,), CROSSED_OUT: (OUT,)}.get(name, (IN, OUT))
            return bool(crossing and crossing.line == line and crossing.direction in directions)
        case Not(inner):
            truth = evaluate(inner, facts, thresholds)
            return None if truth is None else not truth
        case And(parts):
            return _first(False, (evaluate(part, facts, thresholds) for part in parts))
        case Or(parts):
            return _first(True, (evaluate(part, facts, thresholds) for part in parts))


def _first(deciding: bool, truths: Iterator[bool | None]) -> bool | None:
    """Return `deciding` if it is among the truths, else None if one is unknown."""
    unknown = False
    for truth in truths:
        if truth is deciding:
            return deciding
        unknown = unknown or truth is None
    return None if unknown else not deciding
