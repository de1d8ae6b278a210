"""The metrics of a split: as text, and as a report with charts."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from device.text import counted
from train.data.file_names import unique_slug
from train.data.split import Split
from train.evaluation.intervals import (
    Interval,
    interval_text,
    mean_intervals,
    score_intervals,
    without_unknown,
)
from train.evaluation.metrics import Scores, decimals


def scores_table(scores: Scores) -> str:
    """Return the means and a row per attribute as text."""
    means = scores.means()
    lines = [
        f"{counted(scores.photos, 'photo')}: mean accuracy {decimals(means['accuracy'], 4)}, "
        f"balanced accuracy {decimals(means['balanced_accuracy'], 4)}, macro-F1 "
        f"{decimals(means['macro_f1'], 4)}, mean AUC {decimals(means['mean_auc'], 4)}, "
        f"calibration error {decimals(means['calibration_error'], 4)}",
        f"{'attribute':20}{'accuracy':>10}{'95 %':>16}{'balanced':>10}{'precision':>10}"
        f"{'recall':>10}{'F1':>10}{'95 %':>16}{'AUC':>10}{'95 %':>16}{'support':>10}",
    ]
    for score in scores.attributes:
        metrics = (
            *(score.accuracy, score.balanced_accuracy, score.precision),
            *(score.recall, score.f1, score.auc),
        )
        values = [f"{decimals(value, 4):>10}" for value in metrics]
        ends = score_intervals(score)
        for place, field in ((0, "accuracy"), (4, "f1"), (5, "auc")):
            values[place] += f"{interval_text(ends[field]):>16}"
        of = f" of {score.photos:,}" if score.photos < scores.photos else ""
        lines.append(f"{score.name:20}{''.join(values)}{score.support:10}{of}")
    return "\n".join(lines)


def intervals_line(intervals: dict[str, Interval]) -> str:
    """Return the 95 % intervals of the means as text."""
    titles = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
    titles |= {"macro_f1": "macro-F1", "mean_auc": "mean AUC"}
    known = [
        f"{titles[key]} {text}"
        for key, interval in intervals.items()
        if (text := interval_text(interval, 4))
    ]
    return f"95 % intervals of the means: {', '.join(known)}"


def write_scores(
    out: Path, about: dict[str, Any], scores: Scores, split: Split, probabilities: np.ndarray
) -> dict[str, Interval]:
    """Write report.json, which starts with `about`, and the charts; return the means' intervals."""
    from train.evaluation.chart_text import chart_style  # Matplotlib is slow to import
    from train.evaluation.plots import attribute_chart, overview_chart

    intervals = mean_intervals(scores, split.labels, probabilities)
    record = about | _record(scores, intervals)
    (out / "report.json").write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    (out / "attributes").mkdir(exist_ok=True)
    with chart_style(split.attributes):
        overview_chart(out / "attributes.png", scores)
        for i, score in enumerate(scores.attributes):
            path = out / "attributes" / f"{unique_slug(score.name)}.png"
            known = split.known[:, i]
            attribute_chart(path, score, split.labels[known, i], probabilities[known, i])
    return intervals


def _record(scores: Scores, intervals: dict[str, Interval]) -> dict[str, Any]:
    """Return the metrics with their 95 % intervals, for JSON."""
    record = scores.to_dict() | {"intervals": without_unknown(intervals)}
    for row, score in zip(record["attributes"], scores.attributes, strict=True):
        row["intervals"] = without_unknown(score_intervals(score))
    return record
