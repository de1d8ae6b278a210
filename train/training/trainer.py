"""Train a model through its phases, and leave it in the run's folder."""

import contextlib
import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.log import log
from train.data.loader import Batches
from train.data.split import Split, fingerprint
from train.keras_import import keras
from train.network.batchnorm import copy_statistics, recalibrate_batchnorm
from train.network.build import build, freeze, head_of, set_precision
from train.network.distillation import Distiller, load_teachers
from train.network.head import Head
from train.network.load import check_finite
from train.training.bottleneck import Features, cached_features
from train.training.callbacks import (
    BeforeValidation,
    BestEpoch,
    Clock,
    EpochStart,
    LearningRate,
    Progress,
    RestoreOnly,
    StopIfNotFinite,
)
from train.training.checkpoints import PHASE_WEIGHTS, forget_epochs, has_checkpoint, next_epoch
from train.training.config import FROM_SCRATCH, FitSettings, from_scratch_line
from train.training.distributed import Cluster
from train.training.losses import Accuracy, AreaUnderCurve, crossentropy
from train.training.phases import Phase, optimizer, phases, rate_flag
from train.training.recalibration import recalibration_batches

EVALUATION_BATCH = 64
HISTORY, TIMES = "history.csv", "times.csv"


def build_network(
    settings: FitSettings,
    attributes: int,
    weights: str | None = None,
    names: tuple[str, ...] = (),
) -> keras.Model:
    """Return the model that the settings describe, with their weights or with others.

    names: of the attributes, to continue from a model of other ones.
    """
    head = Head(settings.pooling, settings.dense, settings.output, settings.dropout)
    weights = settings.weights if weights is None else weights
    return build(
        attributes,
        settings.input,
        weights,
        settings.last_layer,
        settings.backbone,
        head,
        names,
        settings.preprocessing,
    )


@dataclass(frozen=True)
class TrainingJob:
    """One run: photos, folder, settings, and the processes that take part."""

    train: Split
    val: Split
    run: Path
    settings: FitSettings
    cluster: Cluster


def fit(
    train: Split, val: Split, run: Path, settings: FitSettings, cluster: Cluster | None = None
) -> keras.Model:
    """Train, or continue from RUN/backup, and leave model.keras in the run's folder.

    cluster: joined as the settings say; None trains in this process alone.
    Raises FacetError if the training diverges: the loss or a weight is NaN or infinite. RUN/backup
    then keeps the last epoch before.
    """
    run.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(settings.seed)
    if line := from_scratch_line(settings):
        log.info(line)
    backup, cluster = run / "backup", cluster or Cluster()
    job = TrainingJob(train, val, run, settings, cluster)
    # A resumed run does not load its starting weights: their file may be gone.
    weights = FROM_SCRATCH if has_checkpoint(backup) else None
    names = train.attributes
    with cluster.scope():
        start = build_network(settings, len(names), weights, names)
        set_precision(start, settings.precision)
        model = cluster.model(start.input, start.output) if cluster.strategy else start
    with cluster.translate_errors():
        if cluster.count > 1:
            cluster.check_same_photos(fingerprint((train, val)))
        for number, phase in enumerate(phases(settings), 1):
            if number > 1 and not cluster.is_chief:
                # The best epoch's weights, which the chief may have written just now.
                model.load_weights(cluster.wait_for(backup / str(number - 1) / PHASE_WEIGHTS))
            _train(job, model, phase, backup / str(number))
    return _finish(job, model)


def _train(job: TrainingJob, model: keras.Model, phase: Phase, backup: Path) -> None:
    """Train one phase or the rest of it; load its weights if it is finished."""
    settings, cluster, finished = job.settings, job.cluster, backup / PHASE_WEIGHTS
    if finished.exists():
        model.load_weights(finished)
        return
    clock = Clock(job.run / TIMES)
    freeze(model, phase.unfreeze)
    learner, batches, validation = phase_inputs(job, model, phase)
    with cluster.scope():
        # Compiled again in each phase: compiling fixes which layers learn.
        learner.compile(
            optimizer(phase, settings, len(batches) * (phase.last - phase.first)),
            loss=crossentropy,
            metrics=_metrics(settings),
        )
        # Inside the scope: otherwise a checkpoint builds the variables outside the replicas.
        learner.optimizer.build(learner.trainable_variables)
    callbacks = _callbacks(job, phase, batches, backup)
    callbacks.append(BeforeValidation(lambda: _recalibrate(job, model, phase)))
    if cluster.is_chief:
        callbacks.append(clock)
        for name in (HISTORY, TIMES):
            forget_epochs(job.run / name, next_epoch(backup, phase.first))
    with _original_error(batches, validation), _closed(callbacks):
        learner.fit(
            cluster.shard(batches),
            validation_data=cluster.shard(validation) if validation else None,
            initial_epoch=phase.first,
            epochs=phase.last,
            verbose=0,
            callbacks=callbacks,
            shuffle=False,  # the batches do that themselves
        )
    if cluster.is_chief:
        backup.mkdir(parents=True, exist_ok=True)
        partial = finished.with_name("partial.weights.h5")
        model.save_weights(partial, overwrite=True)
        partial.rename(finished)


@contextlib.contextmanager
def _original_error(*sources: Any) -> Iterator[None]:
    """Raise the error of the photos that TensorFlow wraps in one of its own."""
    try:
        yield
    except Exception:
        for source in sources:
            if failure := getattr(source, "failure", None):
                raise failure from None
        raise


