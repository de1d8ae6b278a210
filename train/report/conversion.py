"""The converted model: int8 against float, and the sweeps of the device's pipeline."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import numpy as np

from device.attributes.model_card import ModelCard
from train.evaluation.chart_text import attribute_label
from train.evaluation.intervals import UNKNOWN, Interval, interval_text, middle, resampled_means
from train.evaluation.metrics import decimals
from train.evaluation.plots import BLUE, ORANGE, sweep_figure
from train.evaluation.robustness import SWEEPS, SweepPoint
from train.report.chart import WIDTH_IN, Chart, label_rows, legend_outside, rows_figure
from train.report.page import Section, Table, embed, interval_cell
from train.report.predictions import Results
from train.report.run import Run

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "mean_auc": "mean AUC",
    "calibration_error": "calibration error",
}


@dataclass(frozen=True)
class Converted:
    """The int8 model of the run."""

    path: Path  # its card
    card: ModelCard
    results: Results


def tiles(results: Results, converted: Converted | None) -> list[tuple[str, str, str]]:
    """Return the headline metrics, with int8's below."""
    means, ends = results.scores.means(), results.mean_intervals
    below = converted.results.scores.means() if converted else {}
    tiles = []
    for key, title in METRICS.items():
        notes = [interval_text(ends.get(key, UNKNOWN), 3)]
        notes.append(f"int8 {decimals(below[key], 3)}" if below else "")
        tiles.append((title, decimals(means[key], 3), "; ".join(filter(None, notes))))
    return tiles


def int8(
    results: Results, converted: Converted | None, run: Run, data: Path, folder: Path
) -> Section:
    """Return int8 against float, or the command that makes the int8 model."""
    title = "Float against int8"
    if converted is None:
        missing = ["No converted model of this run was found. To make one:"]
        command = shlex.join(
            ["python", "-m", "train.convert", str(run.folder), "--data", str(data)]
        )
        return Section("int8", title, missing, command)
    before, after = results.scores.means(), converted.results.scores.means()
    changes = _change_intervals(results, converted.results)
    rows = []
    for key, name in METRICS.items():
        change = decimals(after[key] - before[key], 4)
        values = decimals(before[key], 4), decimals(after[key], 4)
        rows.append((name, *values, interval_cell(change, changes.get(key, UNKNOWN), digits=3)))
    same = float((converted.results.decisions == results.decisions).mean())
    difference = float(np.abs(converted.results.raw - results.raw).mean())
    text = (
        f"{converted.path}: {100 * same:.1f} % of the {results.wrong.size:,} decisions are the "
        f"same; raw outputs differ by {difference:.4f} on average. Each "
        "model has its own calibration and thresholds."
    )
    caption = "Means over attributes; changes with their 95 % intervals"
    charts = []
    if len(results.names) > 1:
        charts = [int8_chart(results, converted.results)]
    return Section(
        "int8",
        title,
        [text],
        charts=[embed(chart, folder) for chart in charts],
        beside=[
            Table(
                caption,
                ("metric", "float", "int8", "change"),
                rows,
            )
        ],
    )


def _change_intervals(before: Results, after: Results) -> dict[str, Interval]:
    """Return the 95 % intervals of the means' changes: both models on the same draws of photos."""
    first, second = (
        resampled_means(one.split.labels, one.probabilities, one.thresholds)
        for one in (before, after)
    )
    return {key: middle(second[key] - first[key]) for key in first}


def robustness(
    sweeps: dict[str, list[SweepPoint]],
    converted: Converted | None,
    data: Path,
    folder: Path,
    out: Path,
) -> Section:
    """Return the measured sweeps, and the command for the others."""
    missing = [kind for kind in SWEEPS if kind not in sweeps]
    text, command = [], ""
    if converted is None:
        text = ["The sweeps need the converted model."]
    elif missing:
        split = converted.results.split.name
        text = [f"Not measured for this model on {split} photos: {', '.join(missing)}. To measure:"]
        command = (
            f"for kind in {' '.join(missing)}; do\n"
            f"    python -m train.evaluate sweep $kind --model {quote(str(converted.path))} "
            f"--data {quote(str(data))} --split {split} --out {quote(str(out))}; done"
        )
    charts = [embed(chart, folder) for chart in sweep_charts(sweeps)]
    return Section("robustness", "Robustness", text, command, charts)


def int8_chart(float_: Results, int8: Results) -> Chart:
    """Draw the change of each attribute's AUC and F1 by the conversion, largest loss last."""
    pairs = list(zip(float_.scores.attributes, int8.scores.attributes, strict=True))
    # Attributes of one class have no AUC: they come first, at the foot of the chart.
    pairs.sort(key=lambda pair: np.nan_to_num(pair[1].auc - pair[0].auc, nan=-np.inf))
    known = [pair for pair in pairs if pair[0].auc == pair[0].auc]
    figure = rows_figure(len(pairs))
    axes = figure.subplots()

    def change(field: str) -> list[float]:
        return [getattr(after, field) - getattr(before, field) for before, after in pairs]

    axes.barh(range(len(pairs)), change("auc"), color=BLUE, alpha=0.6, label="AUC")
    axes.plot(change("f1"), range(len(pairs)), "o", color=ORANGE, markersize=4, label="F1")
    label_rows(axes, [score.name for score, _ in pairs])
    axes.grid(axis="y", visible=True)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(xlabel="int8 - float; below 0: loss by the conversion")
    legend_outside(figure, 2)
    ends = [
        f"{attribute_label(before.name)} {after.auc - before.auc:+.4f}"
        for before, after in (known[:1] + known[-1:])
    ]
    without = [attribute_label(before.name) for before, _ in pairs if before.auc != before.auc]
    no_auc = f" No AUC, because there is one class only: {', '.join(without)}." if without else ""
    return Chart(
        "int8",
        "Change by the conversion to int8",
        f"Change of AUC and F1 of {len(pairs)} attributes; AUC from {' to '.join(ends) or '-'}.",
        figure,
        f"F1 also depends on the thresholds, which differ between the two models.{no_auc}",
    )


def sweep_charts(sweeps: dict[str, list[SweepPoint]]) -> list[Chart]:
    """Draw the sweeps that train.evaluate measured."""
    charts = []
    for kind, points in sweeps.items():
        first, last = points[0], points[-1]
        alt = (
            f"Accuracy and share of faces detected over {len(points)} severities, {kind} in "
            f"{SWEEPS[kind][0]}: {first.accuracy:.3f} at {first.severity:g}, "
            f"{last.accuracy:.3f} at {last.severity:g}."
        )
        figure = sweep_figure(kind, SWEEPS[kind][0], points, (WIDTH_IN, 3.0))
        charts.append(Chart(f"sweep-{kind}", kind.capitalize(), alt, figure))
    return charts
