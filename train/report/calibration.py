"""Calibration of the probabilities, and the choice of thresholds."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from device.text import counted
from train.evaluation.chart_text import attribute_label, note
from train.evaluation.intervals import wilson
from train.evaluation.metrics import calibration_error, decimals, mean_of_known
from train.evaluation.plots import BLUE, GREEN, GREY, ORANGE, interval_lengths
from train.report.chart import WIDTH_IN, Chart, label_rows, legend_outside, rows_figure
from train.report.page import Section, Table, embed
from train.report.predictions import Results

BINS = 15
MIN_PHOTOS = 10  # in a bin; the share among fewer is too uncertain


def calibration_section(results: Results, folder: Path) -> Section:
    """Return the section on calibration."""
    text = ["Calibration (Platt) was fitted to validation photos, as in train.convert."]
    if results.split.name == "val":
        text.append("These are the same photos: on others it is slightly worse.")
    embedded = [embed(chart, folder) for chart in calibration_charts(results)]
    return Section("calibration", "Calibration", text, charts=embedded)


def thresholds_section(results: Results, folder: Path) -> Section:
    """Return the section on the chosen thresholds and their alternatives."""
    charts = [tradeoff_chart(results)]
    if len(results.names) > 1:
        charts.insert(0, thresholds_chart(results))
    rows = []
    for weight, scores in results.at_weights().items():
        means = scores.means()
        chosen = "chosen" if weight == results.weight else ""
        keys = ("accuracy", "balanced_accuracy", "macro_f1")
        rows.append((f"{weight:g}", *(decimals(means[key], 4) for key in keys), chosen))
    header = ("weight", "accuracy", "balanced accuracy", "macro-F1", "")
    return Section(
        "thresholds",
        "Threshold choice",
        charts=[embed(chart, folder) for chart in charts],
        tables=[Table("Results by weight of balanced accuracy", header, rows)],
    )


@dataclass(frozen=True)
class Reliability:
    """The bins of equal width of a probability that have enough photos."""

    mean: np.ndarray  # (bins,), of the predicted probabilities, 0..1
    share: np.ndarray  # (bins,), of the photos that have the attribute, 0..1
    ends: np.ndarray  # (bins, 2), the share's 95 % interval
    drawn: int  # photos in these bins
    photos: int  # in all
    fullest: int  # photos in the fullest bin


def reliability(
    label: np.ndarray, probability: np.ndarray, bins: int = BINS, min_photos: int = 1
) -> Reliability:
    """Return the bins of (photos,) labels and probabilities with at least `min_photos` photos."""
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    full = count >= min_photos
    predicted, positive = (
        np.bincount(bin_of, weights=values, minlength=bins)[full] for values in (probability, label)
    )
    count, fullest = count[full], int(count.max(initial=0))
    pairs = zip(positive, count, strict=True)
    ends = np.array([wilson(round(yes), int(photos)) for yes, photos in pairs]).reshape(-1, 2)
    return Reliability(
        predicted / count, positive / count, ends, int(count.sum()), len(label), fullest
    )


def finish_reliability(axes, bins: Reliability, noun: str) -> None:
    """Draw the diagonal, or why there is nothing; note how many photos the drawn bins have."""
    if bins.drawn:
        axes.plot((0, 1), (0, 1), ":", color=GREY, zorder=0)
    else:
        text = f"{counted(bins.photos, noun)}: too few.\nAt most {bins.fullest} in a bin,"
        note(axes, f"{text}\n{MIN_PHOTOS} are needed")
    if 0 < bins.drawn < bins.photos:
        text = f"{bins.drawn:,} of {bins.photos:,} {noun}s:\n"
        note(axes, f"{text}bins of {MIN_PHOTOS} or more", (0.73, 0.02))


def draw_reliability(axes, bins: Reliability, style: str, colour: str, label: str = "") -> None:
    """Draw the bins' shares and their 95 % intervals over the mean probability."""
    axes.errorbar(
        bins.mean,
        bins.share,
        yerr=interval_lengths(bins.share, bins.ends),
        fmt=style,
        color=colour,
        markersize=3,
        elinewidth=0.7,
        linewidth=1.2,
        label=label,
        clip_on=False,
    )


