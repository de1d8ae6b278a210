"""What all charts of the page share: their look, and how one becomes an SVG for light and dark."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from train.measuring.charts import BLUE, GREEN, GREY, ORANGE

# The page is as wide as a phone for a chart of this width: its 8 pt are then what text there is.
WIDTH_IN = 4.6
LINE = "#d5dae0"  # of a grid
STYLE = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8,
    "legend.framealpha": 0.0,
    "svg.fonttype": "none",  # text stays text, in the page's font: the SVG is a third of the size
}
BLUE_RGB, ORANGE_RGB = to_rgb(BLUE), to_rgb(ORANGE)
# What the page's style sheet says otherwise in the dark.
THEMED = {"#000000": "currentColor", LINE: "var(--line)"} | {
    colour.lower(): f"var(--{name})"
    for name, colour in (("blue", BLUE), ("orange", ORANGE), ("green", GREEN), ("grey", GREY))
}


@dataclass(frozen=True)
class Chart:
    """A figure with what is said of it; `name` is its file's, without the ending."""

    name: str
    title: str
    alt: str  # what it shows, for those who do not see it
    figure: Figure
    caption: str = ""
    wide: bool = False  # takes the page's whole width; scrolls sideways on a phone

    def save(self, folder: Path) -> None:
        """Write NAME.png."""
        path = folder / f"{self.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure.savefig(path, dpi=150)
        self.figure.set_layout_engine("none")  # as it is now laid out: that is most of the work

    def svg(self) -> str:
        """Return the chart as an SVG element to stand in an HTML page beside others."""
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        text = buffer.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        return themed(unique(shortened(text), self.name))


def shortened(svg: str) -> str:
    """Return an SVG whose paths have hundredths of a point instead of millionths."""
    return re.sub(
        r' d="([^"]*)"',
        lambda path: ' d="' + re.sub(r"(\.\d\d)\d+", r"\1", path[1]).replace("\n", "") + '"',
        svg,
    )


def unique(svg: str, name: str) -> str:
    """Return an SVG whose ids and their uses begin with a name: a page has each id once."""
    prefix = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}.\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}.\1)", svg)
    return re.sub(r'href="#([^"]+)"', rf'href="#{prefix}.\1"', svg)


def themed(svg: str) -> str:
    """Return an SVG whose ink and data colours are those of the page's style sheet."""
    for colour, value in THEMED.items():
        svg = re.sub(re.escape(colour), value, svg, flags=re.IGNORECASE)
    return svg


def words(name: str) -> str:
    """Return an attribute's name as a person writes it."""
    return name.replace("_", " ")


def rows_figure(count: int) -> Figure:
    """Return a figure for a row per attribute, as high as they need."""
    return Figure(figsize=(WIDTH_IN, 0.19 * count + 0.9), layout="constrained")


def label_rows(axes, names: list[str]) -> None:
    """Name the rows 0, 1, ... of a chart, from the bottom."""
    axes.set_yticks(range(len(names)), [words(name) for name in names])
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def slug(name: str) -> str:
    """Return a name that can be a file's and an anchor."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "attribute"


def number(value: float, digits: int) -> str:
    """Return a figure as text, a dash where there is none."""
    return f"{value:.{digits}f}" if value == value else "-"
