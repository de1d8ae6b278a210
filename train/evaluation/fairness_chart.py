"""The chart of `train.evaluate fairness`: a panel per attribute, the worst group on top."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from train.evaluation.chart_text import chart_style, short_label
from train.evaluation.fairness import NOT_CLASSIFIED
from train.evaluation.group_errors import ALL, MIN_PEOPLE, GroupError, worst_first
from train.evaluation.plots import BLUE, GREY, ORANGE, interval_lengths


def chart(path: Path, errors: Iterable[GroupError]) -> None:
    """Draw each group's error with its 95 % interval; small groups are grey, below the others."""
    panels: dict[str, list[GroupError]] = {}
    for row in errors:
        panels.setdefault(row.attribute, []).append(row)
    with chart_style(row.group for rows in panels.values() for row in rows):
        height = 0.17 * max(len(rows) for rows in panels.values()) + 1.4
        figure = Figure(figsize=(5 * len(panels), height), layout="constrained")
        for axes, (attribute, rows) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            _panel(axes, attribute, worst_first(rows))
        figure.supxlabel(
            f"%, with 95 % intervals (in brackets: people); grey: fewer than {MIN_PEOPLE} people",
            fontsize=8,
        )
        figure.savefig(path, dpi=110)


def _panel(axes, attribute: str, rows: list[GroupError]) -> None:
    for place, row in enumerate(rows):
        colour = ORANGE if row.group == ALL else BLUE if row.is_large else GREY
        ends = 100 * np.array([[row.low, row.high]])
        value = np.array([100 * row.error])
        axes.errorbar(
            value,
            [place],
            xerr=interval_lengths(value, ends),
            fmt="o",
            color=colour,
            markersize=4,
            elinewidth=1,
            clip_on=False,
        )
        if row.group == ALL:
            axes.axvline(value[0], color=ORANGE, linewidth=0.8, zorder=0)
    names = [f"{short_label(row.group, 34)} ({row.people:,})" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first on top
    axes.set_xlim(left=0)
    axes.set_title(attribute if attribute == NOT_CLASSIFIED else f"{attribute} wrong", fontsize=9)
    axes.grid(axis="x", alpha=0.4)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
