"""A condition as a tree of frozen values, its text again, and the names in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

PEOPLE = "people"  # faces in view
PERSON = "person"  # name of an enrolled person
CROSSED, CROSSED_IN, CROSSED_OUT = "crossed", "crossed_in", "crossed_out"
CROSSINGS = (CROSSED, CROSSED_IN, CROSSED_OUT)  # of a line, in a direction
WORDS = ("and", "or", "not")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`Smiling > 0.8`, or `people >= 2`."""

    name: str
    operator: str
    """<, <=, >, >=, == or !=."""
    value: float


@dataclass(frozen=True, slots=True)
class Present:
    """`Eyeglasses`: the attribute's probability is at least its threshold in the model card."""

    name: str


@dataclass(frozen=True, slots=True)
class IsPerson:
    """`person == "Ada"`, or `person != "Ada"`."""

    operator: str
    """== or !=."""
    person: str


@dataclass(frozen=True, slots=True)
class Crosses:
    """`crossed == "door"`, `crossed_in == "door"` or `crossed_out == "door"`: at this moment."""

    name: str
    """CROSSED, CROSSED_IN or CROSSED_OUT."""
    line: str


@dataclass(frozen=True, slots=True)
class Not:
    """`not condition`."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions that all hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions of which one holds."""

    conditions: tuple[Condition, ...]


Leaf = Comparison | Present | IsPerson | Crosses
Condition = Leaf | Not | And | Or


def text_of(condition: Condition) -> str:
    """Return a condition's text; parsed again it gives an equal tree."""
    match condition:
        case Comparison(name, operator, value):
            return f"{name} {operator} {_number(value)}"
        case Present(name):
            return name
        case IsPerson(operator, person):
            return f"{PERSON} {operator} {_quoted(person)}"
        case Crosses(name, line):
            return f"{name} == {_quoted(line)}"
        case Not(inner):
            return f"not {_part(inner, And, Or)}"
        case And(parts):
            return " and ".join(_part(part, And, Or) for part in parts)
        case Or(parts):
            return " or ".join(_part(part, Or) for part in parts)


def _part(condition: Condition, *in_parentheses: type) -> str:
    text = text_of(condition)
    return f"({text})" if isinstance(condition, in_parentheses) else text


def _quoted(text: str) -> str:
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"


def _number(value: float) -> str:
    # Never as 1e-05, which the parser would take for a number and a name.
    return f"{Decimal(repr(value)):f}" if "e" in repr(value) else repr(value).removesuffix(".0")


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Yield the parts of a condition that name something, from left to right."""
    match condition:
        case Not(inner):
            yield from leaves(inner)
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield condition


def attributes_in(condition: Condition) -> tuple[str, ...]:
    """Return the attributes that a condition names, each once, in their order."""
    named = (leaf.name for leaf in leaves(condition) if isinstance(leaf, Comparison | Present))
    return tuple(dict.fromkeys(name for name in named if name != PEOPLE))


def names_person(condition: Condition) -> bool:
    """Return whether a condition depends on who a face is."""
    return any(isinstance(leaf, IsPerson) for leaf in leaves(condition))


def names_crossing(condition: Condition) -> bool:
    """Return whether a condition depends on a line that is crossed."""
    return any(isinstance(leaf, Crosses) for leaf in leaves(condition))
