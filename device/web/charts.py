"""The bar chart of visits by hour, as SVG text for the web page.

The chart is written here, without a library. On top of what a run has loaded, pygal takes 0.04 s
and 4.8 MB for it (and its charts ask another host for a script), leather 0.02 s and 3.5 MB,
matplotlib 0.43 s and 55 MB, this module 0.002 s and 0.4 MB: CPU time and memory of import and first
chart on a desktop. The page may use 25 MB in all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from ..svg import axis_steps
from ..text import counted

# px of the drawing, which scales with the page
WIDTH, HEIGHT = 400, 150
TOP, BOTTOM, RIGHT = 10, 22, 6  # borders; BOTTOM has the hours
DIGIT = 7.5  # width of a digit, in the widest of usual fonts
HOUR = 5 * DIGIT  # width of "18:00"
GAP = 0.22  # of a bar's slot
TICK_HOURS = 6

# For a chart outside the page: in an <img>, in a file. The page's style sheet has the same classes.
STYLE = (
    "svg{color:#1b1f24}.bar{fill:#00707a}"
    "@media(prefers-color-scheme:dark){svg{color:#e4e8ec}.bar{fill:#4fd1c5}}"
)


def hours_svg(counts: Sequence[tuple[datetime, int]], zone: tzinfo | None = None) -> str:
    """Return a bar chart of visits by hour, an SVG document.

    counts: (start of the hour with its time zone, visits that began in it, 0 or more), oldest
    first. zone: of the hours on the axis; None: the computer's. The bars' heights are proportional
    to the counts. The document's title and description say the total and the busiest hour.
    """
    hours = [(hour.astimezone(zone), count) for hour, count in counts]
    step, top = axis_steps(max((count for _, count in hours), default=0))
    left = 12 + DIGIT * len(f"{top:,}")
    summary = describe(hours)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' aria-labelledby="chart-title chart-desc" font-family="system-ui,sans-serif"'
        ' font-size="12" fill="currentColor">'
        f'<title id="chart-title">{title(len(hours))}</title>'
        f'<desc id="chart-desc">{summary}</desc>'
        f"<style>{STYLE}</style>"
        f"{_grid(step, top, left)}{_bars(hours, top, left)}{_axis(hours, left)}"
        "</svg>"
    )


def title(hours: int) -> str:
    """Return the chart's title."""
    return f"Visits in the last {counted(hours, 'hour')}"


def describe(hours: Sequence[tuple[datetime, int]]) -> str:
    """Return the chart in words: the total and the busiest hour."""
    total = sum(count for _, count in hours)
    if not total:
        return "No visits."
    hour, most = max(hours, key=lambda entry: entry[1])  # of equals the first
    return f"{counted(total, 'visit')}. Most from {_span(hour)}: {most:,}."


def _span(hour: datetime) -> str:
    return f"{hour:%H:%M} to {hour + timedelta(hours=1):%H:%M}"


def _y(value: int, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _grid(step: int, top: int, left: float) -> str:
    """Return the horizontal lines with their numbers; the text alternative has no use for them."""
    lines = [
        f'<path d="M{left:g} {_y(value, top):.2f}H{WIDTH - RIGHT}" stroke="currentColor"'
        f' stroke-opacity="{0.45 if value == 0 else 0.15}"/>'
        f'<text x="{left - 6:g}" y="{_y(value, top) + 4:.2f}" text-anchor="end"'
        f' fill-opacity="0.75">{value:,}</text>'
        for value in range(0, top + 1, step)
    ]
    return f'<g class="grid" aria-hidden="true">{"".join(lines)}</g>'


def _bars(hours: Sequence[tuple[datetime, int]], top: int, left: float) -> str:
    slot = (WIDTH - RIGHT - left) / max(1, len(hours))
    bars = []
    for place, (hour, count) in enumerate(hours):
        x, y = left + slot * (place + GAP / 2), _y(count, top)
        # The transparent rectangle makes the whole column a place to point at.
        bars.append(
            f"<g><title>{_span(hour)}: {counted(count, 'visit')}</title>"
            f'<rect x="{left + slot * place:.2f}" y="{TOP}" width="{slot:.2f}"'
            f' height="{HEIGHT - TOP - BOTTOM}" fill-opacity="0"/>'
            f'<rect class="bar" x="{x:.2f}" y="{y:.4f}" width="{slot * (1 - GAP):.2f}"'
            f' height="{HEIGHT - BOTTOM - y:.4f}"/></g>'
        )
    return "".join(bars)


def _axis(hours: Sequence[tuple[datetime, int]], left: float) -> str:
    """Return the hours below every sixth bar, by the clock."""
    slot = (WIDTH - RIGHT - left) / max(1, len(hours))
    labels = [
        f'<text x="{left + slot * (place + 0.5):.2f}" y="{HEIGHT - 6}" text-anchor="middle"'
        f' fill-opacity="0.75">{hour:%H:%M}</text>'
        for place, (hour, _) in enumerate(hours)
        if hour.hour % TICK_HOURS == 0
        # Nearer to the border than this, the text would be cut off.
        and HOUR / 2 <= left + slot * (place + 0.5) <= WIDTH - HOUR / 2
    ]
    return f'<g class="axis" aria-hidden="true">{"".join(labels)}</g>'