def calibration_charts(results: Results) -> list[Chart]:
    """Draw the reliability of all predictions, and each attribute's calibration error."""
    labels, known = results.split.labels, results.split.known
    errors = {
        "raw outputs": [
            calibration_error(label, raw)
            for label, raw in (results.of_known(i, results.raw) for i in range(len(results.names)))
        ],
        "calibrated": [score.calibration_error for score in results.scores.attributes],
    }
    figure = Figure(figsize=(WIDTH_IN, WIDTH_IN), layout="constrained")
    axes = figure.subplots()
    styles = ("s--", GREY), ("o-", BLUE)
    outputs = (results.raw, results.probabilities)
    before_after = [reliability(labels[known], p[known], min_photos=MIN_PHOTOS) for p in outputs]
    for kind, bins, (style, colour) in zip(errors, before_after, styles, strict=True):
        draw_reliability(axes, bins, style, colour, kind)
    axes.set(xlabel="predicted probability", ylabel="share positive", xlim=(0, 1), ylim=(0, 1))
    finish_reliability(axes, before_after[-1], "prediction")
    legend_outside(figure, 2)
    before, after = (mean_of_known(values) for values in errors.values())
    overall = Chart(
        "calibration",
        "Reliability",
        "Share of photos with an attribute against the predicted probability, all attributes "
        f"pooled; mean calibration error {decimals(before, 4)} before, {decimals(after, 4)} after "
        "calibration.",
        figure,
        f"All attributes pooled, {BINS} bins; upright lines: 95 % intervals. On the dotted line "
        "probabilities are correct. "
        "Calibrated to the share of each attribute in the training photos.",
    )
    if len(results.names) == 1:
        return [overall]
    order = np.argsort(-np.array(errors["calibrated"]), kind="stable")
    figure = rows_figure(len(order))
    axes = figure.subplots()
    for (kind, error), (_, colour), marker in zip(errors.items(), styles, "so", strict=True):
        row = [error[i] for i in order]
        axes.plot(row, range(len(order)), marker, color=colour, markersize=4, label=kind)
    label_rows(axes, [results.names[i] for i in order])
    axes.grid(axis="y", visible=True)
    axes.set(xlabel="expected calibration error", xlim=(0, None))
    legend_outside(figure, 2)
    best, last = order[-1], order[0]
    per_attribute = Chart(
        "calibration-error",
        "Calibration error of each attribute",
        f"Dots for {len(order)} attributes; calibrated from {attribute_label(results.names[best])} "
        f"{decimals(errors['calibrated'][best], 3)} to {attribute_label(results.names[last])} "
        f"{decimals(errors['calibrated'][last], 3)}.",
        figure,
        "If calibration increases it, this split has another share of the attribute than the "
        "training photos.",
    )
    return [overall, per_attribute]


def tradeoff_chart(results: Results) -> Chart:
    """Draw the results for each weight of balanced accuracy."""
    means = {weight: scores.means() for weight, scores in results.at_weights().items()}
    figure = Figure(figsize=(WIDTH_IN, 3.0), layout="constrained")
    axes = figure.subplots()
    for key, label, style, colour in (
        ("accuracy", "accuracy", "o-", BLUE),
        ("balanced_accuracy", "balanced accuracy", "s-", ORANGE),
        ("macro_f1", "macro-F1", "D-", GREEN),
    ):
        values = [row[key] for row in means.values()]
        label += "" if np.isfinite(values).any() else " (one class only)"
        axes.plot(list(means), values, style, color=colour, label=label, markersize=4)
    axes.axvline(results.weight, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="weight of balanced accuracy", ylabel="mean over attributes")
    legend_outside(figure, 3)
    chosen = means[results.weight]
    return Chart(
        "tradeoff",
        "Tradeoff of the thresholds",
        f"Accuracy, balanced accuracy and macro-F1 over {len(means)} weights; chosen is weight "
        f"{results.weight:g}: accuracy {decimals(chosen['accuracy'], 4)}, balanced accuracy "
        f"{decimals(chosen['balanced_accuracy'], 4)}, macro-F1 {decimals(chosen['macro_f1'], 4)}.",
        figure,
        f"To the right, rare attributes are predicted more often. Dotted: {results.weight:g}, "
        "the largest that costs at most a quarter of a point of accuracy on validation photos.",
    )


def thresholds_chart(results: Results) -> Chart:
    """Draw each attribute's threshold and the one that gave the best F1 on these photos."""
    best = [best_f1(*results.of_known(i, results.probabilities)) for i in range(len(results.names))]
    order = np.argsort(results.thresholds, kind="stable")
    figure = rows_figure(len(order))
    axes = figure.subplots()
    places = range(len(order))
    axes.plot(
        [best[i] for i in order],
        places,
        "s",
        color=GREY,
        markersize=4,
        label="best F1 on these photos",
    )
    axes.plot(results.thresholds[order], places, "o", color=BLUE, markersize=4, label="chosen")
    label_rows(axes, [results.names[i] for i in order])
    axes.grid(axis="y", visible=True)
    axes.set(xlim=(0, 1), xlabel="threshold on the calibrated probability")
    legend_outside(figure, 2)
    low, high = order[0], order[-1]
    return Chart(
        "thresholds",
        "Thresholds",
        f"Two dots per attribute; chosen from {attribute_label(results.names[low])} "
        f"{results.thresholds[low]:.2f} to {attribute_label(results.names[high])} "
        f"{results.thresholds[high]:.2f}.",
        figure,
        "One weight and the prevalence set all thresholds. The grey squares are fitted to these "
        "photos, each to a few of them: overfitted, and not for use. An attribute that none of "
        "these photos has, has no square.",
    )


def best_f1(label: np.ndarray, probability: np.ndarray) -> float:
    """Return the threshold of the best F1 on these photos; NaN if none has the attribute."""
    if not label.any():
        return math.nan
    precision, recall, threshold = precision_recall_curve(label, probability)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(threshold[np.argmax(f1[:-1])])
