"""The chart of compared recipes: a panel per unit, each with its own linear axis."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from train.evaluation.chart_text import chart_style, short_label
from train.evaluation.comparison import ComparisonRow, milliseconds
from train.evaluation.plots import BLUE, GREEN, ORANGE, interval_lengths

MOST_COLUMNS = 44  # of a recipe's name


def chart(path: Path, rows: list[ComparisonRow]) -> None:
    """Draw accuracy with its 95 % interval, time and size of the int8 model, a row per recipe."""
    with chart_style(f"{row.recipe}{row.attribute}" for row in rows):
        _figure(rows).savefig(path, dpi=120)


def _figure(rows: list[ComparisonRow]) -> Figure:
    figure = Figure(figsize=(11, 0.42 * len(rows) + 1.5), layout="constrained")
    accuracy, time, size = figure.subplots(1, 3, sharey=True, width_ratios=(4, 2, 2))
    ordered = sorted(rows, key=lambda row: row.accuracy)
    names = [f"{short_label(row.recipe, MOST_COLUMNS)}\n{_description(row)}" for row in ordered]
    _accuracies(accuracy, ordered)
    accuracy.set_yticks(range(len(ordered)), names, fontsize=7)
    accuracy.set_ylim(-0.6, len(rows) - 0.4)
    _bars(time, [row.int8_ms for row in ordered], ORANGE, milliseconds)
    time.set(title="time of a face", xlabel="ms, int8, one thread of this computer")
    _bars(size, [row.int8_bytes / 1e6 for row in ordered], GREEN, "{:,.2f}".format)
    size.set(title="size", xlabel="MB, int8")
    for axes in (accuracy, time, size):
        axes.grid(axis="x", alpha=0.4)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_size(10)
        axes.xaxis.label.set_size(8)
        axes.tick_params(axis="x", labelsize=8)
    return figure


def _accuracies(axes, rows: list[ComparisonRow]) -> None:
    percent = 100 * np.array([row.accuracy for row in rows])
    ends = 100 * np.array([(row.low, row.high) for row in rows])
    lengths = interval_lengths(percent, ends)
    axes.errorbar(percent, range(len(rows)), xerr=lengths, fmt="o", color=BLUE, capsize=3)
    for place, (value, (_, high)) in enumerate(zip(percent, ends, strict=True)):
        axes.annotate(
            f"{value:.2f}", (high, place), (5, 0), textcoords="offset points", va="center", size=7
        )
    tested = sorted({row.tested for row in rows})
    photos = f"{tested[0]:,}" if len(tested) == 1 else f"{tested[0]:,} to {tested[-1]:,}"
    low, high = float(ends.min()), float(ends.max())
    room = max(high - low, 2)
    axes.set_xlim(low - 0.05 * room, high + 0.15 * room)  # for the values
    axes.set(title="accuracy", xlabel=f"%, with its 95 % interval on {photos} test photos")


def _bars(axes, values: list[float], colour: str, text: Callable[[float], str]) -> None:
    bars = axes.barh(range(len(values)), values, 0.55, color=colour)
    axes.bar_label(bars, [text(value) for value in values], padding=3, fontsize=7)
    axes.set_xlim(0, 1.25 * max([*values, 1e-3]))  # for the values


def _description(row: ComparisonRow) -> str:
    backbone, crop, start = row.model.split(", ", 2)
    start = start if start == "from scratch" else "with weights"
    return f"{short_label(row.attribute)}, {backbone}, {crop}, {start}"
