"""The learning curves and the settings of the run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from train.evaluation.plots import BLUE, GREY, attribute_label
from train.report.chart import WIDTH_IN, Chart
from train.report.page import Section, Table, embed
from train.report.run import Run

AUGMENTED = (
    "Training photos are augmented (shifted, rotated, darkened), validation photos are not: the "
    "training accuracy may be lower."
)
AT_HALF = "Accuracy is at threshold 0.5, before calibration."


def section(run: Run, folder: Path) -> Section:
    """Return the learning curves, or the reason why there are none."""
    training = "training, with augmentation" if run.augmented else "training"
    charts = learning_charts(run.history, training) if run.history else []
    text = [] if charts else [run.no_history]
    if charts and any(key.startswith("val_") for key in run.history):
        text = [*([AUGMENTED] if run.augmented else []), AT_HALF]
    embedded = [embed(chart, folder) for chart in charts]
    return Section("learning", "Learning curves", text, charts=embedded)


def learning_charts(history: dict[str, np.ndarray], training: str) -> list[Chart]:
    """Draw each metric over the epochs, on training and on validation photos."""
    charts = []
    metrics = dict.fromkeys(name.removeprefix("val_") for name in history if name != "epoch")
    for metric in metrics:
        title = attribute_label(metric)
        # Not the column epoch: a second phase may start at 0 again.
        epochs = np.arange(1, len(next(iter(history.values()))) + 1)
        figure = Figure(figsize=(WIDTH_IN, 2.7), layout="constrained")
        axes = figure.subplots()
        last = []
        for key, label, style, colour in (
            (metric, training, "o--", GREY),
            (f"val_{metric}", "validation", "o-", BLUE),
        ):
            if key in history:
                axes.plot(epochs, history[key], style, color=colour, label=label, markersize=4)
                last.append(f"{label} {history[key][-1]:.4g}")
        axes.set(xlabel="epoch", ylabel=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(last) > 1:  # a learning rate has only one curve
            axes.legend(loc="best")
        alt = f"{title} over {len(epochs)} epochs; at the end {', '.join(last)}."
        charts.append(Chart(f"learning-{metric}", title.capitalize(), alt, figure))
    return charts


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
