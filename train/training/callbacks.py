"""Keras callbacks: progress, time, shuffling, restoring, the best epoch, and when to stop."""

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from device.errors import FacetError, os_reason
from device.files import read_json
from train.keras_import import keras
from train.network.load import not_finite

DIVERGED = "training diverged"
MEASURED_STEPS = 20  # before the time left is known


class Epochs(Protocol):
    """Batches that are shuffled or augmented anew in each epoch."""

    def start_epoch(self, epoch: int) -> None: ...


class Progress(keras.callbacks.Callback):
    """A progress bar for a phase of the run, with the time left and the running loss.

    After MEASURED_STEPS a line says how many minutes the rest of the phase takes. now: returns the
    time in s.
    """

    def __init__(
        self,
        name: str,
        steps_per_epoch: int,
        first: int,
        last: int,
        now: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self._name, self._steps_per_epoch = name, steps_per_epoch
        self._first, self._total = first, steps_per_epoch * (last - first)
        self._now, self._started_s, self._steps = now, 0.0, 0

    def on_epoch_begin(self, epoch, logs=None):
        if hasattr(self, "_bar"):
            return
        # After a resume, the first epoch is not the phase's first.
        done = (epoch - self._first) * self._steps_per_epoch
        self._left = self._total - done
        self._bar = tqdm(
            desc=self._name,
            total=self._total,
            initial=done,
            unit="step",
            smoothing=0.05,
            mininterval=2,
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(1)
        self._steps += 1
        if self._steps == 1:  # which compiled the network
            self._started_s = self._now()
        if self._steps == MEASURED_STEPS + 1:
            self._write_estimate((self._now() - self._started_s) / MEASURED_STEPS)
        if batch % 20 == 0:
            self._bar.set_postfix(loss=f"{logs['loss']:.4f}", refresh=False)

    def _write_estimate(self, step_s: float) -> None:
        left = self._left - self._steps
        if left * step_s >= 60:
            self._bar.write(
                f"{self._name}: about {left * step_s / 60:,.0f} minutes for {left:,} more steps of "
                f"{step_s:.2f} s, and validation"
            )

    def on_epoch_end(self, epoch, logs=None):
        shown = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._bar.write(f"epoch {epoch + 1}: {shown}")

    def on_train_end(self, logs=None):
        self.close()

    def close(self) -> None:
        """End the bar's line, also if training failed; may be called twice."""
        if hasattr(self, "_bar"):
            self._bar.close()


class Clock(keras.callbacks.Callback):
    """Append the time of each epoch to times.csv; the first includes the preparation.

    Columns: epoch, wall_s, cpu_s (of all threads).
    """

    def __init__(self, path: Path):
        super().__init__()
        self._path = path
        self._read()

    def _read(self) -> tuple[float, float]:
        before = getattr(self, "_now", (0.0, 0.0))
        self._now = (time.perf_counter(), time.process_time())
        return self._now[0] - before[0], self._now[1] - before[1]

    def on_epoch_end(self, epoch, logs=None):
        new = not self._path.exists()
        with self._path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(("epoch", "wall_s", "cpu_s"))
            writer.writerow((epoch, *(f"{seconds:.1f}" for seconds in self._read())))


class EpochStart(keras.callbacks.Callback):
    """Pass the epoch to the batches, so that a resumed run is shuffled as an uninterrupted one."""

    def __init__(self, batches: Epochs):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.start_epoch(epoch)


class StopIfNotFinite(keras.callbacks.Callback):
    """End the run with a FacetError at the first loss or weight that is NaN or infinite.

    Stands before the callback that writes checkpoints, so that none has such a weight. hint: what
    to change.
    """

    def __init__(self, hint: str):
        super().__init__()
        self._hint, self._epoch = hint, 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if batch == self._epoch == 0:
            when = "at the first step, before a weight has changed"
            self._check(logs, when, "another --weights or --teacher, with another --out")
        # Keras's mean over the epoch so far: once NaN, it stays NaN.
        self._check(logs, f"at step {batch + 1} of epoch {self._epoch + 1}: {DIVERGED}", self._hint)

    def on_epoch_end(self, epoch, logs=None):
        when = f"after epoch {epoch + 1}: {DIVERGED}"
        self._check(logs, when, self._hint)
        weight = not_finite(self.model)
        if weight:
            raise FacetError(f"{weight} is NaN or infinite {when}", self._hint)

    def _check(self, logs, when: str, hint: str) -> None:
        for name in ("loss", "val_loss"):
            value = keras.ops.convert_to_numpy(logs.get(name, 0.0))
            if not np.isfinite(value).all():
                raise FacetError(f"{name} is {float(np.max(value))} {when}", hint)


class LearningRate(keras.callbacks.Callback):
    """Set a constant learning rate over the one of the checkpoint: a resumed run may have another.

    Stands behind the callback that restores checkpoints.
    """

    def __init__(self, rate: float):
        super().__init__()
        self._rate = rate

    def on_train_begin(self, logs=None):
        self.model.optimizer.learning_rate = self._rate


class BeforeValidation(keras.callbacks.Callback):
    """Call a function before each validation, such as one that recalibrates BatchNorm."""

    def __init__(self, prepare: Callable[[], None]):
        super().__init__()
        self._prepare = prepare

    def on_test_begin(self, logs=None):
        self._prepare()


class RestoreOnly(keras.callbacks.BackupAndRestore):
    """Restore from the checkpoints that the chief worker writes, and write none."""

    def on_epoch_end(self, epoch, logs=None):
        pass


class BestEpoch(keras.callbacks.Callback):
    """Stop when a metric no longer improves, and restore the best epoch's weights.

    Keras's EarlyStopping loses its state when a run is interrupted; this one keeps the best value
    and weights in a folder. is_chief: whether this process writes them. mean: the callback that
    validates the running mean of the weights, which are then the ones to keep.
    """

    def __init__(
        self,
        metric: str,
        patience: int,
        folder: Path,
        is_chief: bool = True,
        mean: keras.callbacks.SwapEMAWeights | None = None,
    ):
        super().__init__()
        self._mean = mean
        self._metric, self._patience, self._is_chief = metric, patience, is_chief
        self._record, self._weights = folder / "best.json", folder / "best.weights.h5"
        # Smaller is better for losses only.
        self._sign = -1 if metric.endswith("loss") else 1

    def on_train_begin(self, logs=None):
        self._best, self._epoch = float("-inf"), -1
        if self._record.exists():
            try:
                record = read_json(self._record)
                self._best, self._epoch = self._sign * record["value"], record["epoch"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                message = f"cannot read {self._record}: {os_reason(error)}"
                raise FacetError(message, "start a new run") from error

    def on_epoch_end(self, epoch, logs=None):
        value = float(logs[self._metric])
        if self._sign * value > self._best:
            self._best, self._epoch = self._sign * value, epoch
            self._save(epoch, value)
        elif epoch - self._epoch >= self._patience:
            self.model.stop_training = True

    def _save(self, epoch: int, value: float) -> None:
        if not self._is_chief:
            return
        self._record.parent.mkdir(parents=True, exist_ok=True)
        partial = self._weights.with_name("partial.weights.h5")
        if self._mean:
            self._mean.on_test_begin()
        self.model.save_weights(partial, overwrite=True)
        if self._mean:
            self._mean.on_test_end()
        partial.replace(self._weights)
        self._record.write_text(json.dumps({"epoch": epoch, "value": value}))

    def on_train_end(self, logs=None):
        if self._weights.exists():
            self.model.load_weights(self._weights)
