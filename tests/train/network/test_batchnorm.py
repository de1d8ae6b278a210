"""BatchNorm's statistics: recalibrated after training, and with a momentum of our own."""

import numpy as np
import pytest

from tests.train.conftest import LAST_LAYER
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.data.select import with_attributes
from train.keras_import import keras
from train.network.batchnorm import BATCHNORM_MOMENTUM, batchnorm_layers, recalibrate_batchnorm
from train.network.build import build
from train.network.head import Head


@pytest.fixture(scope="module")
def fitted(data):
    """A small network fitted to brightness, with recalibrated statistics; and its photos."""
    train = with_attributes(read_celeba(data).splits["train"], ("Smiling",))
    keras.utils.set_random_seed(0)
    model = build(1, (32, 40), "none", LAST_LAYER, head=Head(dropout=0.0))
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    # One batch: its own statistics and the recalibrated ones are then of the same photos.
    batches = Batches(train, (32, 40), len(train))
    model.fit(batches, epochs=15, verbose=0)
    recalibrate_batchnorm(model, [batches[i][0] for i in range(len(batches))])
    return model, batches


@pytest.mark.slow
def test_loss_is_the_same_in_training_and_in_inference_mode(fitted):
    model, batches = fitted
    loss = keras.losses.BinaryCrossentropy()
    crops, labels = batches[0]
    inference = float(loss(labels, model(crops, training=False)))
    training = float(loss(labels, model(crops, training=True)))
    recalibrate_batchnorm(model, [crops])  # that call has moved the statistics
    assert inference == pytest.approx(training, rel=0.03)


@pytest.mark.slow
def test_the_lag_that_recalibration_corrects_is_real(fitted):
    # Keras's own momentum, statistics from the start: what the pilots met.
    model, batches = fitted
    lagging = keras.models.clone_model(model)
    lagging.set_weights(model.get_weights())
    for layer in batchnorm_layers(lagging):
        layer.moving_mean.assign(np.zeros(layer.moving_mean.shape))
        layer.moving_variance.assign(np.ones(layer.moving_variance.shape))
    crops, labels = batches[0]
    loss = keras.losses.BinaryCrossentropy()
    right = float(loss(labels, model(crops, training=False)))
    assert float(loss(labels, lagging(crops, training=False))) > right + 0.05


def test_every_batchnorm_has_our_momentum():
    layers = batchnorm_layers(build(40, (32, 40), "none"))
    assert len(layers) == 52
    assert {layer.momentum for layer in layers} == {BATCHNORM_MOMENTUM}
