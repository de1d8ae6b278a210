"""One attribute in six panels: confusion, curves, calibration, thresholds, histogram."""

import numpy as np
from matplotlib.figure import Figure

from train.evaluation.chart_text import attribute_label, legend_above, note
from train.evaluation.intervals import score_counts
from train.evaluation.metrics import Score, decimals
from train.evaluation.plots import BLUE, GREEN, GREY, ORANGE, draw_confusion, draw_curves, one_class
from train.report.calibration import MIN_PHOTOS, draw_reliability, finish_reliability, reliability
from train.report.chart import WIDTH_IN, Chart, slug
from train.report.predictions import Results

PANEL_BINS = 10  # of a panel's calibration


def attribute_chart(results: Results, score: Score) -> Chart:
    """Draw one attribute's results on the split."""
    i = results.names.index(score.name)
    label, probability, raw = results.of_known(i, results.probabilities, results.raw)
    figure = Figure(figsize=(WIDTH_IN, 6.8))
    # A fixed layout: computing it for 40 charts would take as long as everything else.
    places = {"left": 0.1, "right": 0.98, "bottom": 0.06, "top": 0.96, "hspace": 0.55}
    panels = figure.subplots(3, 2, gridspec_kw=places | {"wspace": 0.38}).ravel()
    counts = score_counts(score)
    draw_confusion(panels[0], counts)
    draw_curves(panels[1], panels[2], label, probability, score, counts)
    _reliability(panels[3], label, raw, probability)
    _thresholds(panels[4], label, probability, score.threshold)
    _histogram(panels[5], label, probability, score.threshold)
    for axes in panels[1:]:
        axes.set_xticks((0, 0.5, 1))
    for axes in panels[1:5]:
        axes.set_yticks((0, 0.5, 1))
    (true_negative, false_positive), (false_negative, true_positive) = counts.tolist()
    name = attribute_label(score.name)
    return Chart(
        f"attributes/{slug(score.name)}",
        name,
        f"{name}: {true_positive} true positives, {false_negative} false negatives, "
        f"{false_positive} false positives, {true_negative} true negatives; "
        f"AUC {decimals(score.auc, 3)}, F1 {decimals(score.f1, 3)}, "
        f"threshold {score.threshold:.2f}.",
        figure,
    )


def _reliability(axes, label: np.ndarray, raw: np.ndarray, probability: np.ndarray) -> None:
    before, after = (reliability(label, p, PANEL_BINS, MIN_PHOTOS) for p in (raw, probability))
    draw_reliability(axes, before, "s--", GREY)
    draw_reliability(axes, after, "o-", BLUE)
    finish_reliability(axes, after, "photo")
    axes.set(xlabel="predicted probability", ylabel="share positive", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title("Calibration (grey: before)")


def _thresholds(axes, label: np.ndarray, probability: np.ndarray, threshold: float) -> None:
    if label.any():
        grid = np.linspace(0, 1, 101)
        true_positive, positive = (
            np.sum(values[:, None] >= grid, axis=0)
            for values in (probability[label == 1], probability)
        )
        lines = (
            (true_positive / np.where(positive, positive, np.nan), "precision", ORANGE),
            (true_positive / label.sum(), "recall", BLUE),
            (2 * true_positive / (positive + label.sum()), "F1", GREEN),
        )
        for values, name, colour in lines:
            axes.plot(grid, values, color=colour, label=name)
        legend_above(axes, "Threshold", len(lines))
    else:
        axes.set_title("Threshold")
        note(axes, one_class(label).replace("curve", "precision, recall"))
    axes.axvline(threshold, linestyle=":", color="black", linewidth=1)
    axes.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1.02))


def _histogram(axes, label: np.ndarray, probability: np.ndarray, threshold: float) -> None:
    bins = np.linspace(0, 1, 21)
    axes.hist(probability[label == 0], bins, color=ORANGE, alpha=0.55, label="label no")
    axes.hist(probability[label == 1], bins, color=BLUE, alpha=0.55, label="label yes")
    axes.axvline(threshold, linestyle=":", color="black", linewidth=1)
    axes.set(xlabel="predicted probability", ylabel="photos", xlim=(0, 1), yscale="symlog")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    legend_above(axes, "Predictions by label", 2)
