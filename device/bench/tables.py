"""The figures of two commits as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from .compare import Comparison
from .rows import LATENCY_AIM_MS, LATENCY_ROWS, ROWS, ComparedRow, Row

NONE = "-"  # not measured
MEASUREMENT_OF_STAGES = "faces"
LATENCY = Row("", "", LATENCY_AIM_MS, LATENCY_AIM_MS, " ms")


def lines_of(comparison: Comparison) -> list[str]:
    """Return the tables of what was measured, as lines: figures, latencies, stages."""
    tables = [table(comparison), latencies(comparison), stages(comparison)]
    filled = [lines for lines in tables if lines]
    return [line for lines in filled for line in ("", *lines)][1:]


def table(comparison: Comparison) -> list[str]:
    """Return the table of the figures with limits; nothing if none was measured."""
    rows = [row for row in ROWS if row.measurement in comparison.runs]
    head = [
        f"| figure | here | {comparison.then} | ratio | pass | aim | |",
        "|---|---|---|---|---|---|---|",
    ]
    return [*head, *(_line(row, comparison) for row in rows)] if rows else []


def _line(row: ComparedRow, comparison: Comparison) -> str:
    here, then, ratio = comparison.median(row.measurement, row.key)
    judged = ratio if row.by_ratio else here
    limits = [
        f"ratio {limit:g}" if row.by_ratio else f"{limit:g}{row.unit}"
        for limit in (row.passes, row.aim)
    ]
    verdict = NONE if judged is None else row.verdict(judged)
    cells = [row.label, _shown(here, row.unit), _shown(then, row.unit), _shown(ratio)]
    return f"| {' | '.join([*cells, *limits, verdict])} |"


def latencies(comparison: Comparison) -> list[str]:
    """Return the table of the latencies; nothing if none was measured."""
    rows = [row for row in LATENCY_ROWS if row.measurement in comparison.runs]
    if not rows:
        return []
    lines = [
        f"| from capture to the drawn picture, ms | p50 here | p50 {comparison.then} | p95 here "
        f"| p95 {comparison.then} | aim of p95 | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        p50, p95 = (comparison.median(row.measurement, f"{row.key}_p{rank}") for rank in (50, 95))
        cells = [f"{ms:.1f}" for ms in (*p50[:2], *p95[:2]) if ms is not None]
        cells = [row.label, *cells, f"{LATENCY_AIM_MS:.1f}", LATENCY.verdict(p95[0])]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def stages(comparison: Comparison) -> list[str]:
    """Return how long each stage took here and in the other commit; nothing if not measured."""
    if MEASUREMENT_OF_STAGES not in comparison.runs:
        return []
    lines = [
        f"| stage, one face 640x480, ms | p50 here | p50 {comparison.then} | p95 here "
        f"| p95 {comparison.then} | p99 here | p99 {comparison.then} |",
        "|---|---|---|---|---|---|---|",
    ]
    here, then = (side[-1]["stages_ms"] for side in comparison.runs[MEASUREMENT_OF_STAGES])
    for stage, durations_ms in here.items():
        others_ms = then.get(stage, [])
        cells = _in_turns(durations_ms, others_ms or [None] * len(durations_ms))
        lines.append(f"| {' | '.join([stage, *cells])} |")
    return lines


def _in_turns(here: list[float], then: list[float | None]) -> Iterator[str]:
    for pair in zip(here, then, strict=True):
        yield from (NONE if ms is None else f"{ms:.2f}" for ms in pair)


def _shown(value: float | None, unit: str = "") -> str:
    """Return a figure with three digits or so."""
    if value is None:
        return NONE
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 20 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f}{unit}"
