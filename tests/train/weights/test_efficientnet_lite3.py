"""EfficientNet-Lite3 out of .tflite layers: each in its place, and the input's scale absorbed."""

import numpy as np
import pytest

from train.keras_import import keras
from train.network.batchnorm import batchnorm_layers, unfold_batchnorm
from train.network.efficientnet_lite import EfficientNetLite3
from train.weights.efficientnet_lite3 import build
from train.weights.tflite import TfliteLayer


@pytest.fixture(scope="module")
def convolutions():
    """Made-up layers in TFLite's order of axes."""
    rng = np.random.default_rng(5)
    made = []
    for layer in EfficientNetLite3((64, 64, 3)).layers:
        if not hasattr(layer, "kernel_size"):
            continue
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        kernel = np.moveaxis(layer.get_weights()[0], -1, 0)
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        channels = kernel.shape[-1] if depthwise else kernel.shape[0]
        made.append(TfliteLayer(kind, kernel, rng.normal(0, 0.1, channels).astype(np.float32)))
    return made


def test_every_layer_is_in_its_place(convolutions):
    model = build(convolutions)
    kernel = model.get_layer("block_7_depthwise").get_weights()[0]
    # The stem, two convolutions of block 0 and three of each later block come before.
    number = 1 + 2 + 3 * 6 + 1
    np.testing.assert_array_equal(np.moveaxis(kernel, -1, 0), convolutions[number].kernel)
    np.testing.assert_array_equal(
        model.get_layer("block_7_depthwise_bn").get_weights()[1], convolutions[number].bias
    )


def test_the_input_is_scaled_as_the_original_was(convolutions):
    model = build(convolutions)
    first = keras.Model(model.input, model.get_layer("stem_bn").output)
    rgb = np.random.default_rng(3).integers(0, 256, (1, 280, 280, 3)).astype(np.float32)
    kernel = convolutions[0].kernel.transpose(1, 2, 3, 0)
    theirs = keras.ops.conv((rgb - 127) / 128, kernel, strides=2, padding="same")
    theirs = np.asarray(theirs) + convolutions[0].bias
    np.testing.assert_allclose(first.predict_on_batch((rgb - 127) / 127.5), theirs, atol=1e-4)


def test_other_layers_are_refused(convolutions):
    with pytest.raises(ValueError, match="zip"):
        build(convolutions[:-1])
    swapped = [convolutions[1], convolutions[0], *convolutions[2:]]
    with pytest.raises(ValueError, match="shape"):
        build(swapped)


@pytest.mark.slow
def test_batchnorm_is_restored_without_changing_the_output(convolutions):
    source = build(convolutions)
    model = EfficientNetLite3((40, 32, 3))
    model.set_weights(source.get_weights())
    batches = [np.random.default_rng(i).uniform(-1, 1, (1 + i, 40, 32, 3)) for i in range(3)]
    before = model.predict_on_batch(batches[0])
    unfold_batchnorm(model, batches)
    np.testing.assert_allclose(model.predict_on_batch(batches[0]), before, atol=1e-4)
    norm = batchnorm_layers(model)[4]
    values = keras.Model(model.input, norm.input).predict_on_batch(np.concatenate(batches))
    np.testing.assert_allclose(norm.moving_mean, values.mean((0, 1, 2)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        norm.moving_variance, np.maximum(values.var((0, 1, 2)), 1e-5), rtol=1e-3
    )
    # Once more: statistics that are not 0 and 1 are taken into account.
    unfold_batchnorm(model, batches[:1])
    np.testing.assert_allclose(model.predict_on_batch(batches[0]), before, atol=1e-4)
