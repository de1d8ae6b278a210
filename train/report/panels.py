"""One attribute in six panels: confusion, ROC, precision and recall, calibration, thresholds."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from train.measuring.charts import BLUE, GREEN, GREY, ORANGE
from train.measuring.metrics import Score
from train.report.drawing import BLUE_RGB, ORANGE_RGB, WIDTH_IN, Chart, slug, words
from train.report.quality import curve
from train.report.results import Results
from train.report.trust import reliability

FEWEST = 10  # photos in a bin; the share among fewer is a matter of luck


def attribute_chart(results: Results, one: Score) -> Chart:
    """Draw one attribute's figures on the split."""
    i = results.names.index(one.name)
    label, told = results.split.labels[:, i], results.probabilities[:, i]
    figure = Figure(figsize=(WIDTH_IN, 6.4))
    # By hand: matplotlib's own layout would take as long for 40 of these as all the rest.
    places = {"left": 0.1, "right": 0.98, "bottom": 0.06, "top": 0.96, "hspace": 0.45}
    panels = figure.subplots(3, 2, gridspec_kw=places | {"wspace": 0.38}).ravel()
    counts = confusion_matrix(label, told >= one.threshold, labels=(0, 1))
    _confusion(panels[0], counts)
    _curves(panels[1], panels[2], label, told, one, counts)
    _reliability(panels[3], label, results.raw[:, i], told)
    _thresholds(panels[4], label, told, one.threshold)
    _histogram(panels[5], label, told, one.threshold)
    for axes in panels[1:]:
        axes.set_xticks((0, 0.5, 1))
    for axes in panels[1:5]:
        axes.set_yticks((0, 0.5, 1))
    (no, false_yes), (false_no, yes) = counts.tolist()
    return Chart(
        f"attributes/{slug(one.name)}",
        words(one.name),
        f"{words(one.name)}: {yes} rightly told, {false_no} missed, {false_yes} wrongly told, {no} "
        f"rightly not; AUC {one.auc:.3f}, F1 {one.f1:.3f}, threshold {one.threshold:.2f}.",
        figure,
    )


def _confusion(axes, counts: np.ndarray) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = np.zeros((2, 2, 4))
    right = np.eye(2, dtype=bool)
    cells[..., :3] = np.where(right[..., None], BLUE_RGB, ORANGE_RGB)
    cells[..., 3] = 0.65 * shares
    axes.imshow(cells, interpolation="none", aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        text = f"{count:,}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center")
    axes.set_xticks((0, 1), ("told no", "told yes"))
    axes.set_yticks((0, 1), ("has not", "has"), rotation=90, va="center")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_title("Confusion")


def _curves(roc, recall_axes, label, told, one: Score, counts: np.ndarray) -> None:
    if one.auc == one.auc:
        roc.plot(*curve(label, told, True), color=BLUE)
        recall_axes.plot(*curve(label, told, False), color=BLUE, drawstyle="steps-post")
        roc.plot(counts[0, 1] / counts[0].sum(), one.recall, "o", color=ORANGE)
        recall_axes.plot(one.recall, one.precision, "o", color=ORANGE)
    roc.plot((0, 1), (0, 1), ":", color=GREY)
    recall_axes.axhline(label.mean(), linestyle=":", color=GREY)
    roc.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    recall_axes.set(xlabel="recall", ylabel="precision", title="Precision and recall")
    for axes in (roc, recall_axes):
        axes.set(xlim=(0, 1), ylim=(0, 1.02))


def _reliability(axes, label, raw, told) -> None:
    axes.plot((0, 1), (0, 1), ":", color=GREY)
    for values, style, colour in ((raw, "s--", GREY), (told, "o-", BLUE)):
        said, was = reliability(label, values, bins=10, fewest=FEWEST)
        axes.plot(said, was, style, color=colour, markersize=3)
    axes.set(xlabel="probability told", ylabel="share that has it", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title("Calibration (grey: before)")


def _thresholds(axes, label, told, threshold: float) -> None:
    if label.any():
        at = np.linspace(0, 1, 101)
        right, said = (np.sum(one[:, None] >= at, axis=0) for one in (told[label == 1], told))
        lines = (
            (right / np.where(said, said, np.nan), "precision", ORANGE),
            (right / label.sum(), "recall", BLUE),
            (2 * right / (said + label.sum()), "F1", GREEN),
        )
        for values, name, colour in lines:
            axes.plot(at, values, color=colour, label=name)
        axes.legend(loc="lower left", fontsize=7, handlelength=1)
    axes.axvline(threshold, linestyle=":", color="black", linewidth=1)
    axes.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1.02), title="Threshold")


def _histogram(axes, label, told, threshold: float) -> None:
    bins = np.linspace(0, 1, 21)
    axes.hist(told[label == 0], bins, color=ORANGE, alpha=0.55, label="has not")
    axes.hist(told[label == 1], bins, color=BLUE, alpha=0.55, label="has")
    axes.axvline(threshold, linestyle=":", color="black", linewidth=1)
    axes.set(xlabel="probability told", ylabel="photos", xlim=(0, 1), yscale="symlog")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.set_title("Who is told what")
    axes.legend(loc="upper center", fontsize=7, handlelength=1)
