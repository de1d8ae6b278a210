"""The table, for the terminal and for docs/faults.md."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, Outcome
from tests.faults.mutant import Mutant
from tests.faults.mutants import MUTANTS, NOT_APPLIED

MUTANT_HEAD = ("Facet broken on purpose", "fault", "trials", "seen", "verdict", "run")
MUTANT_TITLE = "## Checks that can fail"
HEAD = ("fault", "trials", "expected", "seen", "verdict", "s")
VERDICTS = {True: "passed", False: "FAILED", None: "not run here"}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    fault: Fault
    trials: int
    outcome: Outcome
    took_s: float

    @property
    def cells(self) -> tuple[str, ...]:
        outcome = self.outcome
        verdict = VERDICTS[outcome.passed]
        count = f"{self.trials:,}"
        return (
            *(self.fault.title, count, outcome.expected, outcome.seen),
            *(verdict, f"{self.took_s:.0f}"),
        )


def table(rows: Sequence[Row]) -> str:
    """Return a table in Markdown, its columns aligned so that it reads well as text."""
    return _aligned([HEAD, *(row.cells for row in rows)])


def _aligned(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)) + " |"
        for one in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


@dataclass(frozen=True)
class MutantRow:
    """A line of the table of mutants."""

    mutant: Mutant
    row: Row  # what its fault's check found

    @property
    def noticed(self) -> bool:
        outcome = self.row.outcome
        broken = any(words in outcome.seen for words in (NOT_APPLIED, "internal error"))
        return outcome.passed is False and not broken  # else the check broke, not the product

    @property
    def cells(self) -> tuple[str, ...]:
        if self.row.outcome.passed is None:
            verdict = VERDICTS[None]
        else:
            verdict = "noticed" if self.noticed else "NOT NOTICED"
        seen = self.row.outcome.seen.replace("|", "/")[:160]
        mutant = self.mutant
        return f"{mutant.name}: {mutant.breaks}", mutant.fault, f"{mutant.trials:,}", seen, verdict


def mutant_table(rows: Sequence[MutantRow]) -> str:
    """Return the table of mutants in Markdown."""
    return _aligned([MUTANT_HEAD[:-1], *(row.cells for row in rows)])


def _how(seed: int) -> str:
    today, processors = f"{datetime.now(UTC):%Y-%m-%d}", os.cpu_count()
    return f"{today}, seed {seed}, {processors} processors, load {os.getloadavg()[0]:.0f}"


def mutants_page(rows: Sequence[MutantRow], seed: int, before: str) -> str:
    """Return docs/faults.md with the mutants' table; those that were not run keep their line."""
    faults, _, section = before.partition(MUTANT_TITLE)
    found = [_cells(line) for line in section.splitlines()]
    lines = {line[0]: line for line in found if len(line) == len(MUTANT_HEAD)}
    lines |= {row.cells[0]: [*row.cells, _how(seed)] for row in rows}
    titles = [f"{mutant.name}: {mutant.breaks}" for mutant in MUTANTS]
    listed = [lines[title] for title in titles if title in lines]
    return f"""{faults.rstrip()}

{MUTANT_TITLE}

`python -m tests.faults --mutants` breaks Facet on purpose and inflicts the fault whose check must
notice it; `--write docs/faults.md` keeps the table. They are listed in `tests/faults/mutants.py`.

{_aligned([MUTANT_HEAD, *listed])}
"""


def page(rows: Sequence[Row], seed: int, before: str) -> str:
    """Return docs/faults.md; `before` is what it was: faults that were not run keep their line."""
    how = _how(seed)
    before, title, mutants = before.partition(MUTANT_TITLE)
    lines = {line[0]: line for line in map(_cells, before.splitlines()) if len(line) > len(HEAD)}
    lines |= {row.fault.title: (*row.cells, how) for row in rows}
    listed = [lines[fault.title] for fault in FAULTS if fault.title in lines]
    return f"""# Faults that Facet survives

`make faults` writes this page; `python -m tests.faults --only NAME --write docs/faults.md` writes
one line. The docstring of each function in `tests/faults/` describes its fault. The last column is
the date and the machine; under load the seconds mean little.

{_aligned([(*HEAD, "run"), *listed])}
""" + (f"\n{title}{mutants}" if title else "")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
