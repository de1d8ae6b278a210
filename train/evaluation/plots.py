"""Plots of the evaluations, drawn by matplotlib without its global state."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from device.text import counted
from train.evaluation.chart_text import note, short_label
from train.evaluation.intervals import interval_text, score_counts, score_intervals, wilson
from train.evaluation.metrics import Score, Scores, best_first, decimals
from train.evaluation.rejection import RejectionCurve
from train.evaluation.robustness import SweepPoint

# Okabe and Ito (2008): distinguishable with colour vision deficiencies.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"
RED = "#D55E00"


def overview_chart(path: Path, scores: Scores) -> None:
    """Draw balanced accuracy and F1 with its interval per attribute, best F1 first."""
    rows = best_first(scores)[::-1]
    figure = Figure(figsize=(8, 0.24 * len(rows) + 1.9), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    axes.barh(places, [score.f1 for score in rows], color=BLUE, alpha=0.6, height=0.7, label="F1")
    f1_whiskers(axes, rows)
    balanced = [score.balanced_accuracy for score in rows]
    dots: dict[str, Any] = {"linestyle": "", "clip_on": False, "zorder": 4}
    axes.plot(
        balanced, places, marker="o", color=ORANGE, markersize=5, label="balanced accuracy", **dots
    )
    axes.set_yticks(places, [f"{short_label(s.name)} ({s.support:,})" for s in rows])
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="x", alpha=0.4)
    axes.set_axisbelow(True)
    means = scores.means()
    axes.set_title(
        f"{counted(scores.photos, 'photo')}: accuracy {decimals(means['accuracy'], 3)}, balanced "
        f"{decimals(means['balanced_accuracy'], 3)}, macro-F1 {decimals(means['macro_f1'], 3)} "
        "(in brackets: photos with the attribute)",
        fontsize=9,
        loc="right",
    )
    figure.legend(loc="outside upper right", ncols=3, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def f1_whiskers(axes, rows: Sequence[Score]) -> None:
    """Draw the 95 % interval of each row's F1."""
    ends = np.array([score_intervals(score)["f1"] for score in rows]).reshape(-1, 2)
    f1 = np.array([score.f1 for score in rows])
    axes.errorbar(
        f1,
        range(len(rows)),
        xerr=interval_lengths(f1, ends),
        fmt="none",
        ecolor="black",
        elinewidth=0.8,
        capsize=1.5,
        label="95 % interval of F1",
    )


