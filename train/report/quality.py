"""The classification report, and the curves of all attributes together."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from train.measuring.charts import BLUE, GREEN, GREY, ORANGE
from train.measuring.metrics import Score
from train.report.drawing import WIDTH_IN, Chart, label_rows, number, rows_figure, slug, words
from train.report.page import Section, Table, drawn, link
from train.report.results import Results

NAMED = 3  # curves at either end that a chart names


def classification(results: Results, folder: Path) -> Section:
    """Return the classification report."""
    charts = []
    if len(results.names) > 1:
        charts = [scores_chart(results), errors_chart(results)]
    return Section(
        "scores",
        "Classification report",
        charts=[drawn(chart, folder) for chart in charts],
        tables=[report_table(results)],
    )


def curves(results: Results, folder: Path) -> Section | None:
    """Return the ROC and precision-recall curves of several attributes."""
    if len(results.names) == 1:
        return None
    charts = [curves_chart(results, kind) for kind in ("roc", "precision-recall")]
    drawings = [drawn(chart, folder) for chart in charts]
    return Section("curves", "ROC and precision-recall curves", charts=drawings)


def report_table(results: Results) -> Table:
    """Return a row per attribute, best F1 first, and the means."""
    fields = ("precision", "recall", "f1", "accuracy", "balanced_accuracy", "auc", "threshold")
    scores = results.scores
    rows = []
    for one in sorted(scores.attributes, key=lambda one: -one.f1):
        figures = [number(getattr(one, field), 3) for field in fields]
        rows.append(
            (
                link(words(one.name), slug(one.name)),
                f"{one.support:,}",
                *figures,
                *(f"{count:,}" for count in confusion(results, one)),
            )
        )
    if len(rows) > 1:
        columns = ([getattr(one, field) for one in scores.attributes] for field in fields)
        means = [mean_of_known(column) for column in columns]
        rows.append(("mean", "", *(number(mean, 3) for mean in means), "", "", "", ""))
    header = ("attribute", "have it", "precision", "recall", "F1", "accuracy", "balanced", "AUC")
    counts = ("threshold", "rightly told", "missed", "wrongly told", "rightly not")
    kind = "pinned last sorts" if len(rows) > 1 else "pinned"
    return Table(f"{scores.photos:,} photos", (*header, *counts), rows, kind=kind)


def mean_of_known(values: list[float]) -> float:
    """Return the mean of the values that are not nan, or nan where all are."""
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else math.nan


def confusion(results: Results, one: Score) -> tuple[int, int, int, int]:
    """Return the photos rightly told, missed, wrongly told and rightly not told."""
    i = results.names.index(one.name)
    has, wrong = results.split.labels[:, i] == 1, results.message[:, i]
    told, missed = (has & ~wrong).sum(), (has & wrong).sum()
    return int(told), int(missed), int((~has & wrong).sum()), int((~has & ~wrong).sum())


def scores_chart(results: Results) -> Chart:
    """Draw a row per attribute: F1, balanced accuracy and AUC, best F1 first."""
    rows = sorted(results.scores.attributes, key=lambda one: one.f1)
    figure = rows_figure(len(rows))
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh(places, [one.f1 for one in rows], color=BLUE, alpha=0.45, label="F1")
    balanced = [one.balanced_accuracy for one in rows]
    dots = {"linestyle": "", "clip_on": False, "zorder": 3}
    axes.plot(
        balanced, places, marker="o", color=ORANGE, markersize=4, label="balanced accuracy", **dots
    )
    auc = [one.auc for one in rows]
    axes.plot(auc, places, marker="D", color=GREEN, markersize=3.5, label="AUC", **dots)
    label_rows(axes, [one.name for one in rows])
    axes.set_xlim(0, 1)
    figure.legend(loc="outside upper center", ncols=3)
    return Chart(
        "scores",
        "How well each attribute is told",
        f"A bar for each of {len(rows)} attributes with its F1, from {words(rows[-1].name)} "
        f"{rows[-1].f1:.2f} to {words(rows[0].name)} {rows[0].f1:.2f}; dots for balanced accuracy "
        "and AUC.",
        figure,
        "F1 is low for what is rare; balanced accuracy and AUC are not moved by how rare it is.",
    )


def errors_chart(results: Results) -> Chart:
    """Draw the shares of false no and false yes of each attribute, fewest errors first."""
    labels, wrong = results.split.labels, results.message
    false_yes, false_no = (wrong & (labels == 0)).mean(axis=0), (wrong & (labels == 1)).mean(axis=0)
    order = np.argsort(-(false_yes + false_no), kind="stable")
    figure = rows_figure(len(order))
    axes = figure.subplots()
    places = range(len(order))
    axes.barh(places, -false_no[order], color=BLUE, label="false no: has it, not told")
    axes.barh(places, false_yes[order], color=ORANGE, label="false yes: told, has it not")
    label_rows(axes, [results.names[i] for i in order])
    most = 1.08 * max(0.01, float(np.maximum(false_yes, false_no).max()))
    axes.set(xlim=(-most, most), xlabel="share of all photos")
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.2g}")
    axes.axvline(0, color="black", linewidth=0.8)
    figure.legend(loc="outside upper center", ncols=2)
    first, last = order[-1], order[0]
    return Chart(
        "errors",
        "Which way each attribute errs",
        f"Bars to the left for false no, to the right for false yes, of {len(order)} attributes, "
        f"from {words(results.names[first])} with {wrong[:, first].mean():.1%} errors to "
        f"{words(results.names[last])} with {wrong[:, last].mean():.1%}.",
        figure,
        "The confusion matrices, with counts, stand with each attribute below.",
    )


def curves_chart(results: Results, kind: str) -> Chart:
    """Draw all attributes' "roc" or "precision-recall" curves, and name the best and the worst."""
    labels, told = results.split.labels, results.probabilities
    roc = kind == "roc"
    value = {
        i: one.auc if roc else float(average_precision_score(labels[:, i], told[:, i]))
        for i, one in enumerate(results.scores.attributes)
        if one.auc == one.auc
    }
    order = sorted(value, key=value.get, reverse=True)
    figure = Figure(figsize=(WIDTH_IN, WIDTH_IN), layout="constrained")
    axes = figure.subplots()
    few = len(order) <= 2 * NAMED
    best, worst = (order, []) if few else (order[:NAMED], order[-NAMED:])
    shades = dict(zip(best, np.linspace(1, 0.5, len(best)), strict=True))
    shades |= dict(zip(worst, np.linspace(0.5, 1, len(worst)), strict=True))
    for i in order:
        colour = BLUE if i in best else ORANGE if i in worst else GREY
        x, y = curve(labels[:, i], told[:, i], roc)
        label = f"{words(results.names[i])} {value[i]:.3f}" if i in shades else None
        look = {"linewidth": 0.7, "alpha": 0.5}
        if i in shades:
            look = {"linewidth": 1.6, "alpha": shades[i], "zorder": 3}
        axes.plot(x, y, color=colour, label=label, drawstyle="steps-post", **look)
    mean = mean_of_known(list(value.values()))
    measure = "AUC" if roc else "average precision"
    if roc:
        axes.plot((0, 1), (0, 1), ":", color=GREY)
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
    else:
        axes.set(xlabel="recall", ylabel="precision")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    if order:
        figure.legend(loc="outside lower center", ncols=2, title=f"{measure}; mean {mean:.3f}")
    ends = f"best {words(results.names[order[0]])} {value[order[0]]:.3f}, worst " if order else ""
    ends += f"{words(results.names[order[-1]])} {value[order[-1]]:.3f}" if order else "none"
    return Chart(
        kind,
        "ROC" if roc else "Precision and recall",
        f"{len(order)} curves; {measure}: mean {mean:.3f}, {ends}.",
        figure,
        ""
        if roc
        else "A curve ends, on the right, at the attribute's share of the photos: what is rare "
        "lies low.",
    )


def curve(label: np.ndarray, probability: np.ndarray, roc: bool) -> tuple[np.ndarray, np.ndarray]:
    if roc:
        return roc_curve(label, probability)[:2]
    precision, recall, _ = precision_recall_curve(label, probability, drop_intermediate=True)
    return recall, precision
