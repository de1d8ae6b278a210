"""Render page.html: one self-contained document with a light and a dark theme."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from train.evaluation.intervals import Interval, interval_text
from train.report.chart import Chart


@dataclass(frozen=True)
class EmbeddedChart:
    """A chart as an SVG in the page."""

    heading: str
    svg: Markup
    caption: str
    wide: bool


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row; `texts` are the columns that are not numeric."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    texts: Sequence[str] = ()
    folded: bool = False  # collapsed
    # pinned: first column fixed; last: bold last row; sorts: sortable by a click; texts: all cells
    # wrap; mixed: those of `texts` wrap
    kind: str = ""


@dataclass(frozen=True)
class Photo:
    """A small embedded picture."""

    uri: str
    alt: str
    caption: str


@dataclass(frozen=True)
class AttributeCard:
    """One attribute, collapsed."""

    name: str
    anchor: str
    figures: Sequence[str]
    chart: EmbeddedChart
    mistakes: Table
    photos: Sequence[Photo] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    anchor: str
    title: str
    text: Sequence[str] = ()
    command: str = ""  # that produces the missing content
    charts: Sequence[EmbeddedChart] = ()
    beside: Sequence[Table] = ()  # the first chart
    tables: Sequence[Table] = ()
    cards: Sequence[AttributeCard] = ()
    photos: Sequence[Photo] = ()


def embed(chart: Chart, folder: Path, heading: bool = True) -> EmbeddedChart:
    """Return a chart for the page, and write its PNG to `folder`."""
    chart.save(folder)
    labelled = f'<svg role="img" aria-label="{escape(chart.alt)}"'
    svg = Markup(chart.svg().replace("<svg", labelled, 1))
    return EmbeddedChart(chart.title if heading else "", svg, chart.caption, chart.wide)


def interval_cell(
    value: str, interval: Interval, digits: int = 2, percent: bool = False
) -> str | Markup:
    """Return a table's cell: a value, and its 95 % interval in small type if it is known."""
    return small_cell(value, interval_text(interval, digits, percent))


def small_cell(value: str, text: str) -> str | Markup:
    """Return a table's cell: a value, and a text in small type below it if there is one."""
    return Markup("{} <small>{}</small>").format(value, text) if text else value


def link(text: str, anchor: str) -> Markup:
    """Return a link to an anchor on the page."""
    return Markup('<a href="#{}">{}</a>').format(anchor, text)


def html(
    title: str,
    subtitle: str,
    tiles: Sequence[tuple[str, str, str]],
    sections: Sequence[Section],
) -> str:
    """Return the page; tiles are (name, value, note) of the headline metrics."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    template = environment.get_template("page.html")
    return template.render(title=title, subtitle=subtitle, tiles=tiles, sections=sections)
