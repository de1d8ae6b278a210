"""How far probabilities can be believed, and from where on an attribute is told."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from train.measuring.charts import BLUE, GREEN, GREY, ORANGE
from train.measuring.metrics import calibration_error
from train.report.drawing import WIDTH_IN, Chart, label_rows, number, rows_figure, words
from train.report.page import Section, Table, drawn
from train.report.results import Results

BINS = 15


def calibration(results: Results, folder: Path) -> Section:
    """Return how far probabilities can be believed."""
    text = ["Calibration (Platt) was fitted on validation photos, as train.convert does it."]
    if results.split.name == "val":
        text.append("These are the same photos: on others it will be a little worse.")
    drawings = [drawn(chart, folder) for chart in calibration_charts(results)]
    return Section("calibration", "Calibration", text, charts=drawings)


def thresholds(results: Results, folder: Path) -> Section:
    """Return how the thresholds were chosen, and what others would give."""
    charts = [tradeoff_chart(results)]
    if len(results.names) > 1:
        charts.insert(0, thresholds_chart(results))
    rows = []
    for weight, scores in results.at_weights().items():
        means = scores.means()
        chosen = "kept" if weight == results.weight else ""
        keys = ("accuracy", "balanced_accuracy", "macro_f1")
        rows.append((f"{weight:g}", *(number(means[key], 4) for key in keys), chosen))
    header = ("weight", "accuracy", "balanced accuracy", "macro-F1", "")
    return Section(
        "thresholds",
        "Threshold choice",
        charts=[drawn(chart, folder) for chart in charts],
        tables=[Table("What each weight of balanced accuracy gives", header, rows)],
    )


def reliability(
    label: np.ndarray, probability: np.ndarray, bins: int = BINS, fewest: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean probability, share of yes) of the equal bins that have `fewest` photos."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    full = count >= fewest
    said, was = (np.bincount(place, weights=one, minlength=bins) for one in (probability, label))
    return said[full] / count[full], was[full] / count[full]


def calibration_charts(results: Results) -> list[Chart]:
    """Draw the reliability of all answers together, and each attribute's calibration error."""
    labels = results.split.labels
    errors = {
        "as the network gives them": [
            calibration_error(labels[:, i], results.raw[:, i]) for i in range(len(results.names))
        ],
        "calibrated": [one.calibration_error for one in results.scores.attributes],
    }
    figure = Figure(figsize=(WIDTH_IN, WIDTH_IN), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), ":", color=GREY)
    styles = ("s--", GREY), ("o-", BLUE)
    ways = zip(errors, (results.raw, results.probabilities), styles, strict=True)
    for way, told, (style, colour) in ways:
        said, was = reliability(labels.ravel(), told.ravel())
        axes.plot(said, was, style, color=colour, markersize=4, label=way)
    axes.set(xlabel="probability told", ylabel="share that has it", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    before, after = (float(np.mean(one)) for one in errors.values())
    together = Chart(
        "calibration",
        "Whether 0.7 means 7 of 10",
        "Share of photos that have an attribute against the probability told, all attributes "
        f"together; mean calibration error {before:.4f} before, {after:.4f} after calibration.",
        figure,
        f"All attributes together, {BINS} bins. On the dotted line a probability means what it "
        "says. Calibrated to the share of each attribute in the training photos.",
    )
    if len(results.names) == 1:
        return [together]
    order = np.argsort(-np.array(errors["calibrated"]), kind="stable")
    figure = rows_figure(len(order))
    axes = figure.subplots()
    for (way, values), (_, colour), marker in zip(errors.items(), styles, "so", strict=True):
        row = [values[i] for i in order]
        axes.plot(row, range(len(order)), marker, color=colour, markersize=4, label=way)
    label_rows(axes, [results.names[i] for i in order])
    axes.grid(axis="y", visible=True)
    axes.set(xlabel="expected calibration error", xlim=(0, None))
    figure.legend(loc="outside upper center", ncols=2)
    best, last = order[-1], order[0]
    each = Chart(
        "calibration-error",
        "Calibration error of each attribute",
        f"Dots for {len(order)} attributes; calibrated from {words(results.names[best])} "
        f"{errors['calibrated'][best]:.3f} to {words(results.names[last])} "
        f"{errors['calibrated'][last]:.3f}.",
        figure,
        "Where it grows by calibration, this split has another share of the attribute than the "
        "training photos.",
    )
    return [together, each]


def tradeoff_chart(results: Results) -> Chart:
    """Draw what the thresholds of each weight of balanced accuracy give."""
    means = {weight: scores.means() for weight, scores in results.at_weights().items()}
    figure = Figure(figsize=(WIDTH_IN, 3.0), layout="constrained")
    axes = figure.subplots()
    for key, label, style, colour in (
        ("accuracy", "accuracy", "o-", BLUE),
        ("balanced_accuracy", "balanced accuracy", "s-", ORANGE),
        ("macro_f1", "macro-F1", "D-", GREEN),
    ):
        values = [one[key] for one in means.values()]
        axes.plot(list(means), values, style, color=colour, label=label, markersize=4)
    axes.axvline(results.weight, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="weight of balanced accuracy beside accuracy", ylabel="mean over attributes")
    figure.legend(loc="outside upper center", ncols=3)
    kept = means[results.weight]
    return Chart(
        "tradeoff",
        "What the thresholds trade",
        f"Accuracy, balanced accuracy and macro-F1 over {len(means)} weights; kept is weight "
        f"{results.weight:g}: accuracy {kept['accuracy']:.4f}, balanced accuracy "
        f"{kept['balanced_accuracy']:.4f}, macro-F1 {kept['macro_f1']:.4f}.",
        figure,
        f"Further right, rare attributes are told more often. Dotted: weight {results.weight:g}, "
        "the largest that costs at most a quarter of a point of accuracy on validation photos.",
    )


def thresholds_chart(results: Results) -> Chart:
    """Draw each attribute's threshold and the one that gave the best F1 on these photos."""
    best = [
        best_f1(results.split.labels[:, i], results.probabilities[:, i])
        for i in range(len(results.names))
    ]
    order = np.argsort(results.thresholds, kind="stable")
    figure = rows_figure(len(order))
    axes = figure.subplots()
    places = range(len(order))
    axes.plot([best[i] for i in order], places, "s", color=GREY, markersize=4, label="best F1 here")
    axes.plot(results.thresholds[order], places, "o", color=BLUE, markersize=4, label="chosen")
    label_rows(axes, [results.names[i] for i in order])
    axes.grid(axis="y", visible=True)
    axes.set(xlim=(0, 1), xlabel="calibrated probability from which on it is told")
    figure.legend(loc="outside upper center", ncols=2)
    low, high = order[0], order[-1]
    return Chart(
        "thresholds",
        "Thresholds",
        f"Two dots for each of {len(order)} attributes; chosen from {words(results.names[low])} "
        f"{results.thresholds[low]:.2f} to {words(results.names[high])} "
        f"{results.thresholds[high]:.2f}.",
        figure,
        "One weight sets all thresholds, by prevalence alone. The grey squares are fitted to these "
        "photos, each to its own few: they are the luck of the draw, and not to be used.",
    )


def best_f1(label: np.ndarray, probability: np.ndarray) -> float:
    """Return the threshold of the best F1 on these photos; nan where none has the attribute."""
    if not label.any():
        return math.nan
    precision, recall, threshold = precision_recall_curve(label, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(threshold[np.argmax(f1[:-1])])
