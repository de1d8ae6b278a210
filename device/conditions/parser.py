"""Parse a condition by recursive descent; nothing of it is executed.

    condition   = all { "or" all }
    all         = negation { "and" negation }
    negation    = "not" negation | "(" condition ")" | leaf
    leaf        = ATTRIBUTE | ATTRIBUTE operator NUMBER | "people" operator NUMBER
                | "person" ("==" | "!=") TEXT
                | ( "crossed" | "crossed_in" | "crossed_out" ) "==" TEXT
    operator    = "<" | "<=" | ">" | ">=" | "==" | "!="

NUMBER is 0 to 1 for an attribute and a whole number for people, TEXT a name in quotes: of a person
or of a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UsageError, nearest, one_line
from .tree import (
    CROSSINGS,
    PEOPLE,
    PERSON,
    WORDS,
    And,
    Comparison,
    Condition,
    Crosses,
    IsPerson,
    Not,
    Or,
    Present,
)

MAX_LENGTH = 2000  # characters
MAX_DEPTH = 50  # parentheses and `not` within one another
OPERATORS = ("<", "<=", ">", ">=", "==", "!=")
EXAMPLE = "Smiling > 0.8 and not Eyeglasses"
# CelebA has an attribute that begins with a digit: 5_o_Clock_Shadow.
TOKEN = re.compile(
    r"""(?P<name>\d*[A-Za-z_]\w*)|(?P<number>\d+\.?\d*|\.\d+)|(?P<text>"[^"]*"|'[^']*')"""
    r"""|(?P<symbol>[<>=!]=|[<>()])""",
    re.ASCII,
)
PEOPLE_NUMBER, PROBABILITY = ("a whole number", "1"), ("a number of 0 to 1", "0.8")
INSTEAD = {"=": "==", "&": "and", "|": "or", "!": "not", "%": "a number of 0 to 1, such as 0.8"}


class ConditionError(UsageError):
    """A condition that is malformed or names something unknown; the message has the column."""

    def __init__(self, message: str, hint: str, column: int):
        super().__init__(message, hint)
        self.column = column
        """From 1, characters."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a condition."""

    kind: str
    """name, number, text, symbol or end."""
    text: str
    column: int
    """From 1, characters."""


def parse(
    text: str, names: Sequence[str], origin: str = "when", lines: Sequence[str] = ()
) -> Condition:
    """Return the tree of a condition.

    names: of the attributes that are computed. lines: the names of the lines in the picture.

    Raises ConditionError, which begins with `origin` and the column: "when, column 1: unknown
    attribute 'Smilng'. Try: Smiling".
    """
    return _Parser(text, names, origin, lines).condition()


