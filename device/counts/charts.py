"""The report's charts, as SVG text: bars, and shares with their intervals."""

from collections.abc import Sequence
from html import escape

from ..svg import axis_steps
from .rates import Interval

WIDTH = 700  # px of the drawing, which scales with the page
TOP, BOTTOM, RIGHT = 18, 26, 8
GAP = 0.24  # of a bar's slot
LABEL = 170  # px, for the names left of a row
ROW = 46  # px, height of one


def bars_svg(
    title: str, bars: Sequence[tuple[str, float | None, float | None]], height: int = 210
) -> str:
    """Return a bar chart; bars: (label, this week's value, the week before's); None: no value."""
    most = max((max(now or 0.0, then or 0.0) for _, now, then in bars), default=0.0)
    step, top = axis_steps(max(1, round(most + 0.499)))
    left = 14 + 7.5 * len(f"{top:,}")
    slot = (WIDTH - RIGHT - left) / max(1, len(bars))
    bottom = height - BOTTOM

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * value / top

    parts = []
    for value in range(0, top + 1, step):
        parts.append(
            f'<path d="M{left:g} {y(value):.1f}H{WIDTH - RIGHT}" class="grid"/>'
            f'<text x="{left - 6:g}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,}</text>'
        )
    for place, (label, now, then) in enumerate(bars):
        x, width = left + slot * (place + GAP / 2), slot * (1 - GAP)
        if now is not None:
            parts.append(
                f"<g><title>{escape(label)}: about {now:,.0f}</title>"
                f'<rect class="bar" x="{x:.1f}" y="{y(now):.1f}" width="{width:.1f}"'
                f' height="{bottom - y(now):.1f}"/></g>'
            )
        if then is not None and (then or now):  # nights stay empty
            parts.append(f'<path class="before" d="M{x - 2:.1f} {y(then):.1f}h{width + 4:.1f}"/>')
        if len(label) * 7 < slot or place % 3 == 0:
            middle = left + slot * (place + 0.5)
            parts.append(_text(middle, height - 8, "middle", label))
    return _svg(title, height, parts)


def shares_svg(title: str, shares: Sequence[tuple[str, Interval, Interval | None]]) -> str:
    """Return shares of 0 to 100 %: of each (name, counted, corrected) a dot and its interval."""
    height, left = TOP + ROW * len(shares) + BOTTOM, LABEL
    width = WIDTH - RIGHT - left - 20

    def x(share: float) -> float:
        return left + width * share

    parts = []
    for percent in range(0, 101, 20):
        at = x(percent / 100)
        parts.append(
            f'<path d="M{at:.1f} {TOP}V{height - BOTTOM}" class="grid"/>'
            f'<text x="{at:.1f}" y="{height - 8}" text-anchor="middle">{percent} %</text>'
        )
    for place, (name, raw, corrected) in enumerate(shares):
        middle = TOP + ROW * (place + 0.5)
        parts.append(_text(left - 10, middle + 4, "end", name))
        for kind, found, at in (("raw", raw, middle - 8), ("corrected", corrected, middle + 8)):
            if found:
                parts.append(
                    f"<g><title>{kind}: {100 * found.value:.1f} %</title>"
                    f'<path class="{kind} line" d="M{x(found.low):.1f} {at:.1f}'
                    f'H{x(found.high):.1f}"/>'
                    f'<circle class="{kind}" cx="{x(found.value):.1f}" cy="{at:.1f}" r="5"/></g>'
                )
    return _svg(title, height, parts)


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img"'
        f' aria-label="{escape(title)}" font-family="system-ui,sans-serif" font-size="12"'
        f' fill="currentColor">{"".join(parts)}</svg>'
    )
