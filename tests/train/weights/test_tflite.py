"""The weights of a .tflite are those of the network that it was made from."""

import warnings

import numpy as np
import pytest

from device.errors import ModelError
from train.keras_import import keras
from train.weights.tflite import Tflite, layers_expected


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3), 1),
            layers.Conv2D(4, 3, 2, "same", activation="relu6"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu6"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ]
    )
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(4).uniform(-1, 1, (20, 1, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def int8(network, pictures):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statistics that the pictures supply
        return converter.convert()


def test_weights_are_those_of_the_network(network, int8):
    layers = Tflite(int8, "hint").layers()
    kinds = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]
    assert [layer.kind for layer in layers] == kinds
    axes = ((1, 2, 3, 0), (1, 2, 3, 0), (1, 0))
    theirs = [layer for layer in network.layers if layer.weights]
    for layer, order, own in zip(layers, axes, theirs, strict=True):
        kernel, bias = own.get_weights()
        # One step of int8 is 1/127 of a channel's largest weight.
        np.testing.assert_allclose(layer.kernel.transpose(order), kernel, atol=0.02)
        np.testing.assert_allclose(layer.bias, bias, atol=1e-3)


def test_a_network_is_run_on_real_numbers(network, int8, pictures):
    original = Tflite(int8, "hint")
    for picture in pictures[:3]:
        expected = network.predict_on_batch(picture)[0]
        np.testing.assert_allclose(original.run(picture[0]), expected, atol=0.1)


def test_another_file_is_refused():
    with pytest.raises(ModelError, match=r"does not run: .* Try: pip download"):
        Tflite(b"no network", "pip download")
    with pytest.raises(ModelError, match="another network"), layers_expected("pip download"):
        raise ValueError("zip() argument 2 is longer")
