"""Where a network's weights come from, and what precision and preprocessing do with them."""

import numpy as np
import pytest

from device.errors import ModelError
from tests.conftest import CARD
from tests.train.conftest import LAST_LAYER, NAMES
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.keras_import import keras
from train.network.build import build, multiply_adds, set_precision


def test_bytes_are_scaled_once_and_inside_the_model():
    model = build(40, (32, 40), "none", LAST_LAYER)
    scale = model.get_layer("scale")
    scaled = np.asarray(scale(np.array([0.0, 127.0, 255.0])))
    np.testing.assert_allclose(scaled, [-127 / 127.5, 0, 128 / 127.5], atol=1e-6)
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in model.layers) == 1


def test_weights_that_are_none(tmp_path):
    (tmp_path / "bad.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"cannot get the weights .*bad.weights.h5.*--weights"):
        build(40, (32, 40), str(tmp_path / "bad.weights.h5"))


@pytest.mark.slow
def test_going_on_from_another_runs_model(run):
    model = build(len(NAMES), (32, 40), str(run / "model.keras"), LAST_LAYER)
    before = keras.models.load_model(run / "model.keras", compile=False)
    for ours, theirs in zip(model.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    fewer = build(2, (32, 40), str(run / "model.keras"), LAST_LAYER, names=NAMES[1:3])
    for ours, theirs in zip(
        fewer.get_layer("attributes").get_weights(),
        before.get_layer("attributes").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs[..., 1:3])


@pytest.mark.slow
def test_another_precision_leaves_float32_weights_and_probabilities(data):
    model = keras.models.load_model(CARD.with_suffix(".keras"), compile=False)
    _, height, width, _ = model.input_shape
    crops = Batches(read_celeba(data).splits["train"], (width, height), 4)[0][0]
    exact = model.predict(crops, verbose=0)
    set_precision(model, "mixed_bfloat16")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    near = keras.Model(model.input, model.output).predict(crops, verbose=0)
    assert near.dtype == np.float32
    assert np.abs(near - exact).max() > 0 and np.abs(near - exact).mean() < 0.02
    set_precision(model, "float32")
    again = keras.Model(model.input, model.output).predict(crops, verbose=0)
    np.testing.assert_array_equal(again, exact)


def test_multiply_adds_are_those_of_the_paper():
    model = build(40, (224, 224), "none")
    # Sandler et al. (2018), table 4: 300 million, of which 1.28 are a head of 1,000 classes.
    assert multiply_adds(model) == pytest.approx(300e6, rel=0.01)
