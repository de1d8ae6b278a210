"""One fault: how often it is inflicted, what must hold then, and what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random


class Missing(Exception):
    """This computer lacks what a fault needs: a compiler, the right to mount."""


@dataclass(frozen=True)
class Bench:
    """Where and how often a fault is inflicted."""

    folder: Path  # empty, for this fault alone
    rng: Random
    trials: int


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    expected: str
    seen: str
    passed: bool | None  # None: it could not be inflicted here


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    name: str  # as --only takes it
    title: str  # for people
    trials: int
    few: int  # trials of --quick
    limit_s: float  # beyond which it is given up as failed, on a computer with nothing else to do
    where: str  # module and name of the function that inflicts it

    @property
    def inflict(self) -> Callable[[Bench], Outcome]:
        """The function, imported now: each fault has a process of its own."""
        module, name = self.where.split(".")
        function: Callable[[Bench], Outcome] = getattr(
            import_module(f"tests.faults.{module}"), name
        )
        return function
