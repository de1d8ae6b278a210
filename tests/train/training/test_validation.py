"""The validation curve is of the network that is saved: BatchNorm, running mean, best epoch."""

import csv

import numpy as np
import pytest

from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.data.select import select_for_run
from train.keras_import import keras
from train.network.batchnorm import batchnorm_layers, recalibrate_batchnorm
from train.network.build import build
from train.network.load import load_float
from train.training import trainer
from train.training.config import FitSettings

PLAIN = {
    "attributes": ("Smiling",),
    "input": (32, 40),
    "limit": 24,
    "last_layer": "expanded_conv_project_BN",
    "weights": "none",
    "batch": 8,
    "epochs": 2,
    "learning_rate": 3e-3,
}
BEST = {"early_stopping": "val_loss", "patience": 5}


def curve(run):
    with (run / "history.csv").open(newline="") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


def saved_loss(run, val):
    """Return the saved model's loss on the validation photos."""
    model = load_float(run / "model.keras")
    crops, labels = Batches(val, (32, 40), len(val))[0]
    predicted = model.predict_on_batch(crops)
    return float(np.mean(keras.losses.binary_crossentropy(labels, predicted)))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"learning_rate": 0.05, "ema": 0.8, **BEST},
        pytest.param({"teacher_input": (64, 80), "ema": 0.8}, marks=pytest.mark.slow),
        # The last batch has one photo.
        pytest.param(
            {"batch": 23, "optimizer": "sgd", "schedule": "constant"}, marks=pytest.mark.slow
        ),
    ],
    ids=["plain", "best mean", "larger crops", "odd batch"],
)
def test_the_curve_ends_at_the_saved_models_loss(data, tmp_path, changes):
    settings = FitSettings(**PLAIN | changes)
    splits = select_for_run(read_celeba(data).splits, settings)
    trainer.fit(splits["train"], splits["val"], tmp_path, settings)
    losses = curve(tmp_path)
    expected = min(losses) if settings.early_stopping else losses[-1]
    assert saved_loss(tmp_path, splits["val"]) == pytest.approx(expected, abs=1e-4)


def test_a_few_photos_in_the_last_batch_count_as_a_few():
    model = build(1, (32, 40), "none", "bn_Conv1")
    (layer,) = batchnorm_layers(model)
    rng = np.random.default_rng(0)
    many = rng.integers(100, 120, (31, 40, 32, 3)).astype(np.float32)
    one = np.full((1, 40, 32, 3), 255, np.float32)
    means = []
    for batches in ([many], [one], [many, one]):
        recalibrate_batchnorm(model, batches)
        means.append(np.array(keras.ops.convert_to_numpy(layer.moving_mean)))
    np.testing.assert_allclose(means[2], (31 * means[0] + means[1]) / 32, rtol=1e-5)
    recalibrate_batchnorm(model, [])  # no photo: the statistics stay
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.moving_mean), means[2])
