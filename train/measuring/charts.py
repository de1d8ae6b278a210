"""Draw what train.evaluate measured. matplotlib is used without its global state."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm
from sklearn.metrics import precision_recall_curve, roc_curve

from train.measuring.metrics import Score, Scores

# Okabe and Ito (2008): told apart by people who see few colours.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"


def overview_chart(path: Path, scores: Scores) -> None:
    """Draw a row per attribute: its balanced accuracy and F1, best F1 first."""
    rows = sorted(scores.attributes, key=lambda one: one.f1)
    figure = Figure(figsize=(8, 0.24 * len(rows) + 1.6), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    axes.barh(places, [one.f1 for one in rows], color=BLUE, height=0.7, label="F1")
    balanced = [one.balanced_accuracy for one in rows]
    axes.plot(balanced, places, "o", color=ORANGE, markersize=5, label="balanced accuracy")
    axes.set_yticks(places, [f"{one.name.replace('_', ' ')} ({one.support})" for one in rows])
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="x", alpha=0.4)
    means = scores.means()
    axes.set_title(
        f"{scores.photos:,} photos: accuracy {means['accuracy']:.3f}, balanced "
        f"{means['balanced_accuracy']:.3f}, macro-F1 {means['macro_f1']:.3f} "
        "(photos with the attribute in brackets)",
        fontsize=9,
        loc="right",
    )
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def attribute_chart(path: Path, one: Score, label: np.ndarray, probability: np.ndarray) -> None:
    """Draw one attribute: confusion matrix, ROC, precision and recall, at its threshold."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    figure.suptitle(
        f"{one.name.replace('_', ' ')}: accuracy {one.accuracy:.3f}, F1 {one.f1:.3f}, AUC "
        f"{one.auc:.3f}, threshold {one.threshold:.2f}"
    )
    matrix, roc, curve = figure.subplots(1, 3)
    said = probability >= one.threshold
    counts = np.array([[np.sum((label == a) & (said == b)) for b in (0, 1)] for a in (0, 1)])
    matrix.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmax=1.4)
    for (row, column), count in np.ndenumerate(counts):
        matrix.text(column, row, f"{count:,}", ha="center", va="center")
    matrix.set_xticks((0, 1), ("said no", "said yes"))
    matrix.set_yticks((0, 1), ("is not", "is"))
    if 0 < label.sum() < len(label):
        false_yes, true_yes, _ = roc_curve(label, probability)
        roc.plot(false_yes, true_yes, color=BLUE)
        precision, recall, _ = precision_recall_curve(label, probability)
        curve.plot(recall, precision, color=BLUE)
        roc.plot(counts[0, 1] / counts[0].sum(), one.recall, "o", color=ORANGE)
        curve.plot(one.recall, one.precision, "o", color=ORANGE)
    roc.plot((0, 1), (0, 1), ":", color=GREY)
    roc.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    curve.set(xlabel="recall", ylabel="precision", title="precision and recall", ylim=(0, 1.02))
    figure.savefig(path, dpi=80)


def sweep_chart(path: Path, kind: str, unit: str, points) -> None:
    """Write a sweep's chart."""
    sweep_figure(kind, unit, points).savefig(path, dpi=110)


def sweep_figure(kind: str, unit: str, points, size_in: tuple[float, float] = (6.4, 4)) -> Figure:
    """Draw accuracy against one stress, the device's way and the naive one, and what was found."""
    rows = sorted(points, key=lambda one: one.stress)
    stress = [one.stress for one in rows]
    figure = Figure(figsize=size_in, layout="constrained")
    axes = figure.subplots()
    axes.plot(stress, [one.accuracy for one in rows], "o-", color=BLUE, label="aligned (device)")
    axes.plot(stress, [one.naive for one in rows], "s--", color=ORANGE, label="box only (naive)")
    axes.plot(stress, [one.found for one in rows], "^:", color=GREEN, label="faces found")
    axes.set(xlabel=f"{kind}, {unit}", ylabel="share", ylim=(0.5, 1.01))
    axes.grid(alpha=0.4)
    axes.legend(loc="lower right" if kind == "size" else "lower left")
    return figure


def coverage_chart(path: Path, rules) -> None:
    """Draw how accuracy falls as less clear faces are told too, and where each limit stands."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for rule, colour in zip(rules, (BLUE, ORANGE, GREEN), strict=True):
        label = f"{rule.state}: right {rule.kept_accuracy:.3f}, refused {rule.refused_accuracy:.3f}"
        axes.plot(rule.coverage, rule.accuracy, color=colour, label=label)
        axes.plot(rule.kept, rule.kept_accuracy, "o", color=colour)
    axes.set(xlabel="share of the faces told, the clearest first", ylabel="mean accuracy")
    axes.grid(alpha=0.4)
    axes.legend(loc="lower left", title="dots: the default limits", fontsize=8)
    figure.savefig(path, dpi=110)


def det_chart(path: Path, curves, chosen: tuple[float, float]) -> None:
    """Draw the detection error tradeoff: false rejects over false accepts, on normal deviates.

    curves: name -> (false accepts, false rejects), shares 0..1. chosen: the two where the least
    score stands.
    """
    figure = Figure(figsize=(6.4, 5), layout="constrained")
    axes = figure.subplots()
    for (name, (accepted, rejected)), colour in zip(curves.items(), (GREY, BLUE), strict=True):
        # The deviates of 0 and 1 are infinite.
        inside = (accepted > 0) & (accepted < 1) & (rejected > 0) & (rejected < 1)
        axes.plot(norm.ppf(accepted[inside]), norm.ppf(rejected[inside]), color=colour, label=name)
    accepted, rejected = chosen
    label = f"chosen: {100 * accepted:.3f} %, {100 * rejected:.1f} %"
    axes.plot(norm.ppf(accepted), norm.ppf(rejected), "o", color=ORANGE, label=label)
    ticks = np.array([1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5])
    labels = [f"{100 * tick:g} %" for tick in ticks]
    axes.set_xticks(norm.ppf(ticks), labels)
    axes.set_yticks(norm.ppf(ticks), labels)
    axes.set_xlim(*norm.ppf((5e-6, 0.2)))
    axes.set_ylim(*norm.ppf((0.005, 0.6)))
    axes.set(
        xlabel="false accepts: two people taken for one",
        ylabel="false rejects: one person taken for two",
    )
    axes.grid(alpha=0.4)
    axes.legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=110)
