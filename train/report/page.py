"""Fill page.html in: one document that needs no other file, for light and dark, desk and phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from train.report.drawing import Chart


@dataclass(frozen=True)
class Drawn:
    """A chart as the page has it."""

    heading: str
    svg: Markup
    caption: str
    wide: bool


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row; `texts` are the columns that hold no number."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    texts: Sequence[str] = ()
    folded: bool = False  # away until asked for
    kind: str = ""  # pinned: the first column stays; last: so is the mean; sorts: by a click


@dataclass(frozen=True)
class Photo:
    """A small picture within the page."""

    uri: str
    alt: str
    caption: str


@dataclass(frozen=True)
class AttributeCard:
    """One attribute, folded away until it is asked for."""

    name: str
    anchor: str
    figures: Sequence[str]
    chart: Drawn
    mistakes: Table
    photos: Sequence[Photo] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    anchor: str
    title: str
    text: Sequence[str] = ()
    command: str = ""  # that would fill it
    charts: Sequence[Drawn] = ()
    beside: Sequence[Table] = ()  # the first chart
    tables: Sequence[Table] = ()
    cards: Sequence[AttributeCard] = ()
    photos: Sequence[Photo] = ()


def drawn(chart: Chart, folder: Path, heading: bool = True) -> Drawn:
    """Return a chart for the page, and leave its PNG in `folder`."""
    chart.save(folder)
    named = f'<svg role="img" aria-label="{escape(chart.alt)}"'
    svg = Markup(chart.svg().replace("<svg", named, 1))
    return Drawn(chart.title if heading else "", svg, chart.caption, chart.wide)


def link(text: str, anchor: str) -> Markup:
    """Return a link to a place on the page."""
    return Markup('<a href="#{}">{}</a>').format(anchor, text)


def html(
    title: str,
    subtitle: str,
    tiles: Sequence[tuple[str, str, str]],
    sections: Sequence[Section],
) -> str:
    """Return the page; tiles are (name, value, what stands below) of the headline figures."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    template = environment.get_template("page.html")
    return template.render(title=title, subtitle=subtitle, tiles=tiles, sections=sections)
