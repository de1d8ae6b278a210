"""A loss or a weight that is no number: where the run stops, what it keeps, and how it goes on."""

import csv
import json

import h5py
import msgspec
import numpy as np
import pytest

from device.errors import FacetError, ModelError, UsageError
from tests.conftest import make_celeba
from train import fit, quantize, soup
from train.keras_import import keras
from train.network.batchnorm import batchnorm_layers
from train.network.build import build
from train.network.load import has_finite_weights, load_float
from train.training import trainer
from train.training.checkpoints import has_checkpoint
from train.training.config import FitSettings
from train.training.phases import optimizer, phases
from train.training.run_dir import read_settings

SMALL = ("--backbone", "SimpleCNN", "--input", "32x40", "--weights", "none", "--batch", "8")
CONSTANT = ("--schedule", "constant", "--optimizer", "sgd", "--learning-rate", "0.01")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=16, val=8, test=8)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Faulty(trainer.Batches):
    """Batches whose labels are a number that none is, from epoch 1 on."""

    value = np.nan

    def __getitem__(self, index):
        crops, labels = super().__getitem__(index)
        return crops, labels if self.epoch < 1 else np.full_like(labels, self.value)


def faulty(value):
    def batches(train, settings):
        chosen = type("Faulty", (Faulty,), {"value": value})
        return chosen(train, settings.input, settings.batch, settings.augmentation, settings.seed)

    return batches


@pytest.mark.parametrize(
    "value", [np.nan, pytest.param(np.inf, marks=pytest.mark.slow)], ids=["nan", "inf"]
)
def test_the_first_step_without_a_loss_ends_the_run_and_resume_goes_back(
    data, tmp_path, monkeypatch, value
):
    run, flags = tmp_path / "r", ["--data", str(data), "--epochs", "3", *SMALL, *CONSTANT]
    monkeypatch.setattr(trainer, "training_batches", faulty(value))
    with pytest.raises(FacetError) as error:
        fit.main([*flags, "--out", str(run)])
    line = "at step 1 of epoch 2: training diverged. Try: --resume --learning-rate 0.0025"
    assert str(error.value).endswith(line) and error.value.exit_code == 1
    assert not (run / "model.keras").exists()
    assert has_finite_weights(run / "backup" / "1" / "latest.weights.h5")
    monkeypatch.undo()
    rates = []

    class Recorder(trainer.EpochStart):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            rates.append((epoch, float(self.model.optimizer.learning_rate)))

    monkeypatch.setattr(trainer, "EpochStart", Recorder)
    again = ["--data", str(data), "--out", str(run), "--resume", "--learning-rate", "0.0025"]
    fit.main(again)
    assert rates == [(1, pytest.approx(0.0025)), (2, pytest.approx(0.0025))]
    assert [row["epoch"] for row in rows(run / "history.csv")] == ["0", "1", "2"]
    record = json.loads((run / "settings.json").read_text())
    assert read_settings(run).learning_rate == 0.0025
    assert [rate["learning_rate"] for rate in record["earlier_rates"]] == [0.01]


@pytest.mark.slow
def test_precision_is_named_where_it_may_be_the_cause(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "training_batches", faulty(np.nan))
    flags = ["--data", str(data), "--out", str(tmp_path / "r"), "--epochs", "2", *SMALL]
    flags += ["--precision", "mixed_bfloat16", "--frozen-epochs", "0"]
    with pytest.raises(FacetError, match="--precision float32 instead of mixed_bfloat16"):
        fit.main(flags)


@pytest.mark.parametrize("kind", ["weight", pytest.param("statistics", marks=pytest.mark.slow)])
def test_a_weight_that_is_no_number_is_in_no_checkpoint(data, tmp_path, monkeypatch, kind):
    class Fault(trainer.EpochStart):
        def on_epoch_end(self, epoch, logs=None):
            layers = batchnorm_layers(self.model)
            variable = layers[0].moving_mean if kind == "statistics" else self.model.weights[-1]
            if epoch == 1:
                variable.assign(np.full(variable.shape, np.nan))

    fault = Fault(Faulty)
    check = trainer.StopIfNotFinite("change something")
    model = build(1, (32, 40), "none", "bn_Conv1")
    fault.set_model(model)
    check.set_model(model)
    for epoch in (0, 1):
        fault.on_epoch_end(epoch)
        if not epoch:
            check.on_epoch_end(epoch, {"loss": 1.0})
    with pytest.raises(FacetError, match=r"after epoch 2: training diverged. Try: change some"):
        check.on_epoch_end(1, {"loss": 1.0})


def test_before_the_first_update_the_rate_is_not_the_cause():
    check = trainer.StopIfNotFinite("change something")
    check.on_epoch_begin(0)
    with pytest.raises(FacetError, match=r"at the first step, before .*another --weights or --te"):
        check.on_train_batch_end(0, {"loss": np.float32(np.nan)})


