"""docs/INTEGRATIONS.md: when, with which versions, and what came of each step."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from device import __version__
from tests.integrations.step import Outcome, Verdict

INTRODUCTION = """\
# Integrations

<!-- Written by: make integrations -->

Facet with the programs that it talks to, all of them real: a broker, Home Assistant, Prometheus and
a browser. The camera is a network camera that repeats the demo clip with an empty room in between.
What it needs: [Tests](testing.md#integrations).
"""


def page(outcomes: Sequence[Outcome], versions: Mapping[str, str], minutes: float) -> str:
    """Return the page; versions: of the programs, by name."""
    return "\n".join(
        [
            INTRODUCTION,
            f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}: {summary(outcomes, minutes)}",
            "",
            "| program | version |",
            "|---|---|",
            f"| Facet | {__version__}, Python {platform.python_version()} |",
            *(f"| {name} | {_cell(version)} |" for name, version in versions.items()),
            "",
            "| step | expected | seen | verdict | s |",
            "|---|---|---|---|---|",
            *map(_row, outcomes),
            "",
        ]
    )


def summary(outcomes: Sequence[Outcome], minutes: float) -> str:
    """Return how many steps passed, failed and were not run."""
    counts = {v: sum(one.verdict is v for one in outcomes) for v in Verdict}
    told = f"{counts[Verdict.PASSED]} passed, {counts[Verdict.FAILED]} failed, "
    return f"{len(outcomes)} steps, {told}{counts[Verdict.NOT_RUN]} not run, {minutes:.0f} minutes."


def line(one: Outcome) -> str:
    """Return an outcome for the terminal."""
    return (
        f"{one.verdict.value:8} {one.took_s:4.0f} s  {one.step.part}, {one.step.title}: {one.seen}"
    )


def _row(one: Outcome) -> str:
    seen = f"{one.verdict.value}: {one.seen}" if one.verdict is Verdict.NOT_RUN else one.seen
    title = f"{one.step.part}: {one.step.title}"
    cells = title, one.step.expected, seen, one.verdict.value, f"{one.took_s:.0f}"
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
