"""train.fit: what a run leaves, resuming it, and what it refuses."""

import csv
import json

import numpy as np
import pytest

from device.errors import ModelError, UsageError
from tests.train.conftest import SIMPLE, SMALL
from train import fit
from train.data.celeba import read_celeba
from train.keras_import import keras
from train.network.build import build
from train.training import phases, run_dir, trainer
from train.training.config import FitSettings


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_warm_up_then_cosine():
    settings = FitSettings(learning_rate=1.0, warmup=0.1)
    (phase,) = phases.phases(settings)
    rate = phases.learning_rate(phase, settings, 100)
    values = [float(rate(step)) for step in (0, 5, 10, 55, 100)]
    np.testing.assert_allclose(values, [0, 0.5, 1, 0.5, 0], atol=1e-6)


def test_a_run_keeps_its_recipe(run, data):
    record = json.loads((run / "settings.json").read_text())
    assert record["settings"]["epochs"] == 2 and record["settings"]["input"] == [32, 40]
    assert record["settings"]["seed"] == 1 and record["photos"] == {"train": 64, "val": 32}
    assert record["code"] and record["data"] == str(data)
    assert [row[0] for row in rows(run / "history.csv")] == ["epoch", "0", "1"]
    assert list((run / "tensorboard").rglob("events*"))
    assert not (run / "backup").exists()


def test_a_finished_run_is_not_overwritten(run, data):
    with pytest.raises(UsageError, match=r"already holds a run.*--resume"):
        fit.main(["--data", str(data), "--out", str(run), *SMALL])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, data, monkeypatch):
    arguments = ["--data", str(data), "--out", str(tmp_path / "r"), "--epochs", "3", *SIMPLE]

    class PowerCut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    # Stands between the run's own callbacks, where the power may fail.
    monkeypatch.setattr(trainer, "EpochStart", lambda batches: PowerCut())
    with pytest.raises(KeyboardInterrupt):
        fit.main(arguments)
    monkeypatch.undo()
    assert not (tmp_path / "r" / "model.keras").exists()
    settings = run_dir.read_settings(tmp_path / "r")
    splits = read_celeba(data).splits
    steps, rates = [], []

    class Recorder(trainer.EpochStart):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            steps.append(int(self.model.optimizer.iterations))

        def on_train_end(self, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    monkeypatch.setattr(trainer, "EpochStart", Recorder)
    trainer.fit(splits["train"], splits["val"], tmp_path / "r", settings)
    assert [row[0] for row in rows(tmp_path / "r" / "history.csv")] == ["epoch", "0", "1", "2"]
    # The optimizer went on too: 8 steps an epoch, and the learning rate has come down to zero.
    assert steps == [16] and rates == [pytest.approx(0, abs=1e-7)]
    fit.main([*arguments, "--resume"])  # says that the run is complete, and leaves it alone


@pytest.mark.slow
def test_a_shorter_network_goes_on_from_a_longer_one(tmp_path, data):
    out, whole = tmp_path / "short", str(tmp_path / "whole.keras")
    longer = build(40, (32, 40), "none", backbone="SimpleCNN")
    longer.save(whole)
    short = ["--last-layer", "drop2", "--weights", whole, "--teacher", whole]
    where = ["--data", str(data), "--out", str(out), "--epochs", "1", "--ema", "0.9"]
    fit.main([*where, *SIMPLE, *short])
    student = keras.models.load_model(out / "model.keras")
    assert student.count_params() < 0.4 * longer.count_params()
    started = build(40, (48, 64), whole, last_layer="drop2", backbone="SimpleCNN")
    ours, theirs = (
        model.get_layer("simple_cnn").get_layer("conv2").get_weights()[0]
        for model in (started, longer)
    )
    np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ModelError, match=r"no layer 'block_13_expand_rely'.*block_13_expand"):
        build(40, (32, 40), "none", last_layer="block_13_expand_rely")


@pytest.mark.slow
def test_the_running_mean_of_the_weights_is_what_is_kept(tmp_path, data):
    splits = read_celeba(data).splits
    plain = {"weights": "none", "input": (32, 40), "backbone": "SimpleCNN"}
    settings = FitSettings(**plain, epochs=1, batch=8, ema=0.999999)
    kept = trainer.fit(splits["train"], splits["val"], tmp_path, settings)
    keras.utils.set_random_seed(settings.seed)
    # With such a momentum the mean hardly leaves the start, whatever the steps did.
    start = trainer.build_network(settings, 40).get_layer("attributes").get_weights()[0]
    np.testing.assert_allclose(kept.get_layer("attributes").get_weights()[0], start, atol=1e-4)


def test_resume_without_a_run(tmp_path, data):
    with pytest.raises(UsageError, match="no run in"):
        fit.main(["--data", str(data), "--out", str(tmp_path / "none"), "--resume"])


@pytest.mark.parametrize(
    "flags", [["--epochs", "0"], ["--batch", "-1"], ["--input", "12x9"], ["--ema", "1"]]
)
def test_impossible_flags(tmp_path, data, flags):
    with pytest.raises(UsageError):
        fit.main(["--data", str(data), "--out", str(tmp_path / "r"), *flags])