def test_a_validation_loss_that_is_no_number_ends_the_run():
    check = trainer.StopIfNotFinite("change something")
    check.on_train_batch_end(0, {"loss": np.float32(1)})
    with pytest.raises(FacetError, match="val_loss is nan after epoch 3: training diverged"):
        check.on_epoch_end(2, {"loss": 1.0, "val_loss": float("nan")})


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run whose model has a NaN, as earlier versions saved them."""
    folder = tmp_path_factory.mktemp("broken")
    model = build(40, (32, 40), "none", backbone="SimpleCNN")
    kernel, bias = model.get_layer("attributes").get_weights()
    kernel[3, 7] = np.nan
    model.get_layer("attributes").set_weights([kernel, bias])
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    settings = FitSettings(backbone="SimpleCNN", input=(32, 40), weights="none")
    record = {"settings": msgspec.to_builtins(settings), "data": "d", "photos": {}}
    (folder / "settings.json").write_text(json.dumps(record))
    return folder


def test_weights_that_are_no_numbers_are_refused_wherever_a_model_is_loaded(broken, data, tmp_path):
    model = str(broken / "model.keras")
    out = str(tmp_path / "o")
    fitting = ["--data", str(data), "--out", out, *SMALL]
    cases = {
        "loading": lambda: load_float(broken / "model.keras"),
        "starting weights": lambda: fit.main([*fitting, "--weights", model]),
        "teacher": lambda: fit.main([*fitting, "--teacher", model]),
        "soup": lambda: soup.main([str(broken), "--data", str(data), "--out", out + "2"]),
        "quantize": lambda: quantize.main([model, "--float", out]),
    }
    for name, command in cases.items():
        with pytest.raises(ModelError, match="weights that are NaN or infinite, in attr") as error:
            command()
        assert "\n" not in str(error.value), name
    with pytest.raises(UsageError, match="NaN or infinite: its training diverged"):
        fit.main(["--data", str(data), "--out", str(broken), "--resume"])


def test_a_file_of_starting_weights_with_a_nan_is_refused(tmp_path):
    backbone = build(1, (32, 40), "none", backbone="SimpleCNN").get_layer("simple_cnn")
    backbone.get_layer("conv1").set_weights(
        [np.full_like(array, np.nan) for array in backbone.get_layer("conv1").get_weights()]
    )
    backbone.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ModelError, match=r"x.weights.h5 has weights that are NaN or infinite"):
        build(1, (32, 40), str(tmp_path / "x.weights.h5"), backbone="SimpleCNN")


def checkpoint(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["vars"] = np.array([1, value], np.float32)


@pytest.mark.parametrize(
    "files, left",
    [
        ({}, []),
        ({"latest.weights.h5": 1}, []),  # no metadata: incomplete
        ({"latest.weights.h5": 1, "training_metadata.json": 2}, ["latest.weights.h5"]),
        ({"latest.weights.h5": np.nan, "training_metadata.json": 2}, []),
        (
            {
                **{"latest.weights.h5": np.nan, "training_metadata.json": 2},
                **{"latest.weights.h5.bkp": 1, "training_metadata.json.bkp": 1},
            },
            ["latest.weights.h5"],
        ),
        (
            {
                **{"latest.weights.h5": np.inf, "training_metadata.json": 2},
                **{"latest.weights.h5.bkp": np.nan, "training_metadata.json.bkp": 1},
            },
            [],
        ),
        ({"done.weights.h5": np.nan, "best.weights.h5": np.nan, "best.json": 1}, []),
        ({"done.weights.h5": 1}, ["done.weights.h5"]),
    ],
    ids=["none", "incomplete", "sound", "nan", "before", "both", "done", "finished"],
)
def test_a_resumed_run_goes_back_before_weights_that_are_no_numbers(tmp_path, files, left):
    for name, value in files.items():
        if ".json" in name:
            (tmp_path / "1").mkdir(exist_ok=True)
            (tmp_path / "1" / name).write_text(json.dumps({"epoch": value}))
        else:
            checkpoint(tmp_path / "1" / name, value)
    assert has_checkpoint(tmp_path) == bool(left)
    assert [path.name for path in tmp_path.rglob("*.weights.h5")] == left
    if "latest.weights.h5.bkp" in files and left:
        assert json.loads((tmp_path / "1" / "training_metadata.json").read_text()) == {"epoch": 1}
    assert not (tmp_path / "1" / "best.json").exists()


def test_float16_scales_the_loss_and_skips_a_step_that_overflows():
    settings = FitSettings(precision="mixed_float16", optimizer="sgd", learning_rate=1.0)
    (phase,) = phases(settings)
    scaled = optimizer(phase, msgspec.structs.replace(settings, ema=0.5), 10)
    variable = keras.Variable(np.ones(2, np.float32))
    scaled.build([variable])
    scaled.apply([np.array([1, np.inf], np.float32)])
    np.testing.assert_array_equal(variable.numpy(), [1, 1])
    assert float(scaled.dynamic_scale) == 2**14
    for precision in ("float32", "mixed_bfloat16"):
        plain = optimizer(phase, msgspec.structs.replace(settings, precision=precision), 10)
        assert type(plain).__name__ == "SGD"


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_a_run_in_float16_ends_and_resumes(data, tmp_path):
    flags = ["--data", str(data), "--out", str(tmp_path / "r"), "--epochs", "1", *SMALL]
    fit.main([*flags, "--precision", "mixed_float16", "--ema", "0.5"])
    assert has_finite_weights(tmp_path / "r" / "model.keras")