def interval_lengths(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return (2, n) lengths below and above (n,) values of (n, 2) intervals, 0 where NaN."""
    return np.maximum(np.nan_to_num(np.stack((values - ends[:, 0], ends[:, 1] - values))), 0)


def attribute_chart(path: Path, score: Score, label: np.ndarray, probability: np.ndarray) -> None:
    """Draw one attribute's confusion matrix, ROC and precision-recall curve.

    label, probability: (photos,), of the photos where the attribute is known.
    """
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    figure.suptitle(
        f"{short_label(score.name, 60)}: accuracy {decimals(score.accuracy, 3)}, F1 "
        f"{decimals(score.f1, 3)}, AUC {decimals(score.auc, 3)}, threshold "
        f"{score.threshold:.2f}; {counted(len(label), 'photo')}"
    )
    matrix, roc, recall = figure.subplots(1, 3)
    counts = score_counts(score)
    draw_confusion(matrix, counts)
    draw_curves(roc, recall, label, probability, score, counts)
    figure.savefig(path, dpi=80)


def draw_confusion(axes, counts: np.ndarray) -> None:
    """Draw a confusion matrix, int (2, 2): rows are labels, columns are predictions.

    Each cell has its photos, their share of the row and the share's 95 % interval in percent.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = np.zeros((2, 2, 4))
    correct = np.eye(2, dtype=bool)
    cells[..., :3] = np.where(correct[..., None], to_rgb(BLUE), to_rgb(ORANGE))
    cells[..., 3] = 0.65 * shares
    axes.imshow(cells, interpolation="none", aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        ends = wilson(int(count), int(counts[row].sum()))
        text = f"{shares[row, column]:.1%}\n{interval_text(ends, 0, percent=True)}"
        text = text if counts[row].any() else "no photo"
        axes.text(column, row, f"{count:,}\n{text}", ha="center", va="center", linespacing=1.15)
    axes.set_xticks((0, 1), ("predicted no", "predicted yes"))
    axes.set_yticks((0, 1), ("label no", "label yes"), rotation=90, va="center")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_title("Confusion")


def draw_curves(
    roc, recall, label: np.ndarray, probability: np.ndarray, score: Score, counts: np.ndarray
) -> None:
    """Draw ROC and precision-recall curve on two axes; dots mark the threshold."""
    if score.auc == score.auc:
        roc.plot(*roc_points(label, probability), color=BLUE)
        recall.plot(
            *precision_recall_points(label, probability), color=BLUE, drawstyle="steps-post"
        )
        roc.plot((0, 1), (0, 1), ":", color=GREY, zorder=0)
        recall.axhline(label.mean(), linestyle=":", color=GREY)
        ends = score_intervals(score)
        false_positive_rate = float(counts[0, 1] / counts[0].sum())
        _dot(
            roc,
            (false_positive_rate, score.recall),
            wilson(int(counts[0, 1]), int(counts[0].sum())),
            ends["recall"],
        )
        _dot(recall, (score.recall, score.precision), ends["recall"], ends["precision"])
    else:
        for axes in (roc, recall):
            note(axes, one_class(label))
    roc.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    recall.set(xlabel="recall", ylabel="precision", title="Precision and recall")
    for axes in (roc, recall):
        axes.set(xlim=(0, 1), ylim=(0, 1.02))


def _dot(
    axes, at: tuple[float, float], x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> None:
    """Draw the point of the threshold with the 95 % intervals of both its shares."""
    x, y = np.array(at)[:, None]
    lengths = (interval_lengths(v, np.array([e])) for v, e in ((x, x_ends), (y, y_ends)))
    x_lengths, y_lengths = lengths
    axes.errorbar(
        x, y, xerr=x_lengths, yerr=y_lengths, fmt="o", color=ORANGE, elinewidth=0.9, clip_on=False
    )


def one_class(label: np.ndarray) -> str:
    """Return why there is no curve: the labels, (photos,) 0 or 1, are all the same, or none."""
    if not len(label):
        return "no curve:\nno photo has a label"
    answer = "yes" if label.any() else "no"
    return f"no curve: {counted(len(label), 'photo')},\nall labelled {answer}"


def roc_points(label: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ROC curve as (false positive rates, true positive rates)."""
    from sklearn.metrics import roc_curve

    return roc_curve(label, probability)[:2]


def precision_recall_points(
    label: np.ndarray, probability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the precision-recall curve as (recalls, precisions)."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(label, probability, drop_intermediate=True)
    return recall, precision


def sweep_chart(path: Path, kind: str, unit: str, points: Sequence[SweepPoint]) -> None:
    """Write the chart of a sweep."""
    sweep_figure(kind, unit, points).savefig(path, dpi=110)


def sweep_figure(
    kind: str, unit: str, points: Sequence[SweepPoint], size_in: tuple[float, float] = (6.4, 4)
) -> Figure:
    """Draw accuracy of device and baseline, and the share of detected faces, over severity."""
    rows = sorted(points, key=lambda point: point.severity)
    severity = [point.severity for point in rows]
    figure = Figure(figsize=size_in, layout="constrained")
    axes = figure.subplots()
    for key, label, style, colour in (
        ("accuracy", "aligned (device)", "o-", BLUE),
        ("baseline", "box only (baseline)", "s--", ORANGE),
        ("detected", "faces detected", "^:", GREEN),
    ):
        axes.plot(severity, [getattr(p, key) for p in rows], style, color=colour, label=label)
    drawn = [getattr(p, key) for p in rows for key in ("accuracy", "baseline", "detected")]
    lowest = min([0.5, *(value - 0.03 for value in drawn if value == value)])
    axes.set(xlabel=f"{kind}, {unit}", ylabel="share", ylim=(max(lowest, -0.01), 1.01))
    if len(set(severity)) == 1:
        axes.set_xticks(severity[:1])
    axes.grid(alpha=0.4)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def rejection_chart(path: Path, curves: Sequence[RejectionCurve]) -> None:
    """Draw accuracy against coverage for each limit; dots mark the default limits."""
    figure = Figure(figsize=(6.4, 4.7), layout="constrained")
    axes = figure.subplots()
    for curve, colour in zip(curves, (BLUE, ORANGE, GREEN, GREY, RED), strict=True):
        label = (
            f"{curve.state}: accepted {decimals(curve.accepted_accuracy, 3)}, "
            f"rejected {decimals(curve.rejected_accuracy, 3)}"
        )
        axes.plot(curve.coverage, curve.accuracy, color=colour, label=label)
        axes.plot(curve.accepted, curve.accepted_accuracy, "o", color=colour)
    axes.set(xlabel="coverage: share of the faces, best quality first", ylabel="mean accuracy")
    axes.grid(alpha=0.4)
    faces = {curve.faces for curve in curves}
    if not any(faces):
        note(axes, "no curve: no face was found")
    most, least = max(faces), min(faces)
    found = f"{most:,}" if most == least else f"{least:,} to {most:,}"
    figure.legend(
        loc="outside lower center",
        ncols=2,
        title=f"dots: the default limits; {found} faces for each",
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
    figure.savefig(path, dpi=110)


def det_chart(
    path: Path,
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    chosen: tuple[float, float],
) -> None:
    """Draw the detection error tradeoff: false rejects over false accepts, on normal deviates.

    curves: name -> (false accepts, false rejects), shares 0..1. chosen: both at the threshold.
    """
    from scipy.stats import norm

    figure = Figure(figsize=(6.4, 5), layout="constrained")
    axes = figure.subplots()
    for (name, (accepts, rejects)), colour in zip(curves.items(), (GREY, BLUE), strict=True):
        # The deviates of 0 and 1 are infinite.
        inside = (accepts > 0) & (accepts < 1) & (rejects > 0) & (rejects < 1)
        axes.plot(norm.ppf(accepts[inside]), norm.ppf(rejects[inside]), color=colour, label=name)
    label = f"threshold: {100 * chosen[0]:.3f} %, {100 * chosen[1]:.1f} %"
    axes.plot(norm.ppf(chosen[0]), norm.ppf(chosen[1]), "o", color=ORANGE, label=label)
    ticks = np.array([1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5])
    labels = [f"{100 * tick:g} %" for tick in ticks]
    axes.set_xticks(norm.ppf(ticks), labels)
    axes.set_yticks(norm.ppf(ticks), labels)
    axes.set_xlim(*norm.ppf((5e-6, 0.2)))
    axes.set_ylim(*norm.ppf((0.005, 0.6)))
    axes.set(
        xlabel="false accepts: pairs of two people that match",
        ylabel="false rejects: pairs of one person that do not match",
    )
    axes.grid(alpha=0.4)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
