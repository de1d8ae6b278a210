"""The table, for the terminal and for docs/faults.md."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, Outcome

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


def page(rows: Sequence[Row], seed: int, before: str) -> str:
    """Return docs/faults.md; `before` is what it was: faults that were not run keep their line."""
    today, processors = f"{datetime.now(UTC):%Y-%m-%d}", os.cpu_count()
    how = f"{today}, seed {seed}, {processors} processors, load {os.getloadavg()[0]:.0f}"
    lines = {line[0]: line for line in map(_cells, before.splitlines()) if len(line) > len(HEAD)}
    lines |= {row.fault.title: (*row.cells, how) for row in rows}
    listed = [lines[fault.title] for fault in FAULTS if fault.title in lines]
    return f"""# Faults that Facet survives

`make faults` writes this page; `python -m tests.faults --only NAME --write docs/faults.md` writes
one line. The docstring of each function in `tests/faults/` describes its fault. The last column is
the date and the machine; under load the seconds mean little.

{_aligned([(*HEAD, "run"), *listed])}
"""


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
