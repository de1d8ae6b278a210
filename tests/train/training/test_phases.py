"""Two-phase training: what learns when, features computed once, the best epoch, interruptions."""

import csv
import functools
import json
import os
import re
import resource
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from device.errors import ModelError, UsageError
from tests.conftest import ROOT, make_celeba
from train import fit
from train.data.celeba import read_celeba
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.network.build import backbone_of
from train.training import callbacks, trainer
from train.training.callbacks import BestEpoch
from train.training.config import FitSettings
from train.training.phases import optimizer, phases
from train.training.profile import Profile
from train.training.recipe import no_augmentation
from train.training.run_dir import read_settings

SIMPLE = {
    "backbone": "SimpleCNN",
    "input": (32, 40),
    "batch": 8,
    "augmentation": no_augmentation(),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=32, val=16, test=8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "simple.weights.h5"
    build_backbone(find_backbone("SimpleCNN"), (32, 40), "none").save_weights(path)
    return str(path)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def flags_of(data, run, weights):
    return [
        *("--data", str(data), "--out", str(run), "--backbone", "SimpleCNN", "--input", "32x40"),
        *("--batch", "8", "--weights", weights, "--attributes", "Smiling"),
    ]


def test_a_frozen_base_keeps_its_weights_and_an_unfrozen_layer_does_not(data, weights, tmp_path):
    splits = read_celeba(data).splits
    before = build_backbone(find_backbone("SimpleCNN"), (32, 40), weights).get_weights()
    plain = {**SIMPLE, "weights": weights, "epochs": 1, "optimizer": "sgd", "schedule": "constant"}
    frozen = FitSettings(**plain, unfreeze="none")
    after = backbone_of(trainer.fit(splits["train"], splits["val"], tmp_path / "a", frozen))
    for one, other in zip(after.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    partly = FitSettings(**plain, unfreeze="conv3", frozen_epochs=1, learning_rate=0.1)
    after = backbone_of(trainer.fit(splits["train"], splits["val"], tmp_path / "b", partly))
    moved = [
        float(np.abs(one - other).max())
        for one, other in zip(after.get_weights(), before, strict=True)
    ]
    assert moved[:4] == [0, 0, 0, 0] and min(moved[4:]) > 0


@pytest.mark.slow
def test_features_are_computed_once_and_give_what_the_frozen_base_gives(
    data, weights, tmp_path, monkeypatch
):
    splits = read_celeba(data).splits
    settings = FitSettings(
        **SIMPLE, weights=weights, unfreeze="none", dropout=0.0, epochs=2, schedule="constant"
    )
    slow = trainer.fit(splits["train"], splits["val"], tmp_path / "slow" / "r", settings)
    quick = msgspec.structs.replace(settings, bottleneck=True)
    first = trainer.fit(splits["train"], splits["val"], tmp_path / "quick" / "a", quick)
    files = sorted((tmp_path / "quick" / "features").iterdir())
    assert [file.name.rsplit("-", 1)[0] for file in files] == ["SimpleCNN-train", "SimpleCNN-val"]
    made = [file.stat().st_mtime_ns for file in files]
    again = trainer.fit(splits["train"], splits["val"], tmp_path / "quick" / "b", quick)
    assert [file.stat().st_mtime_ns for file in files] == made
    crops = next(trainer.recalibration_batches(splits["val"], settings))
    np.testing.assert_allclose(np.asarray(first(crops)), np.asarray(again(crops)), atol=1e-6)
    # SimpleCNN's own dropout varies what the slow way sees: the same but for that.
    np.testing.assert_allclose(np.asarray(first(crops)), np.asarray(slow(crops)), atol=0.15)


def test_optimizers_are_those_that_the_settings_name():
    kinds = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
    for name, kind in kinds.items():
        settings = FitSettings(optimizer=name, schedule="constant", learning_rate=0.25, ema=0.5)
        (phase,) = phases(settings)
        made = optimizer(phase, settings, 10)
        assert type(made).__name__ == kind and float(made.learning_rate) == 0.25 and made.use_ema


class Falling(keras.callbacks.Callback):
    """Sets weights and metric by hand: epoch 1 is the best."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([np.full((1, 1), epoch, np.float32)])
        logs["val_loss"] = [3.0, 1.0, 2.0, 2.0, 2.0, 2.0][epoch]


def one_weight():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("stops", [(6,), (2, 6), (3, 6)])
def test_the_best_epoch_is_kept_also_over_an_interruption(tmp_path, stops):
    one, reached = np.ones((4, 1), np.float32), 0
    for stop in stops:
        model = one_weight()
        history = model.fit(
            one,
            one,
            initial_epoch=reached,
            epochs=stop,
            verbose=0,
            callbacks=[Falling(), BestEpoch("val_loss", 2, tmp_path)],
        )
        reached = history.epoch[-1] + 1
    assert reached == 4  # epoch 1 was the best, and two more were no better
    assert model.get_weights()[0].item() == 1
    assert json.loads((tmp_path / "best.json").read_text()) == {"epoch": 1, "value": 1.0}


@pytest.mark.slow
def test_early_stopping_on_a_named_metric(data, weights, tmp_path):
    run = tmp_path / "r"
    more = ["--early-stopping", "val_auc", "--patience", "0", "--epochs", "30"]
    fit.main([*flags_of(data, run, weights), *more, "--learning-rate", "1e-9"])
    epochs = rows(run / "history.csv")
    assert "val_auc" in epochs[0] and 2 <= len(epochs) < 30
    assert [row["epoch"] for row in rows(run / "times.csv")] == [row["epoch"] for row in epochs]
    with pytest.raises(UsageError, match="val_auc"):
        fit.main([*flags_of(data, tmp_path / "s", weights), "--early-stopping", "val_acu"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
def test_an_interrupted_second_phase_goes_on(data, weights, tmp_path, monkeypatch):
    class PowerCut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    run, more = tmp_path / "r", ["--frozen-epochs", "2", "--epochs", "3"]
    monkeypatch.setattr(trainer, "EpochStart", lambda batches: PowerCut())
    with pytest.raises(KeyboardInterrupt):
        fit.main([*flags_of(data, run, weights), *more])
    monkeypatch.undo()
    fit.main(["--data", str(data), "--out", str(run), "--resume"])
    assert [row["epoch"] for row in rows(run / "history.csv")] == ["0", "1", "2", "3", "4"]
    assert (run / "model.keras").exists() and not (run / "backup").exists()


@pytest.mark.slow
def test_a_full_disk_at_a_checkpoint_loses_nothing_and_says_what_to_do(data, weights, tmp_path):
    run = tmp_path / "r"
    command = [sys.executable, "-m", "train.fit", *flags_of(data, run, weights), "--epochs", "2"]
    # No file may grow beyond what settings and history take: as a disk that is full.
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        env=os.environ | {"FACET_DEBUG": ""},
    )
    (message,) = re.findall(r"facet: (.*)", done.stderr)
    assert done.returncode == 1
    assert f"cannot read or write {run}" in message and "--resume" in message
    assert read_settings(run).backbone == "SimpleCNN"
    fit.main(["--data", str(data), "--out", str(run), "--resume"])
    assert [row["epoch"] for row in rows(run / "history.csv")][-2:] == ["0", "1"]
    assert (run / "model.keras").exists()


@pytest.mark.slow
def test_a_start_without_its_weights_is_no_run_and_a_second_try_works(data, weights, tmp_path):
    run = tmp_path / "r"
    with pytest.raises(ModelError, match=r"cannot get the weights .*gone.*--weights none"):
        fit.main([*flags_of(data, run, str(tmp_path / "gone.weights.h5")), "--epochs", "1"])
    fit.main([*flags_of(data, run, weights), "--epochs", "1"])
    assert read_settings(run).weights == weights and (run / "model.keras").exists()


@pytest.mark.usefixtures("compiled")
def test_the_profile_tells_how_long_a_step_waits(data, tmp_path, capsys):
    flags = flags_of(data, tmp_path / "r", "none")
    fit.main([*flags, "--profile", "3"])
    message = capsys.readouterr().out
    assert re.search(
        r"3 steps of \d+ ms: waiting for photos \d+\.\d % \(the [\w ]+ is the bottleneck", message
    )
    assert not (tmp_path / "r").exists()
    assert Profile(10, 0.01, 0.1, 0.2).share == pytest.approx(0.1)
    with pytest.raises(UsageError, match="no folder for the run"):
        fit.main(["--data", str(data)])


@pytest.mark.parametrize("disabled", [False, True])  # TQDM_DISABLE=1 in the environment
def test_progress_after_a_resume(monkeypatch, capsys, disabled):
    bar = functools.partial(callbacks.tqdm, disable=disabled)
    monkeypatch.setattr(callbacks, "tqdm", bar)
    progress = callbacks.Progress("training", steps_per_epoch=2, first=0, last=3)
    for epoch in (1, 2):
        progress.on_epoch_begin(epoch)
        for batch in range(2):
            progress.on_train_batch_end(batch, {"loss": 0.5})
        progress.on_epoch_end(epoch, {"loss": 0.5})
    progress.on_train_end()
    printed = capsys.readouterr().err
    assert ("6/6" in printed) is not disabled
    assert "minutes" not in printed


@pytest.mark.parametrize("first, minutes, left", [(0, "25", "1,479"), (1, "12", "729")])
def test_progress_says_once_how_long_a_phase_takes(capsys, first, minutes, left):
    times = iter((5.0, 25.0))  # after the first step, and after twenty more of 1 s
    steps = callbacks.MEASURED_STEPS + 1
    progress = callbacks.Progress("training", 750, 0, 2, now=lambda: next(times))
    progress.on_epoch_begin(first)
    for batch in range(2 * steps):
        progress.on_train_batch_end(batch, {"loss": 0.5})
    progress.on_train_end()
    printed = capsys.readouterr().out
    expected = f"training: about {minutes} minutes for {left} more steps of 1.00 s, and validation"
    assert printed.count("minutes") == 1 and expected in printed
