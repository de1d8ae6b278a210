"""The HTML page of a comparison: tables, learning curves of all recipes, ROC, confusion, cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device.files import write_atomic
from device.text import counted
from train.evaluation.chart_text import attribute_label, chart_style
from train.evaluation.comparison_rows import ComparisonRow, steps
from train.evaluation.comparison_table import (
    TextTable,
    cost_table,
    failed_line,
    quality_table,
    steps_table,
    tested_text,
)
from train.evaluation.intervals import score_intervals
from train.evaluation.metrics import Score, decimals
from train.report.chart import STYLE, slug
from train.report.comparison_charts import (
    accuracy_chart,
    cost_chart,
    learning_charts,
    roc_chart,
    row_chart,
    styles,
)
from train.report.page import (
    AttributeCard,
    Section,
    Table,
    embed,
    html,
    interval_cell,
    small_cell,
)

TEXTS = ("base, start", "augmentation", "after", "note", "passed")
STEP_TEXT = (
    "The gain is that of the means over seeds. Its 95 % interval is of the test photos, which both "
    "recipes share; it does not hold the spread of other seeds.",
    "The earlier project's figures are on other photos of CelebA.",
)
COST_TEXT = (
    "A Pi's time is roughly proportional to the multiply-adds. CPU minutes of training are of all "
    "cores together, those on an accelerator are on the clock; int8 ms is the quickest pass on one "
    "thread of the computer that measured, and int8 loss is in points of accuracy."
)


@dataclass(frozen=True)
class ComparisonPage:
    """A comparison to show."""

    title: str
    about: str
    photos: str  # counts per split
    equal: tuple[str, ...]  # settings that are equal in all rows
    rows: Sequence[ComparisonRow]
    failed: dict[str, str]  # run -> reason
    command: str


def write_page(page: ComparisonPage, out: Path) -> Path:
    """Write OUT/comparison.html, and its charts as PNGs to OUT/charts; return the page's path."""
    rows = page.rows
    with chart_style((row.name for row in rows), STYLE):
        sections = _sections(page, out)
    equal = f" Equal in all rows: {', '.join(page.equal)}." if page.equal else ""
    text = html(
        f"Comparison: {page.title}",
        f"{page.about + '. ' if page.about else ''}{page.photos}.{equal} Ranges: 95 % intervals.",
        _tiles(rows),
        sections,
    )
    path = out / "comparison.html"
    write_atomic(path, text.encode())
    return path


def _tiles(rows: Sequence[ComparisonRow]) -> list[tuple[str, str, str]]:
    best = max(rows, key=lambda row: row.accuracy)
    tiles = [
        ("Best accuracy", f"{100 * best.accuracy:.2f} %", best.name),
        ("Recipes", f"{len(rows)}", counted(sum(len(row.runs) for row in rows), "run")),
    ]
    judged = [step.passed for step in steps(rows) if step.passed is not None]
    if judged:
        tiles.append(("Targets reached", f"{sum(judged)} of {len(judged)}", ""))
    return tiles


def _sections(page: ComparisonPage, out: Path) -> list[Section]:
    rows, charts = page.rows, out / "charts"
    sections = [_accuracy(rows, charts)]
    if compared := steps(rows):
        table = _table(steps_table(compared))
        sections.append(Section("steps", "Steps", STEP_TEXT, tables=[table]))
    curves = [embed(chart, charts) for chart in learning_charts(rows, out)]
    text = () if curves else ("No run has recorded validation photos.",)
    sections.append(Section("learning", "Learning curves", text, charts=curves))
    if len(rows[0].attributes) == 1:
        sections.append(_recipes(rows, charts))
    else:
        sections.append(_attributes(rows))
    sections.append(Section("cost", "Cost", [COST_TEXT], tables=[_table(cost_table(rows))]))
    failed = [f"{failed_line(page.failed)}."] if page.failed else []
    sections.append(Section("command", "This page", failed, page.command))
    return sections


def _accuracy(rows: Sequence[ComparisonRow], charts: Path) -> Section:
    drawn = [embed(chart, charts) for chart in (accuracy_chart(rows), cost_chart(rows))]
    return Section("accuracy", "Accuracy", charts=drawn, tables=[_table(quality_table(rows))])


def _table(table: TextTable) -> Table:
    rows = [(name, *map(_two_lines, cells)) for name, *cells in table.rows]
    return Table(table.caption, table.header, rows, texts=TEXTS, kind="pinned mixed")


def _two_lines(cell: str) -> object:
    """Return a cell with its interval in small type below the value."""
    value, bracket, rest = cell.partition(" (")
    numeric = bracket and value[:1] in "+-0123456789"
    return small_cell(value, rest.removesuffix(")")) if numeric else cell


def _recipes(rows: Sequence[ComparisonRow], charts: Path) -> Section:
    drawn = [embed(roc_chart(rows), charts, heading=False)]
    cards = [
        AttributeCard(
            row.name,
            f"recipe-{slug(row.name)}",
            [f"accuracy {100 * row.first.accuracy:.2f} %", f"AUC {decimals(row.first.auc, 3)}"],
            embed(row_chart(row, style), charts, heading=False),
            _metrics(row),
        )
        for row, style in styles(rows)
    ]
    text = [f"On {tested_text(rows)}, at the threshold 1/2; of several seeds the first."]
    return Section("recipes", "ROC and confusion", text, charts=drawn, cards=cards)


def _metrics(row: ComparisonRow) -> Table:
    score = row.first.scores[0]
    ends = score_intervals(score)
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "auc")
    rows = [
        (attribute_label(name), interval_cell(decimals(getattr(score, name), 3), ends[name]))
        for name in names
    ]
    return Table(f"Seed {row.first.seed}", ("metric", "value"), rows)


def _attributes(rows: Sequence[ComparisonRow]) -> Section:
    """Return the balanced accuracy and F1 of every attribute, a column per recipe."""
    header = ("attribute", *(row.name for row in rows))
    tables = [
        Table(caption, header, _by_attribute(rows, metric), kind="pinned", folded=True)
        for caption, metric in (
            ("Accuracy of each attribute", "accuracy"),
            ("Balanced accuracy of each attribute", "balanced_accuracy"),
            ("F1 of each attribute", "f1"),
        )
    ]
    text = ["Of several seeds the first."]
    return Section("attributes", "Attributes", text, tables=tables)


def _by_attribute(rows: Sequence[ComparisonRow], metric: str) -> list[tuple[str, ...]]:
    scores: list[dict[str, Score]] = [
        {score.name: score for score in row.first.scores} for row in rows
    ]
    return [
        (
            attribute_label(name),
            *(decimals(getattr(own[name], metric), 3) if name in own else "" for own in scores),
        )
        for name in rows[0].attributes
    ]
