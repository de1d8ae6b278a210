"""The classification report, and the curves of all attributes."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import average_precision_score

from device.text import counted
from train.evaluation.chart_text import attribute_label, note, short_label
from train.evaluation.intervals import UNKNOWN, score_intervals
from train.evaluation.metrics import Score, best_first, decimals, mean_of_known
from train.evaluation.plots import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    f1_whiskers,
    precision_recall_points,
    roc_points,
)
from train.report.chart import WIDTH_IN, Chart, label_rows, legend_outside, rows_figure, slug
from train.report.page import Section, Table, embed, interval_cell, link
from train.report.predictions import Results

MEAN_KEYS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1": "macro_f1",
    "auc": "mean_auc",
}
NAMED = 3  # best and worst curves that a chart names


def classification(results: Results, folder: Path) -> Section:
    """Return the classification report."""
    charts = []
    if len(results.names) > 1:
        charts = [scores_chart(results), errors_chart(results)]
    return Section(
        "scores",
        "Classification report",
        charts=[embed(chart, folder) for chart in charts],
        tables=[report_table(results)],
    )


def curves(results: Results, folder: Path) -> Section | None:
    """Return the ROC and precision-recall curves of several attributes."""
    if len(results.names) == 1:
        return None
    charts = [curves_chart(results, kind) for kind in ("roc", "precision-recall")]
    embedded = [embed(chart, folder) for chart in charts]
    return Section("curves", "ROC and precision-recall curves", charts=embedded)


def report_table(results: Results) -> Table:
    """Return a row per attribute, best F1 first, and the means."""
    fields = ("precision", "recall", "f1", "accuracy", "balanced_accuracy", "auc", "threshold")
    scores = results.scores
    rows = []
    for score in best_first(scores):
        ends = score_intervals(score)
        metrics = [
            interval_cell(decimals(getattr(score, field), 3), ends.get(field, UNKNOWN))
            for field in fields
        ]
        rows.append(
            (
                link(attribute_label(score.name), slug(score.name)),
                _support(score, scores.photos),
                *metrics,
                *(f"{count:,}" for count in confusion(results, score)),
            )
        )
    if len(rows) > 1:
        ends = results.mean_intervals
        columns = ([getattr(score, field) for score in scores.attributes] for field in fields)
        means = [mean_of_known(column) for column in columns]
        cells = [
            interval_cell(decimals(mean, 3), ends.get(MEAN_KEYS.get(field, ""), UNKNOWN))
            for field, mean in zip(fields, means, strict=True)
        ]
        rows.append(("mean", "", *cells, "", "", "", ""))
    header = ("attribute", "positives", "precision", "recall", "F1", "accuracy", "balanced", "AUC")
    counts = ("threshold", "TP", "FN", "FP", "TN")
    kind = "pinned last sorts" if len(rows) > 1 else "pinned"
    caption = f"{counted(scores.photos, 'photo')}; below each metric its 95 % interval"
    return Table(caption, (*header, *counts), rows, kind=kind)


def _support(score: Score, photos: int) -> str:
    """Return the photos that have the attribute, and of how many if not all are labelled."""
    return f"{score.support:,}" + (f" of {score.photos:,}" if score.photos < photos else "")


def confusion(results: Results, score: Score) -> tuple[int, int, int, int]:
    """Return the true positives, false negatives, false positives and true negatives."""
    i = results.names.index(score.name)
    label, predicted = results.of_known(i, results.decisions)
    positive, wrong = label == 1, predicted != label
    cells = (positive & ~wrong, positive & wrong, ~positive & wrong, ~positive & ~wrong)
    kept, missed, false, rejected = (int(cell.sum()) for cell in cells)
    return kept, missed, false, rejected


def scores_chart(results: Results) -> Chart:
    """Draw a row per attribute: F1, balanced accuracy and AUC, best F1 first."""
    rows = best_first(results.scores)[::-1]
    figure = rows_figure(len(rows))
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh(places, [score.f1 for score in rows], color=BLUE, alpha=0.45, label="F1")
    f1_whiskers(axes, rows)
    balanced = [score.balanced_accuracy for score in rows]
    dots: dict[str, Any] = {"linestyle": "", "clip_on": False, "zorder": 3}
    axes.plot(
        balanced, places, marker="o", color=ORANGE, markersize=4, label="balanced accuracy", **dots
    )
    auc = [score.auc for score in rows]
    axes.plot(auc, places, marker="D", color=GREEN, markersize=3.5, label="AUC", **dots)
    label_rows(axes, [score.name for score in rows])
    axes.set_xlim(0, 1)
    legend_outside(figure, 2)
    return Chart(
        "scores",
        "Scores per attribute",
        f"{len(rows)} bars with the attributes' F1, from {attribute_label(rows[-1].name)} "
        f"{decimals(rows[-1].f1, 2)} to {attribute_label(rows[0].name)} {decimals(rows[0].f1, 2)}; "
        "dots for balanced accuracy and AUC.",
        figure,
        "F1 is low for rare attributes; balanced accuracy and AUC do not depend on the prevalence."
        f"{_without_dots(results)}",
    )


def _without_dots(results: Results) -> str:
    """Return a sentence with the attributes that have one class only."""
    named = [
        f"{attribute_label(score.name)} ({score.support:,} of {score.photos:,} photos)"
        for score in results.scores.attributes
        if score.auc != score.auc
    ]
    return f" No dots, because there is one class only: {', '.join(named)}." if named else ""


def errors_chart(results: Results) -> Chart:
    """Draw the shares of false negatives and false positives, fewest errors first."""
    labels, wrong = results.split.labels, results.wrong
    known = np.maximum(results.split.known.sum(axis=0), 1)
    false_positive, false_negative = (
        (wrong & (labels == 0)).sum(axis=0) / known,
        (wrong & (labels == 1)).sum(axis=0) / known,
    )
    errors = false_positive + false_negative
    order = np.argsort(-errors, kind="stable")
    figure = rows_figure(len(order))
    axes = figure.subplots()
    places = range(len(order))
    axes.barh(places, -false_negative[order], color=BLUE, label="false negatives")
    axes.barh(places, false_positive[order], color=ORANGE, label="false positives")
    label_rows(axes, [results.names[i] for i in order])
    axes.xaxis.set_major_locator(MaxNLocator(6, symmetric=True))
    most = 1.08 * max(0.01, float(np.maximum(false_positive, false_negative).max()))
    axes.set(xlim=(-most, most), xlabel="share of all photos")
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.2g}")
    axes.axvline(0, color="black", linewidth=0.8)
    legend_outside(figure, 2)
    first, last = order[-1], order[0]
    return Chart(
        "errors",
        "Direction of the errors",
        f"Left: false negatives, right: false positives of {len(order)} attributes, "
        f"from {attribute_label(results.names[first])} with {errors[first]:.1%} errors to "
        f"{attribute_label(results.names[last])} with {errors[last]:.1%}.",
        figure,
        "Confusion matrices with counts are below, with each attribute.",
    )


def curves_chart(results: Results, kind: str) -> Chart:
    """Draw all attributes' "roc" or "precision-recall" curves; name the best and the worst."""
    known = [results.of_known(i, results.probabilities) for i in range(len(results.names))]
    roc = kind == "roc"
    points = roc_points if roc else precision_recall_points
    values = {
        i: score.auc if roc else float(average_precision_score(*known[i]))
        for i, score in enumerate(results.scores.attributes)
        if score.auc == score.auc
    }
    order = sorted(values, key=lambda i: values[i], reverse=True)
    figure = Figure(figsize=(WIDTH_IN, WIDTH_IN), layout="constrained")
    axes = figure.subplots()
    few = len(order) <= 2 * NAMED
    best, worst = (order, []) if few else (order[:NAMED], order[-NAMED:])
    shades = dict(zip(best, np.linspace(1, 0.5, len(best)), strict=True))
    shades |= dict(zip(worst, np.linspace(0.5, 1, len(worst)), strict=True))
    for i in order:
        colour = BLUE if i in best else ORANGE if i in worst else GREY
        x, y = points(*known[i])
        label = f"{short_label(results.names[i])} {values[i]:.3f}" if i in shades else None
        style: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.5}
        if i in shades:
            style = {"linewidth": 1.6, "alpha": shades[i], "zorder": 3}
        axes.plot(x, y, color=colour, label=label, drawstyle="steps-post", **style)
    mean = mean_of_known(list(values.values()))
    measure = "AUC" if roc else "average precision"
    if roc:
        axes.plot((0, 1), (0, 1), ":", color=GREY if order else "none")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
    else:
        axes.set(xlabel="recall", ylabel="precision")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    if order:
        figure.legend(loc="outside lower center", ncols=2, title=f"{measure}; mean {mean:.3f}")
    else:
        photos = counted(results.scores.photos, "photo")
        note(axes, f"no curve: each attribute has one class only ({photos})")
    ends = (
        f"best {attribute_label(results.names[order[0]])} {values[order[0]]:.3f}, worst "
        if order
        else ""
    )
    ends += (
        f"{attribute_label(results.names[order[-1]])} {values[order[-1]]:.3f}" if order else "none"
    )
    return Chart(
        kind,
        "ROC" if roc else "Precision and recall",
        f"{counted(len(order), 'curve')}; {measure}: mean {decimals(mean, 3)}, {ends}.",
        figure,
        ""
        if roc
        else "Each curve ends on the right at the attribute's prevalence: rare attributes are low.",
    )