class _Parser:
    def __init__(self, text: str, names: Sequence[str], origin: str, lines: Sequence[str]):
        self._names, self._origin, self._lines = tuple(names), origin, tuple(lines)
        self._tokens = self._split(text)
        self._at = self._depth = 0

    def condition(self) -> Condition:
        tree = self._or()
        if self._next.kind != "end":
            hint = "and, or" if self._next.kind in ("name", "text") or self._is("(") else EXAMPLE
            if self._next.text == ")":
                hint = "one ) less"
            elif self._next.text in OPERATORS:
                hint = "two comparisons with and between them"
            raise self._error(f"{self._shown()} is not expected here", hint)
        return tree

    def _or(self) -> Condition:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _and(self) -> Condition:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _negation(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("nested too deeply", "fewer parentheses")
        try:
            if self._take("not"):
                return Not(self._negation())
            if self._take("("):
                inner = self._or()
                if not self._take(")"):
                    raise self._error(f"{self._shown()}, need )", "a ) for each (")
                return inner
            return self._leaf()
        finally:
            self._depth -= 1

    def _leaf(self) -> Condition:
        token = self._next
        if token.kind != "name" or token.text in WORDS:
            raise self._error(f"{self._shown()}, need the name of an attribute", EXAMPLE)
        if token.text == PERSON:
            return self._person()
        if token.text in CROSSINGS:
            return self._crossing()
        if token.text == PEOPLE:
            self._advance()
            return self._comparison(PEOPLE)
        if token.text not in self._names:
            known = (*self._names, PEOPLE, PERSON, *CROSSINGS, *WORDS)
            raise self._error(f"unknown attribute {self._shown()}", nearest(token.text, known))
        self._advance()
        return self._comparison(token.text) if self._operator() else Present(token.text)

    def _comparison(self, name: str) -> Comparison:
        operator = self._operator()
        if not operator:
            raise self._error(f"{name} needs a comparison", f"{name} > 0")
        self._advance()
        if self._next.kind != "number":
            kind, example = PEOPLE_NUMBER if name == PEOPLE else PROBABILITY
            raise self._error(f"{self._shown()}, need {kind}", f"{name} {operator} {example}")
        value = float(self._next.text)
        if name == PEOPLE and not value.is_integer():
            raise self._error(f"{self._shown()} people, need a whole number", f"{name} > 0")
        if name != PEOPLE and value > 1:
            raise self._error(
                f"{self._shown()}, need a probability of 0 to 1", f"{name} {operator} 0.8"
            )
        self._advance()
        return Comparison(name, operator, value)

    def _person(self) -> IsPerson:
        self._advance()
        operator = self._operator()
        if operator not in ("==", "!="):
            raise self._error("person needs == or !=", 'person == "Ada"')
        self._advance()
        if self._next.kind != "text":
            raise self._error(f"{self._shown()}, need a name in quotes", f'person {operator} "Ada"')
        return IsPerson(operator, self._advance().text[1:-1])

    def _crossing(self) -> Crosses:
        name = self._advance().text
        if self._operator() != "==":
            hint = f'not {name} == "door"' if self._operator() == "!=" else f'{name} == "door"'
            raise self._error(f"{name} needs ==", hint)
        self._advance()
        if self._next.kind != "text":
            raise self._error(f"{self._shown()}, need a line in quotes", f'{name} == "door"')
        line = self._next.text[1:-1]
        if not self._lines:
            raise self._error(f"there is no line {line!r}", f'[[lines]] with name = "{line}"')
        if line not in self._lines:
            raise self._error(f"unknown line {line!r}", nearest(line, self._lines))
        self._advance()
        return Crosses(name, line)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _advance(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, text: str) -> bool:
        return self._next.kind in ("name", "symbol") and self._next.text == text

    def _take(self, text: str) -> bool:
        found = self._is(text)
        self._at += found
        return found

    def _operator(self) -> str:
        """Return the comparison that comes next, or ""."""
        text = self._next.text
        return text if self._next.kind == "symbol" and text in OPERATORS else ""

    def _shown(self) -> str:
        return repr(one_line(self._next.text, 40)) if self._next.text else "the end"

    def _error(self, message: str, hint: str) -> ConditionError:
        return self._error_at(self._next.column, message, hint)

    def _error_at(self, column: int, message: str, hint: str) -> ConditionError:
        return ConditionError(f"{self._origin}, column {column}: {message}", hint, column)

    def _split(self, text: str) -> list[Token]:
        if len(text) > MAX_LENGTH:
            message = f"more than {MAX_LENGTH} characters"
            raise self._error_at(MAX_LENGTH + 1, message, "a shorter condition, or two rules")
        tokens, at = [], 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            found = TOKEN.match(text, at)
            if not found:
                raise self._unreadable(text, at)
            tokens.append(Token(str(found.lastgroup), found[0], at + 1))
            at = found.end()
        return [*tokens, Token("end", "", len(text) + 1)]

    def _unreadable(self, text: str, at: int) -> ConditionError:
        if text[at] in "\"'":
            return self._error_at(at + 1, f"a {text[at]} that is not closed", 'person == "Ada"')
        message = f"{text[at]!r} is not expected here"
        return self._error_at(at + 1, message, INSTEAD.get(text[at], EXAMPLE))
