"""The chart of compared recipes: a panel per unit, each with its own linear axis."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from train.evaluation.chart_text import chart_style, short_label
from train.evaluation.comparison_rows import ComparisonRow
from train.evaluation.comparison_table import milliseconds
from train.evaluation.plots import BLUE, GREEN, GREY, ORANGE, interval_lengths

MOST_COLUMNS = 44  # of a recipe's name


def chart(path: Path, rows: list[ComparisonRow]) -> None:
    """Draw accuracy with its 95 % interval, time and size of the int8 model, a row per recipe."""
    with chart_style(row.name for row in rows):
        comparison_figure(rows).savefig(path, dpi=120)


def comparison_figure(rows: list[ComparisonRow]) -> Figure:
    """Return the chart's figure."""
    figure = Figure(figsize=(11, 0.42 * len(rows) + 1.7), layout="constrained")
    accuracy, time, size = figure.subplots(1, 3, sharey=True, width_ratios=(4, 2, 2))
    ordered = sorted(rows, key=lambda row: row.accuracy)
    names = [f"{short_label(row.name, MOST_COLUMNS)}\n{_description(row)}" for row in ordered]
    draw_accuracies(accuracy, ordered)
    accuracy.set_yticks(range(len(ordered)), names, fontsize=7)
    accuracy.set_ylim(-0.6, len(rows) - 0.4)
    fastest = [min(run.int8_ms for run in row.runs) for row in ordered]
    _bars(time, fastest, ORANGE, milliseconds)
    time.set(title="time of a face", xlabel="ms, int8, one thread of this computer")
    _bars(size, [row.first.int8_bytes / 1e6 for row in ordered], GREEN, "{:,.2f}".format)
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


def draw_accuracies(axes, rows: list[ComparisonRow]) -> None:
    """Draw each row's accuracy with its interval, the earlier figure and the target, from below."""
    percent = 100 * np.array([row.accuracy for row in rows])
    ends = 100 * np.array([row.interval("accuracy") or (row.accuracy,) * 2 for row in rows])
    lengths = interval_lengths(percent, ends)
    places = range(len(rows))
    axes.errorbar(percent, places, xerr=lengths, fmt="o", color=BLUE, capsize=3)
    shown = [ends.ravel(), _others(axes, rows)]
    right: Any = ("axes fraction", "data")  # beside the panel, where no marker is
    for place, value in enumerate(percent):
        text = f"{value:.2f}"
        axes.annotate(text, (1, place), (4, 0), right, "offset points", va="center", size=7)
    tested = sorted({run.tested for row in rows for run in row.runs})
    photos = f"{tested[0]:,}" if len(tested) == 1 else f"{tested[0]:,} to {tested[-1]:,}"
    low, high = float(np.concatenate(shown).min()), float(np.concatenate(shown).max())
    room = max(high - low, 2)
    axes.set_xlim(low - 0.05 * room, high + 0.05 * room)
    axes.set(title="accuracy", xlabel=f"%, with its 95 % interval on {photos} test photos")


def _others(axes, rows: list[ComparisonRow]) -> np.ndarray:
    """Draw the earlier project's accuracy and the target where known; return them in percent."""
    drawn = []
    for key, marker, colour, label in (
        ("ancestor", "D", GREY, "earlier project"),
        ("target", "|", ORANGE, "target"),
    ):
        known = [
            (100 * value, place)
            for place, row in enumerate(rows)
            if (value := getattr(row.plan, key)) is not None
        ]
        if known:
            axes.plot(*zip(*known, strict=True), marker, color=colour, label=label, mew=2, zorder=1)
            drawn += [value for value, _ in known]
    if drawn:
        axes.figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=8)
    return np.array(drawn)


def _bars(axes, values: list[float], colour: str, text: Callable[[float], str]) -> None:
    bars = axes.barh(range(len(values)), values, 0.55, color=colour)
    axes.bar_label(bars, [text(value) for value in values], padding=3, fontsize=7)
    axes.set_xlim(0, 1.25 * max([*values, 1e-3]))  # for the values


def _description(row: ComparisonRow) -> str:
    run = row.first
    start = run.start if run.start == "scratch" else "with weights"
    return f"{run.backbone}, {run.input[0]}x{run.input[1]}, {start}"
