"""The table, for the terminal and for docs/FAULTS.md."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

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
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(one[column]) for one in cells) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)) + " |"
        for one in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def page(rows: Sequence[Row], seed: int, took_s: float) -> str:
    """Return docs/FAULTS.md."""
    python = platform.python_version()
    made = f"{datetime.now(UTC):%Y-%m-%d}, in {took_s / 60:.0f} minutes"
    machine = f"{os.cpu_count()} processors ({platform.machine()}), Python {python}, seed {seed}"
    return f"""# Faults that Facet survives

Written by `make faults` on {made}: {machine}.
What is inflicted, and on what, stands at the head of each function in `tests/faults/`.

{table(rows)}
"""
