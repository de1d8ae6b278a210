"""What a comparison has still to train, and the time that it takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.text import counted
from train.evaluation.comparison import read_measured, read_times
from train.training.config import FitSettings
from train.training.study import StudyRow
from train.training.workload import (
    FIRST_GUESS_LINE,
    PhotoCounts,
    RunSpeed,
    duration,
    features_key,
    work,
)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison: a recipe with a seed."""

    name: str  # of its folder
    settings: FitSettings
    folder: Path

    @property
    def epochs(self) -> int:
        """The epochs of all its phases; early stopping may end it before."""
        return self.settings.epochs + self.settings.frozen_epochs

    @property
    def is_finished(self) -> bool:
        """Whether it is trained and measured."""
        return read_measured(self.folder) is not None


def planned_runs(rows: Iterable[StudyRow], out: Path) -> list[PlannedRun]:
    """Return the runs of all rows, in order."""
    return [
        PlannedRun(name, settings, out / name)
        for row in rows
        for name, settings in row.runs().items()
    ]


class Schedule:
    """The runs of a comparison and the time left, which gets better with every finished one."""

    def __init__(self, runs: Sequence[PlannedRun], attributes: int, photos: PhotoCounts):
        self.runs = tuple(runs)
        self._attributes, self._photos = attributes, photos
        self._speed, self._sharing = RunSpeed(), _sharing(runs)
        self.finished = [run for run in runs if run.is_finished]
        self.pending = [run for run in runs if run not in self.finished]
        for run in runs if self.pending else ():
            self._learn_speed(run)

    def _work(self, run: PlannedRun, epochs: int | None = None) -> float:
        has_features = run in self._sharing
        return work(run.settings, self._attributes, self._photos, epochs, has_features)

    def _learn_speed(self, run: PlannedRun) -> None:
        seconds, _, epochs = read_times(run.folder)
        measured = read_measured(run.folder)
        seconds += measured.measuring_s if measured else 0
        if epochs:
            self._speed.add(run.settings.backbone, self._work(run, epochs), seconds)

    def seconds(self, run: PlannedRun) -> float:
        """Return the time that a pending run still takes."""
        left = self._work(run) - self._work(run, read_times(run.folder)[2])
        return self._speed.seconds(run.settings.backbone, left)

    def end(self, run: PlannedRun) -> None:
        """Count a run as done, finished or failed."""
        self.pending.remove(run)
        if run.is_finished:
            self.finished.append(run)
            self._learn_speed(run)

    def overview(self) -> list[str]:
        """Return lines with every run, its size, and the time that it is expected to take."""
        width = max(len(run.name) for run in self.runs)
        lines = [f"{counted(len(self.runs), 'run')}, {len(self.finished)} finished:"]
        for run in self.runs:
            left = self._time(run) if run in self.pending else "finished"
            lines.append(f"  {run.name:{width}}  {self._size(run)}: {left}")
        if self.pending:
            total = duration(sum(map(self.seconds, self.pending)))
            source = "by the runs so far" if self._speed.is_measured else FIRST_GUESS_LINE
            lines.append(f"{total} in all, {source}")
        return lines

    def _size(self, run: PlannedRun) -> str:
        settings, (width, height) = run.settings, run.settings.input
        steps = run.epochs * -(-self._photos.train // settings.batch)
        most = "at most " if settings.early_stopping else ""
        return (
            f"{settings.backbone} {width}x{height}, {most}{counted(run.epochs, 'epoch')}, "
            f"{counted(steps, 'step')}"
        )

    def _time(self, run: PlannedRun) -> str:
        done = read_times(run.folder)[2]
        begun = f", {counted(done, 'epoch')} done" if done else ""
        return f"{duration(self.seconds(run))}{begun}"

    def line(self, run: PlannedRun) -> str:
        """Return the line of progress when a pending run begins."""
        number = self.runs.index(run) + 1
        left = duration(sum(map(self.seconds, self.pending)))
        return (
            f"{number} of {len(self.runs)}: {run.name}, {self._size(run)}, {self._time(run)}; "
            f"{left} left in all"
        )


def _sharing(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Return the runs whose cached features a run before them computes."""
    keys, sharing = set(), []
    for run in runs:
        key = features_key(run.settings)
        if key is not None and key in keys:
            sharing.append(run)
        keys.add(key)
    return sharing
