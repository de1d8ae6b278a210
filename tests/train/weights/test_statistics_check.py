"""BatchNorm statistics that came with weights are compared to those of photos."""

import numpy as np
import pytest

from device.errors import ModelError
from train.keras_import import keras
from train.network.batchnorm import batchnorm_layers, measure_moments
from train.weights.statistics_check import check_statistics, compare_statistics


@pytest.fixture
def model():
    """Two BatchNorm layers of which the first gets the picture, the second twice the first."""
    crop = keras.Input((4, 4, 3))
    first = keras.layers.BatchNormalization(epsilon=0.0)(crop)
    second = keras.layers.BatchNormalization(epsilon=0.0)(keras.layers.Rescaling(2.0)(first))
    model = keras.Model(crop, second)
    norms = batchnorm_layers(model)
    norms[0].set_weights([np.ones(3), np.zeros(3), np.full(3, 5.0), np.full(3, 4.0)])
    norms[1].set_weights([np.ones(3), np.zeros(3), np.full(3, 1.0), np.full(3, 4.0)])
    return model


def batches(mean, deviation):
    """Two batches whose pixels have exactly this mean and deviation."""
    half = np.full((2, 4, 4, 3), deviation, np.float32)
    return [mean + half, mean - half]


def test_moments_are_those_of_all_batches(model):
    (mean, variance), (second_mean, second_variance) = measure_moments(model, batches(7.0, 3.0))
    np.testing.assert_allclose(mean, [7] * 3)
    np.testing.assert_allclose(variance, [9] * 3)
    np.testing.assert_allclose(second_mean, [2] * 3)  # twice (7 - 5) / 2
    np.testing.assert_allclose(second_variance, [9] * 3)  # twice 3 / 2, squared


def test_shifts_and_ratios_are_in_stored_deviations(model):
    shifts, ratios = compare_statistics(model, batches(6.0, 3.0))
    assert shifts == pytest.approx([0.5, 0.0])  # (6 - 5) / 2; twice that is 1, as stored
    assert ratios == pytest.approx([1.5, 1.5])


def test_statistics_that_fit_are_reported(model):
    line = check_statistics(model, batches(6.0, 3.0), "hint")
    assert "means 0.25 deviations apart, deviations 1.50 times the stored" in line
    assert "2 layers; the first 0.50 and 1.50" in line


@pytest.mark.parametrize(
    "mean, deviation",
    [(8.0, 2.0), (5.0, 4.0), (5.0, 1.0), (np.nan, 2.0)],
    ids=["shifted", "wider", "narrower", "nan"],
)
def test_another_input_is_refused(model, mean, deviation):
    with pytest.raises(ModelError, match=r"not those of photos: in the first layer.*Try: npm pack"):
        check_statistics(model, batches(mean, deviation), "npm pack x")


def test_other_weights_are_refused(model):
    batchnorm_layers(model)[1].moving_mean.assign(np.full(3, 8.0))
    with pytest.raises(ModelError, match=r"in half of the layers the mean of face photos is 2\.00"):
        check_statistics(model, batches(5.0, 2.0), "npm pack x")
