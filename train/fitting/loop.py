"""Train a model through its phases, and leave it in the run's folder."""

import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.log import log
from train.celeba import Split
from train.data.batches import Batches
from train.engine import keras
from train.fitting.bottleneck import Features, cached_features
from train.fitting.callbacks import BestEpoch, Clock, EpochStart, Progress
from train.fitting.cluster import Cluster
from train.fitting.phases import Phase, optimizer, phases
from train.fitting.settings import FROM_SCRATCH, FitSettings, from_scratch
from train.measuring.outputs import load_float
from train.network.head import Head
from train.network.models import build, freeze, head_of, set_precision, settle_batchnorm
from train.network.teacher import Opinion, Taught

SETTLE_BATCHES = 100  # batches whose mean gives the final BatchNorm statistics
EVALUATION_BATCH = 64
NEVER = 2**62  # batches
DONE = "done.weights.h5"  # of a finished phase


def accuracy(labels, probabilities):
    """Share of attributes on the right side of 1/2; mixed labels count as their nearer side."""
    same = keras.ops.equal(labels > 0.5, probabilities > 0.5)
    return keras.ops.mean(keras.ops.cast(same, "float32"), axis=-1)


def network(settings: FitSettings, attributes: int, weights: str | None = None) -> keras.Model:
    """Return the model that the settings describe, with their weights or with others."""
    head = Head(settings.pooling, settings.dense, settings.output, settings.dropout)
    weights = settings.weights if weights is None else weights
    return build(attributes, settings.crop_wh, weights, settings.until, settings.backbone, head)


@dataclass(frozen=True)
class Job:
    """What a run learns from, how, where it is kept, and which processes do it."""

    train: Split
    val: Split
    run: Path
    settings: FitSettings
    cluster: Cluster


def fit(train: Split, val: Split, run: Path, settings: FitSettings) -> keras.Model:
    """Train, or go on from RUN/backup, and leave model.keras in the run's folder."""
    run.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(settings.seed)
    _say_from_scratch(settings)
    backup, cluster = run / "backup", Cluster(settings.distribute)
    job = Job(train, val, run, settings, cluster)
    # What is restored needs no start: the weights' file may have gone since.
    started = _started(backup)
    with cluster.scope():
        start = network(settings, len(train.attributes), FROM_SCRATCH if started else None)
        set_precision(start, settings.precision)
        model = cluster.model(start.input, start.output) if cluster.strategy else start
    with cluster.guard():
        for number, phase in enumerate(phases(settings), 1):
            if number > 1 and not cluster.writes:
                # The best epoch's weights, which the first worker may have written just now.
                model.load_weights(cluster.awaited(backup / str(number - 1) / DONE))
            _train(job, model, phase, backup / str(number))
    return _finished(job, model)


def _started(backup: Path) -> bool:
    """Return whether there is a checkpoint; one that the first save left half written is none."""
    for weights in backup.rglob("latest.weights.h5"):
        if not weights.with_name("training_metadata.json").exists():
            weights.unlink()
    return any(backup.rglob("*.weights.h5"))


def _say_from_scratch(settings: FitSettings) -> None:
    if from_scratch(settings) != settings:
        log.info("weights none: nothing is frozen, the whole network is trained from scratch")


def _train(job: Job, model: keras.Model, phase: Phase, backup: Path) -> None:
    """Train one phase, or what is left of it, or nothing where it is done."""
    settings, cluster, done = job.settings, job.cluster, backup / DONE
    if done.exists():
        model.load_weights(done)
        return
    clock = Clock(job.run / "times.csv")
    freeze(model, phase.unfreeze)
    learner, batches, validation = _material(job, model, phase)
    with cluster.scope():
        # Anew for each phase: what is frozen and what learns is fixed by compiling.
        learner.compile(
            optimizer(phase, settings, len(batches) * (phase.last - phase.first)),
            loss="binary_crossentropy",
            metrics=_metrics(settings),
        )
        # Here, or a checkpoint would build its variables beside the replicas'.
        learner.optimizer.build(learner.trainable_variables)
    learner.fit(
        cluster.distributed(batches),
        validation_data=cluster.distributed(validation) if validation else None,
        initial_epoch=phase.first,
        epochs=phase.last,
        verbose=0,
        callbacks=[*_callbacks(job, phase, batches, backup), *([clock] if cluster.writes else [])],
    )
    if cluster.writes:
        backup.mkdir(parents=True, exist_ok=True)
        partial = done.with_name("partial.weights.h5")
        model.save_weights(partial, overwrite=True)
        partial.rename(done)


