"""Charts of the report: style, and SVG for a light and a dark page."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from train.data.file_names import unique_slug
from train.evaluation.chart_text import short_label
from train.evaluation.plots import BLUE, GREEN, GREY, ORANGE

# On a page as wide as a phone, a chart of this width has 8 pt text.
WIDTH_IN = 4.6
GRID = "#d5dae0"
STYLE: dict[RcKeyType, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8,
    "legend.framealpha": 0.0,
    "svg.fonttype": "none",  # text in the page's font: a third of the size
}
BLUE_RGB, ORANGE_RGB = to_rgb(BLUE), to_rgb(ORANGE)
# Colours that the page's style sheet changes in dark mode.
THEMED = {"#000000": "currentColor", GRID: "var(--line)"} | {
    colour.lower(): f"var(--{name})"
    for name, colour in (("blue", BLUE), ("orange", ORANGE), ("green", GREEN), ("grey", GREY))
}


@dataclass(frozen=True)
class Chart:
    """A figure with title and caption; `name` is the file name without suffix."""

    name: str
    title: str
    alt: str  # text alternative
    figure: Figure
    caption: str = ""
    wide: bool = False  # full page width; scrolls sideways on a phone

    def save(self, folder: Path) -> None:
        """Write NAME.png."""
        path = folder / f"{self.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure.savefig(path, dpi=150)
        self.figure.set_layout_engine(
            "none"
        )  # reuse this layout: computing it takes most of the time

    def svg(self) -> str:
        """Return the chart as an SVG element for an HTML page with other charts."""
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        text = buffer.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        return themed(unique(shortened(text), self.name))


def shortened(svg: str) -> str:
    """Return an SVG whose paths are rounded to hundredths of a point."""
    return re.sub(
        r' d="([^"]*)"',
        lambda path: ' d="' + re.sub(r"(\.\d\d)\d+", r"\1", path[1]).replace("\n", "") + '"',
        svg,
    )


def unique(svg: str, name: str) -> str:
    """Return an SVG with all ids and references prefixed by a name, unique on the page."""
    prefix = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}.\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}.\1)", svg)
    return re.sub(r'href="#([^"]+)"', rf'href="#{prefix}.\1"', svg)


def themed(svg: str) -> str:
    """Return an SVG with the colours of the page's style sheet."""
    for colour, value in THEMED.items():
        svg = re.sub(re.escape(colour), value, svg, flags=re.IGNORECASE)
    return svg


def rows_figure(count: int) -> Figure:
    """Return a figure with room for one row per attribute."""
    return Figure(figsize=(WIDTH_IN, 0.19 * count + 0.9), layout="constrained")


def label_rows(axes, names: list[str]) -> None:
    """Label the rows 0, 1, ... of a chart, from the bottom."""
    axes.set_yticks(range(len(names)), [short_label(name) for name in names])
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def legend_outside(figure: Figure, columns: int) -> None:
    """Put the legend above the axes, where it hides no bar."""
    figure.legend(loc="outside upper center", ncols=columns)


def slug(name: str) -> str:
    """Return a name that is valid as a file name and an anchor."""
    return unique_slug(name)