@contextlib.contextmanager
def _closed(callbacks: list[keras.callbacks.Callback]) -> Iterator[None]:
    """Close the progress bar and history.csv, also if training fails: an error's line follows."""
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, Progress):
                callback.close()
            if isinstance(callback, keras.callbacks.CSVLogger) and callback.csv_file:
                callback.csv_file.close()


def phase_inputs(
    job: TrainingJob, model: keras.Model, phase: Phase
) -> tuple[keras.Model, Any, Any]:
    """Return the model that learns in a phase, its training and its validation batches."""
    settings, cluster = job.settings, job.cluster
    if not phase.bottleneck:
        with cluster.scope():
            distil = settings.teacher or settings.teacher_input
            learner = distiller(model, settings, job.train.attributes) if distil else model
        return learner, training_batches(job.train, settings), _validation(job.val, settings)
    folder = job.run.parent / "features"
    train, val = (cached_features(model, split, settings, folder) for split in (job.train, job.val))
    batches = Features(train, job.train, settings.batch, settings.seed)
    validation = Features(val, job.val, EVALUATION_BATCH, None) if len(job.val) else None
    with cluster.scope():
        head = head_of(model)
        return cluster.model(head.input, head.output), batches, validation


def training_batches(train: Split, settings: FitSettings) -> Batches:
    """Return the augmented training photos, at the teachers' input size if there is one."""
    return Batches(
        train,
        settings.teacher_input or settings.input,
        settings.batch,
        settings.augmentation,
        settings.seed,
        settings.workers,
    )


def distiller(student: keras.Model, settings: FitSettings, names: tuple[str, ...]) -> Distiller:
    """Return the student of the attributes `names` with its teachers, at the run's precision."""
    ensemble = load_teachers([Path(file) for file in settings.teacher], names)
    for teacher in ensemble.teachers:
        set_precision(teacher, settings.precision)
    return Distiller(student, ensemble, settings.teacher_share if settings.teacher else 0)


def _validation(val: Split, settings: FitSettings) -> Batches | None:
    """Return the validation photos, cropped as on the device, or None if there are none."""
    if not len(val):
        return None
    workers = -(-settings.workers // 2)
    return Batches(val, settings.input, EVALUATION_BATCH, workers=workers)


def _metrics(settings: FitSettings) -> list:
    auc = settings.early_stopping.endswith("auc")
    return [Accuracy(), *([AreaUnderCurve()] if auc else [])]


def _callbacks(
    job: TrainingJob, phase: Phase, batches: Batches | Features, backup: Path
) -> list[keras.callbacks.Callback]:
    settings, is_chief = job.settings, job.cluster.is_chief
    # Every worker reads the checkpoints that the chief writes.
    checkpoint = keras.callbacks.BackupAndRestore if is_chief else RestoreOnly
    chosen: list[keras.callbacks.Callback] = [
        StopIfNotFinite(_diverged_hint(phase, settings)),
        checkpoint(backup, double_checkpoint=True, delete_checkpoint=False),
        EpochStart(batches),
    ]
    if phase.schedule == "constant":
        chosen.append(LearningRate(phase.learning_rate))
    mean = keras.callbacks.SwapEMAWeights() if settings.ema else None
    if settings.early_stopping:
        metric, patience = settings.early_stopping, settings.patience
        chosen.append(BestEpoch(metric, patience, backup, is_chief, mean))
    if is_chief:
        chosen += [
            keras.callbacks.CSVLogger(job.run / HISTORY, append=True),
            *_tensorboard(job.run),
            Progress(phase.name, len(batches), phase.first, phase.last),
        ]
    return chosen + ([mean] if mean else [])


def _diverged_hint(phase: Phase, settings: FitSettings) -> str:
    rate = f"--resume {rate_flag(phase)} {phase.learning_rate / 4:.2g}"
    if settings.precision == "float32":
        return rate
    return f"{rate}, or a new --out with --precision float32 instead of {settings.precision}"


def _tensorboard(run: Path) -> list[keras.callbacks.Callback]:
    """Return TensorBoard's callback if TensorFlow, which writes its files, is installed."""
    if importlib.util.find_spec("tensorflow") is None:
        return []
    return [keras.callbacks.TensorBoard(run / "tensorboard", write_graph=False)]


def _recalibrate(job: TrainingJob, model: keras.Model, phase: Phase) -> None:
    """Recalibrate BatchNorm as in the saved model, so that validation is of that model."""
    batches = recalibration_batches(job.train, job.settings)
    if not job.cluster.strategy:
        recalibrate_batchnorm(model, batches)
        return
    plain = _plain(job, model, phase)
    recalibrate_batchnorm(plain, batches)
    copy_statistics(plain, model)


def _plain(job: TrainingJob, model: keras.Model, phase: Phase) -> keras.Model:
    """Return a copy of the network: float32, for one device, without the optimizer's state."""
    plain = build_network(job.settings, len(job.train.attributes), FROM_SCRATCH)
    plain.set_weights(model.get_weights())
    freeze(plain, phase.unfreeze)
    return plain


def _finish(job: TrainingJob, model: keras.Model) -> keras.Model:
    """Save and return the trained network with recalibrated BatchNorm statistics."""
    run, settings = job.run, job.settings
    if not job.cluster.is_chief:
        return model
    plain = _plain(job, model, phases(settings)[-1])
    recalibrate_batchnorm(plain, recalibration_batches(job.train, settings))
    check_finite(plain, run)
    plain.save(run / "model.partial.keras")
    (run / "model.partial.keras").rename(run / "model.keras")
    shutil.rmtree(run / "backup", ignore_errors=True)
    return plain
