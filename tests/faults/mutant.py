"""One way to break Facet, by another function in place of one of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """One way to break Facet."""

    name: str
    fault: str  # whose check must fail
    trials: int
    breaks: str  # what it does, for people
    apply: Callable[[], None]


def replace(owner: Any, name: str, new: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function or method by `new` of it; AttributeError if there is none."""
    before = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
    setattr(owner, name, new(before))
