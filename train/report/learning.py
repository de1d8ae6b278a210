"""The learning curves, and the recipe of the run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from train.measuring.charts import BLUE, GREY
from train.report.drawing import WIDTH_IN, Chart, words
from train.report.page import Section, Table, drawn
from train.report.run import Run

VARIED = (
    "Training photos are varied (shifted, turned, darkened), validation photos are not: the "
    "training curve may lie below."
)
AT_HALF = "Accuracy is at threshold 0.5, before calibration."


def section(run: Run, folder: Path) -> Section:
    """Return the learning curves, or why there are none."""
    training = "training, with augmentation" if run.augmented else "training"
    charts = learning_charts(run.history, training) if run.history else []
    text = [] if charts else [run.no_history]
    if charts and any(key.startswith("val_") for key in run.history):
        text = [*([VARIED] if run.augmented else []), AT_HALF]
    drawings = [drawn(chart, folder) for chart in charts]
    return Section("learning", "Learning curves", text, charts=drawings)


def learning_charts(history: dict[str, np.ndarray], training: str) -> list[Chart]:
    """Draw each metric over the epochs, on training and on validation photos."""
    charts = []
    metrics = dict.fromkeys(name.removeprefix("val_") for name in history if name != "epoch")
    for metric in metrics:
        told = words(metric)
        # Not what the file counts: a second phase may begin at 0 again.
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
        axes.set(xlabel="epoch", ylabel=told)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(last) > 1:  # a learning rate, say, is of neither
            axes.legend(loc="best")
        alt = f"{told} over {len(epochs)} epochs; at the end {', '.join(last)}."
        charts.append(Chart(f"learning-{metric}", told.capitalize(), alt, figure))
    return charts


def recipe(run: Run, command: str) -> Section:
    """Return how the run was made, and how this page was."""
    rows = [(key, str(value)) for key, value in flat(run.record) if len(str(value)) < 200]
    table = Table(
        "settings.json", ("setting", "value"), rows, texts=("value",), kind="texts", folded=True
    )
    return Section("recipe", "How it was made", ["This page:"], command, tables=[table])


def flat(record: dict, before: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested settings as dotted names and values."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{key}.")
        else:
            yield before + str(key), value
