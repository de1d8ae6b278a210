"""`python -m device.bench --cameras N`: what each further camera costs."""

from typing import Any

from ..errors import UsageError

MOST = 32


def measured(most: int, write: bool) -> tuple[dict[str, Any], str]:
    """Return the figures for up to `most` cameras, and the text that shows them.

    write: fill in docs/benchmarks.md. Raises UsageError for a wrong number.
    """
    from ..bench import report
    from ..bench.cameras import Extent, lines_of, measure
    from ..tflite import runtime_name

    if not 1 <= most <= MOST:
        raise UsageError(f"--cameras {most}, need 1 to {MOST}", "--cameras 4")
    if write:
        report.refuse_unwritable(report.CAMERAS)
    figures = measure(most, Extent())
    lines = lines_of(figures)
    if write:
        report.fill([report.conditions(runtime_name()), "", *lines], report.CAMERAS)
    return figures, "\n".join(lines)
