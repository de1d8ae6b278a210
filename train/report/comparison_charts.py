"""Charts of compared recipes: learning curves over one another, accuracy, cost, ROC, confusion."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from device.text import counted
from train.evaluation.chart_text import attribute_label, short_label
from train.evaluation.comparison_chart import draw_accuracies
from train.evaluation.comparison_rows import ComparisonRow
from train.evaluation.intervals import score_counts
from train.evaluation.plots import BLUE, GREEN, GREY, ORANGE, RED, draw_confusion, roc_points
from train.report.chart import WIDTH_IN, Chart, label_rows, rows_figure, slug
from train.report.run import read_history

PINK, SKY = "#CC79A7", "#56B4E9"  # the other colours of Okabe and Ito that a dark page shows
COLOURS = (BLUE, ORANGE, GREEN, RED, PINK, SKY, GREY)
LINES = ("-", "--", ":", "-.")
MOST_COLUMNS = 30  # of a recipe's name


def styles(rows: Sequence[ComparisonRow]) -> Iterator[tuple[ComparisonRow, dict[str, Any]]]:
    """Yield each row with its line style, the same in all charts."""
    pairs = [(colour, line) for line, colour in product(LINES, COLOURS)]
    for place, row in enumerate(rows):
        colour, line = pairs[place % len(pairs)]
        yield row, {"color": colour, "linestyle": line}


def accuracy_chart(rows: Sequence[ComparisonRow]) -> Chart:
    """Draw the accuracy of each row with its interval, best on top."""
    ordered = sorted(rows, key=lambda row: row.accuracy)
    figure = rows_figure(len(rows))
    axes = figure.subplots()
    draw_accuracies(axes, ordered)
    label_rows(axes, [row.name for row in ordered])
    axes.set_title("")
    best, worst = ordered[-1], ordered[0]
    alt = (
        f"Accuracy of {counted(len(rows), 'recipe')}, from {worst.name} {worst.accuracy:.1%} to "
        f"{best.name} {best.accuracy:.1%}."
    )
    return Chart("accuracy", "Accuracy", alt, figure)


def cost_chart(rows: Sequence[ComparisonRow]) -> Chart:
    """Draw accuracy over the multiply-adds of one crop, to which a Pi's time is proportional."""
    figure = Figure(figsize=(WIDTH_IN, 3.2 + 0.08 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, (row, style) in enumerate(styles(rows)):
        marker = "osD^vP*X"[place // len(COLOURS) % 8]
        label = short_label(row.name, MOST_COLUMNS)
        work = row.first.multiply_adds / 1e6
        axes.plot(work, 100 * row.accuracy, marker, color=style["color"], label=label)
    axes.set(xscale="log", xlabel="multiply-adds of one crop, millions", ylabel="accuracy, %")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    figure.legend(loc="outside lower center", ncols=2)
    alt = f"Accuracy over multiply-adds of {counted(len(rows), 'recipe')}; the table has both."
    return Chart("cost", "Accuracy and cost", alt, figure)


def learning_charts(rows: Sequence[ComparisonRow], out: Path) -> list[Chart]:
    """Draw the validation loss and accuracy of all runs over epochs and over steps.

    out: the folder of the runs. A metric that no run has recorded has no chart.
    """
    histories = {
        name: read_history(out / name / "history.csv")[0] for row in rows for name in row.finished
    }
    charts = []
    for metric in ("accuracy", "loss"):
        key = f"val_{metric}"
        if any(key in history for history in histories.values()):
            charts.append(_learning_chart(rows, histories, key))
    return charts


def _learning_chart(
    rows: Sequence[ComparisonRow], histories: dict[str, dict[str, np.ndarray]], key: str
) -> Chart:
    title = f"{attribute_label(key.removeprefix('val_')).capitalize()} on validation photos"
    figure = Figure(figsize=(2 * WIDTH_IN, 3.4 + 0.06 * len(rows)), layout="constrained")
    by_epoch, by_step = figure.subplots(1, 2, sharey=True)
    ends = []
    for row, style in styles(rows):
        label: str | None = short_label(row.name, MOST_COLUMNS)
        for name, run in zip(row.finished, row.runs, strict=True):
            values = histories[name].get(key)
            if values is None:
                continue
            epochs = np.arange(1, len(values) + 1)
            look = style | {"linewidth": 1.4, "marker": "o", "markersize": 2.5, "label": label}
            by_epoch.plot(epochs, values, **look)
            by_step.plot(epochs * run.steps / max(run.epochs, 1), values, **look | {"label": None})
            if label:
                ends.append(f"{row.name} {values[-1]:.3f}")
            label = None  # of the row's other seeds
    by_epoch.set(xlabel="epoch", ylabel=title)
    by_epoch.xaxis.set_major_locator(MaxNLocator(integer=True))
    by_step.set(xlabel="step")
    by_step.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figure.legend(loc="outside lower center", ncols=4)
    alt = f"{title} over epochs and over steps; at the last epoch {', '.join(ends)}."
    return Chart(f"learning-{key}", title, alt, figure, wide=True)


def roc_chart(rows: Sequence[ComparisonRow]) -> Chart:
    """Draw the ROC curves of a comparison of one attribute, of each row's first run."""
    figure = Figure(figsize=(WIDTH_IN, WIDTH_IN + 0.09 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for row, style in styles(rows):
        label, probability = known(row)
        if 0 < label.sum() < len(label):
            name = f"{short_label(row.name)} {row.first.auc:.3f}"
            axes.plot(*roc_points(label, probability), label=name, linewidth=1.2, **style)
    axes.plot((0, 1), (0, 1), ":", color=GREY, linewidth=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="false positive rate", ylabel="true positive rate")
    figure.legend(loc="outside lower center", ncols=2, title="AUC")
    areas = ", ".join(f"{row.name} {row.first.auc:.3f}" for row in rows)
    return Chart("roc", "ROC", f"ROC curves; AUC: {areas}.", figure)


def known(row: ComparisonRow) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities, (photos,), of a row's first run and its only attribute."""
    predicted = row.predictions[0]
    is_known = predicted.labels[:, 0] <= 1
    return predicted.labels[is_known, 0], predicted.probabilities[is_known, 0]


def row_chart(row: ComparisonRow, style: dict[str, Any]) -> Chart:
    """Draw the confusion matrix and the ROC curve of a row's first run, for one attribute."""
    figure = Figure(figsize=(WIDTH_IN, 2.4), layout="constrained")
    confusion, roc = figure.subplots(1, 2)
    score = row.first.scores[0]
    counts = score_counts(score)
    draw_confusion(confusion, counts)
    label, probability = known(row)
    if 0 < label.sum() < len(label):
        roc.plot(*roc_points(label, probability), **style)
    roc.plot((0, 1), (0, 1), ":", color=GREY, linewidth=0.8)
    roc.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    roc.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    (true_negative, false_positive), (false_negative, true_positive) = counts.tolist()
    alt = (
        f"{row.name}: {true_positive} true positives, {false_negative} false negatives, "
        f"{false_positive} false positives, {true_negative} true negatives."
    )
    return Chart(f"recipes/{slug(row.name)}", row.name, alt, figure)