def _material(job: Job, model: keras.Model, phase: Phase) -> tuple[keras.Model, Any, Any]:
    """Return what learns in a phase, and the batches it learns from and is validated on."""
    settings, cluster = job.settings, job.cluster
    if not phase.bottleneck:
        with cluster.scope():
            pupil = taught(model, settings) if settings.teacher or settings.view_wh else model
        return pupil, training_batches(job.train, settings), _validation(job.val, settings)
    folder = job.run.parent / "features"
    learnt, held = (cached_features(model, one, settings, folder) for one in (job.train, job.val))
    batches = Features(learnt, job.train.labels, settings.batch, settings.seed)
    validation = Features(held, job.val.labels, EVALUATION_BATCH, None) if len(job.val) else None
    with cluster.scope():
        head = head_of(model)
        return cluster.model(head.input, head.output), batches, validation


def training_batches(train: Split, settings: FitSettings) -> Batches:
    """Return the augmented training photos, at the size that the largest who looks wants."""
    return Batches(
        train,
        settings.view_wh or settings.crop_wh,
        settings.batch,
        settings.augmentation,
        settings.seed,
        settings.processes,
    )


def taught(student: keras.Model, settings: FitSettings) -> Taught:
    """Return the student with its teachers beside it, all at the run's precision."""
    teachers = [load_float(Path(file), student.output_shape[-1]) for file in settings.teacher]
    for teacher in teachers:
        set_precision(teacher, settings.precision)
    return Taught(student, Opinion(teachers), settings.teacher_share if teachers else 0.0)


def _validation(val: Split, settings: FitSettings) -> Batches | None:
    """Return the validation photos, cut as for the device, or None where there are none."""
    if not len(val):
        return None
    some = -(-settings.processes // 2)
    return Batches(val, settings.crop_wh, EVALUATION_BATCH, processes=some)


def _metrics(settings: FitSettings) -> list:
    more = settings.early_stopping.endswith("auc")
    return [accuracy, *([keras.metrics.AUC(multi_label=True, name="auc")] if more else [])]


def _callbacks(
    job: Job, phase: Phase, batches: Batches | Features, backup: Path
) -> list[keras.callbacks.Callback]:
    settings, writes = job.settings, job.cluster.writes
    chosen: list[keras.callbacks.Callback] = [
        keras.callbacks.BackupAndRestore(
            backup,
            # Every worker reads what the first one writes.
            save_freq="epoch" if writes else NEVER,
            double_checkpoint=True,
            delete_checkpoint=False,
        ),
        EpochStart(batches),
    ]
    if settings.early_stopping:
        chosen.append(BestEpoch(settings.early_stopping, settings.patience, backup, writes))
    if writes:
        chosen += [
            keras.callbacks.CSVLogger(job.run / "history.csv", append=True),
            *_tensorboard(job.run),
            Progress(phase.name, len(batches), phase.first, phase.last),
        ]
    return chosen + ([keras.callbacks.SwapEMAWeights()] if settings.ema else [])


def _tensorboard(run: Path) -> list[keras.callbacks.Callback]:
    """Return TensorBoard's callback where TensorFlow, which writes its files, is installed."""
    if importlib.util.find_spec("tensorflow") is None:
        return []
    return [keras.callbacks.TensorBoard(run / "tensorboard", write_graph=False)]


def _finished(job: Job, model: keras.Model) -> keras.Model:
    """Save and return the trained network as a plain one, its BatchNorm statistics settled."""
    train, run, settings = job.train, job.run, job.settings
    if not job.cluster.writes:
        return model
    # Anew, of float32 and for one device, without the optimizer's state, which is two thirds of
    # the file and of no use once done.
    plain = network(settings, len(train.attributes), FROM_SCRATCH)
    plain.set_weights(model.get_weights())
    freeze(plain, phases(settings)[-1].unfreeze)
    settle_batchnorm(plain, settling_crops(train, settings))
    plain.save(run / "model.partial.keras")
    (run / "model.partial.keras").rename(run / "model.keras")
    shutil.rmtree(run / "backup", ignore_errors=True)
    return plain


def settling_crops(train: Split, settings: FitSettings) -> Iterator[np.ndarray]:
    """Yield batches of un-augmented training crops, spread over the split, for BatchNorm."""
    plain = Batches(train, settings.crop_wh, 32)
    step = max(1, len(plain) // SETTLE_BATCHES)
    for index in range(0, len(plain), step):
        yield plain[index][0]
