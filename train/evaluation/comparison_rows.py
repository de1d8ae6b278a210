"""The rows of a comparison: a recipe's runs, one per seed, and its gain on an earlier row."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.evaluation.comparison import MeasuredRun, TestPredictions, run_record
from train.evaluation.intervals import Interval, paired_interval, photo_mean_interval
from train.evaluation.metrics import mean_of_known, without_nan
from train.training.study import StudyRow


@dataclass(frozen=True)
class ComparisonRow:
    """A recipe's finished runs, at least one; shares are 0..1, means over the runs."""

    plan: StudyRow
    runs: tuple[MeasuredRun, ...]
    predictions: tuple[TestPredictions, ...]  # of each run
    finished: tuple[str, ...]  # each run's folder

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def first(self) -> MeasuredRun:
        """The first run, for what does not depend on the seed."""
        return self.runs[0]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes' names, in the model's order."""
        return tuple(score.name for score in self.first.scores)

    def mean(self, metric: str) -> float:
        """Return the mean of a field of the runs; NaN if none has it."""
        return mean_of_known([getattr(run, metric) for run in self.runs])

    @property
    def accuracy(self) -> float:
        return self.mean("accuracy")

    def interval(self, metric: str) -> Interval | None:
        """Return a metric's 95 % interval; None if not known.

        Of several runs only that of the accuracy is: of the mean of their accuracies.
        """
        if len(self.runs) == 1:
            return self.first.intervals.get(metric)
        if metric != "accuracy":
            return None
        shares = self.shares_correct()
        return photo_mean_interval(shares[~np.isnan(shares)])

    def seed_range(self, metric: str = "accuracy") -> tuple[float, float] | None:
        """Return the lowest and highest of several runs; None for one run."""
        values = [getattr(run, metric) for run in self.runs]
        return (min(values), max(values)) if len(values) > 1 else None

    def rows(self) -> np.ndarray:
        """Return the test photos that all runs could read, int (photos,), in order."""
        common = self.predictions[0].rows
        for predicted in self.predictions[1:]:
            common = np.intersect1d(common, predicted.rows)
        return common

    def shares_correct(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the mean share of right labels per photo, 0..1, of the photos `rows`, or of all.

        rows: some of `rows()`, in order. NaN for a photo without a known label.
        """
        rows = self.rows() if rows is None else rows
        shares = (p.shares_correct()[np.isin(p.rows, rows)] for p in self.predictions)
        return np.mean(list(shares), axis=0)


@dataclass(frozen=True)
class Step:
    """A row beside the earlier project's figure, its target, and the row that it follows."""

    row: ComparisonRow
    gain: float = math.nan  # of accuracy, -1..1; NaN without a row before
    interval: Interval | None = None  # 95 %, of the gain
    ancestor_gain: float = math.nan  # NaN if one of both figures is not known

    @property
    def passed(self) -> bool | None:
        """Whether the targets are reached, in the means over the runs; None without any."""
        plan, checks = self.row.plan, []
        if plan.target is not None:
            checks.append(self.row.accuracy >= plan.target)
        if plan.target_gain is not None and self.gain == self.gain:
            checks.append(self.gain >= plan.target_gain)
        return all(checks) if checks else None


def steps(rows: Sequence[ComparisonRow]) -> list[Step]:
    """Return a step for each row that has a figure to be compared with, in order."""
    by_name = {row.name: row for row in rows}
    return [
        _step(row, by_name.get(row.plan.after))
        for row in rows
        if (row.plan.after, row.plan.ancestor, row.plan.target) != ("", None, None)
    ]


def _step(row: ComparisonRow, before: ComparisonRow | None) -> Step:
    if before is None:
        return Step(row)
    gain, interval = gain_on(before, row)
    own, earlier = row.plan.ancestor, before.plan.ancestor
    if own is None or earlier is None:
        return Step(row, gain, interval)
    return Step(row, gain, interval, own - earlier)


def gain_on(before: ComparisonRow, row: ComparisonRow) -> tuple[float, Interval]:
    """Return the gain of accuracy and its 95 % interval, paired on the same test photos.

    The interval is that of the photos; that of other seeds is not part of it.
    """
    common = np.intersect1d(before.rows(), row.rows())
    differences = row.shares_correct(common) - before.shares_correct(common)
    return row.accuracy - before.accuracy, paired_interval(differences[~np.isnan(differences)])


def comparison_record(rows: Sequence[ComparisonRow], failed: dict[str, str]) -> dict[str, Any]:
    """Return a comparison for JSON: its rows with their runs, its steps, and what failed.

    failed: the reason by run.
    """
    return {
        "rows": [_row_record(row) for row in rows],
        "steps": [_step_record(step) for step in steps(rows)],
        "failed": failed,
    }


def _row_record(row: ComparisonRow) -> dict[str, Any]:
    metrics = ("accuracy", "balanced_accuracy", "f1", "auc")
    return {
        "recipe": row.name,
        "attributes": list(row.attributes),
        **without_nan({metric: row.mean(metric) for metric in metrics}),
        "accuracy_interval": row.interval("accuracy"),
        "accuracy_over_seeds": row.seed_range(),
        "runs": [run_record(run) for run in row.runs],
    }


def _step_record(step: Step) -> dict[str, Any]:
    plan = step.row.plan
    figures = {"gain": step.gain, "ancestor_gain": step.ancestor_gain}
    return {
        "recipe": plan.name,
        "after": plan.after,
        "gain_interval": step.interval,
        "ancestor": plan.ancestor,
        "target": plan.target,
        "target_gain": plan.target_gain,
        "passed": step.passed,
        **without_nan(figures),
    }
