"""The learning curves and the settings of the run."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from device.text import counted
from train.evaluation.chart_text import attribute_label
from train.evaluation.plots import BLUE, GREY, ORANGE
from train.report.chart import WIDTH_IN, Chart
from train.report.page import Section, Table, embed
from train.report.run import Run
from train.training.config import FROM_SCRATCH

AUGMENTED = (
    "Training photos are augmented (shifted, rotated, darkened), validation photos are not: the "
    "training accuracy may be lower."
)
# The point of the curve below it is seen too.
HOLLOW: dict[str, Any] = {
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgecolor": ORANGE,
    "markeredgewidth": 1.8,
}
LEARNED = ("loss", "accuracy", "auc")
AT_HALF = "Accuracy is at threshold 0.5, before calibration."


def section(run: Run, folder: Path, saved_accuracy: float = math.nan) -> Section:
    """Return the learning curves, or the reason why there are none.

    saved_accuracy: of the saved model on the validation photos of the curves, 0..1.
    """
    training = "training, with augmentation" if run.augmented else "training"
    charts = learning_charts(run, training, saved_accuracy) if run.history else []
    text = [] if charts else [run.no_history]
    if charts and any(key.startswith("val_") for key in run.history):
        text = [*([AUGMENTED] if run.augmented else []), AT_HALF]
    elif charts:
        text = ["There were no validation photos: training curves only."]
    embedded = [embed(chart, folder) for chart in charts]
    return Section("learning", "Learning curves", text, charts=embedded)


def saved_epoch(run: Run) -> int:
    """Return the row of the history, from 0, whose weights the run saved.

    The best one of the last phase with early stopping, the last one without.
    """
    settings, history = run.record["settings"], run.history
    rows = np.arange(len(next(iter(history.values()))))
    values = history.get(str(settings.get("early_stopping", "")))
    if values is None:
        return int(rows[-1])
    epoch = history.get("epoch", rows)
    scratch = settings.get("weights") == FROM_SCRATCH  # then no epoch is frozen
    last_phase = rows[epoch >= (0 if scratch else settings.get("frozen_epochs") or 0)]
    rows = last_phase if len(last_phase) else rows
    best = -values if settings["early_stopping"].endswith("loss") else values
    known = rows[np.isfinite(best[rows])]
    return int(known[np.argmax(best[known])]) if len(known) else int(rows[-1])


def learning_charts(run: Run, training: str, saved_accuracy: float = math.nan) -> list[Chart]:
    """Draw each metric over the epochs, on training and on validation photos.

    A dotted line marks the epoch that was saved, a diamond the saved model's own accuracy.
    """
    charts, history, saved = [], run.history, saved_epoch(run)
    metrics = dict.fromkeys(name.removeprefix("val_") for name in history if name != "epoch")
    for metric in metrics:
        title = attribute_label(metric)
        # Not the column epoch: a second phase may start at 0 again.
        epochs = np.arange(1, len(next(iter(history.values()))) + 1)
        figure = Figure(figsize=(WIDTH_IN, 2.9), layout="constrained")
        axes = figure.subplots()
        last = []
        for key, label, style, colour in (
            (metric, training, "o--", GREY),
            (f"val_{metric}", "validation", "o-", BLUE),
        ):
            if key in history:
                axes.plot(epochs, history[key], style, color=colour, label=label, markersize=4)
                last.append(f"{label} {_figure(history[key][saved])}")
        axes.set(xlabel="epoch", ylabel=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(epochs) == 1:
            axes.set_xticks(epochs)
        caption = f"At the saved epoch, {saved + 1} of {len(epochs)}: {', '.join(last)}."
        if saved < len(epochs) - 1:
            axes.axvline(saved + 1, linestyle=":", color="black", linewidth=1)
        if metric == "accuracy" and saved_accuracy == saved_accuracy:
            label = "saved model, validation"
            axes.plot(saved + 1, saved_accuracy, "D", **HOLLOW, label=label)
            caption += f" The saved model on the same validation photos: {saved_accuracy:.4f}."
        if metric in LEARNED:  # a learning rate belongs to no photos
            figure.legend(loc="outside upper center", ncols=2)
        alt = f"{title} over {counted(len(epochs), 'epoch')}. {caption}"
        charts.append(Chart(f"learning-{metric}", title.capitalize(), alt, figure, caption))
    return charts


def _figure(value: float) -> str:
    return f"{value:.4g}" if value == value else "-"


def recipe(run: Run, command: str) -> Section:
    """Return the settings of the run, and the command that made this page."""
    rows = [(key, str(value)) for key, value in flatten(run.record) if len(str(value)) < 200]
    table = Table(
        "settings.json", ("setting", "value"), rows, texts=("value",), kind="texts", folded=True
    )
    return Section("recipe", "Settings", ["This page:"], command, tables=[table])


def flatten(record: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested settings as (dotted name, value)."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value
