"""What became of the float model: int8 beside it, and the device's path under stress."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device.attributes.model_card import ModelCard
from train.measuring.charts import BLUE, ORANGE, sweep_figure
from train.measuring.sweep import SWEEPS, Point
from train.report.drawing import WIDTH_IN, Chart, label_rows, number, rows_figure, words
from train.report.page import Section, Table, drawn
from train.report.results import Results
from train.report.run import Run

FIGURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "mean_auc": "mean AUC",
    "calibration_error": "calibration error",
}


@dataclass(frozen=True)
class Converted:
    """The int8 model made of the run."""

    path: Path  # its card
    card: ModelCard
    results: Results


def tiles(results: Results, converted: Converted | None) -> list[tuple[str, str, str]]:
    """Return the headline figures, int8's below."""
    means = results.scores.means()
    below = converted.results.scores.means() if converted else {}
    return [
        (title, number(means[key], 3), f"int8 {number(below[key], 3)}" if below else "")
        for key, title in FIGURES.items()
    ]


def int8(
    results: Results, converted: Converted | None, run: Run, data: Path, folder: Path
) -> Section:
    """Return float against int8, or the command that makes the int8 model."""
    title = "Float against int8"
    if converted is None:
        text = ["No converted model of this run was found. To make one, then report again:"]
        command = f"python -m train.convert {run.folder} --data {data} --out {run.folder}"
        return Section("int8", title, text, command)
    before, after = results.scores.means(), converted.results.scores.means()
    rows = [
        (name, number(before[key], 4), number(after[key], 4), number(after[key] - before[key], 4))
        for key, name in FIGURES.items()
    ]
    same = float((converted.results.message == results.message).mean())
    apart = float(np.abs(converted.results.raw - results.raw).mean())
    told = (
        f"{converted.path}: {100 * same:.1f} % of the answers are the same; raw outputs differ by "
        f"{apart:.4f} on average. Each is calibrated, and decides, by its own figures."
    )
    charts = []
    if len(results.names) > 1:
        charts = [int8_chart(results, converted.results)]
    return Section(
        "int8",
        title,
        [told],
        charts=[drawn(chart, folder) for chart in charts],
        beside=[Table("Means over attributes", ("figure", "float", "int8", "change"), rows)],
    )


def stress(
    sweeps: dict[str, list[Point]], converted: Converted | None, data: Path, folder: Path, out: Path
) -> Section:
    """Return how accuracy falls with each stress, and the commands of those not measured yet."""
    missing = [kind for kind in SWEEPS if kind not in sweeps]
    text, command = [], ""
    if converted is None:
        text = ["The sweeps stress the device's path with the converted model: make that first."]
    elif missing:
        split = converted.results.split.name
        text = [f"Not measured for this model on {split} photos: {', '.join(missing)}. To measure:"]
        command = (
            f"for stress in {' '.join(missing)}; do\n"
            f"    python -m train.evaluate --model {converted.path} --data {data} --split {split} "
            f"--sweep $stress --out {out}; done"
        )
    charts = [drawn(chart, folder) for chart in sweep_charts(sweeps)]
    return Section("stress", "Under stress", text, command, charts)


def int8_chart(float_: Results, int8: Results) -> Chart:
    """Draw what each attribute's AUC and F1 gained or lost by the conversion, most lost last."""
    pairs = list(zip(float_.scores.attributes, int8.scores.attributes, strict=True))
    pairs.sort(key=lambda pair: np.nan_to_num(pair[1].auc - pair[0].auc))
    figure = rows_figure(len(pairs))
    axes = figure.subplots()

    def change(field: str) -> list[float]:
        return [getattr(b, field) - getattr(a, field) for a, b in pairs]

    axes.barh(range(len(pairs)), change("auc"), color=BLUE, alpha=0.6, label="AUC")
    axes.plot(change("f1"), range(len(pairs)), "o", color=ORANGE, markersize=4, label="F1")
    label_rows(axes, [one.name for one, _ in pairs])
    axes.grid(axis="y", visible=True)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(xlabel="int8 less float: left of 0 the conversion lost")
    figure.legend(loc="outside upper center", ncols=2)
    first, last = pairs[0][0].name, pairs[-1][0].name
    return Chart(
        "int8",
        "What the conversion to int8 changed",
        f"Change of AUC and F1 of {len(pairs)} attributes; AUC from {words(first)} "
        f"{change('auc')[0]:+.4f} to {words(last)} {change('auc')[-1]:+.4f}.",
        figure,
        "F1 also moves with the thresholds, which each of the two has of its own.",
    )


def sweep_charts(sweeps: dict[str, list[Point]]) -> list[Chart]:
    """Draw the sweeps of train.evaluate."""
    charts = []
    for kind, points in sweeps.items():
        none, *_ = points
        last = points[-1]
        alt = (
            f"Accuracy and share of faces found over {len(points)} stresses, {kind} in "
            f"{SWEEPS[kind][0]}: {none.accuracy:.3f} at {none.stress:g}, {last.accuracy:.3f} at "
            f"{last.stress:g}."
        )
        figure = sweep_figure(kind, SWEEPS[kind][0], points, (WIDTH_IN, 3.0))
        charts.append(Chart(f"sweep-{kind}", kind.capitalize(), alt, figure))
    return charts
