"""EfficientNet-Lite3, trained on ImageNet: Google's int8 release, from a package for a robot."""

from collections.abc import Mapping, Sequence

import numpy as np

from train.keras_import import keras
from train.network.efficientnet_lite import EfficientNetLite3
from train.weights.scale import InputScale, absorb_scale, set_folded
from train.weights.sources import Classes, Converted
from train.weights.tflite import Tflite, TfliteLayer, layers_expected

SIDE = 280  # px, of the original's input
TRAINED = InputScale(zero=(127.0,) * 3, scale=(128.0,) * 3)


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network, its BatchNorm folded, and its classes; ModelError for other layers."""
    (content,) = files.values()
    original = Tflite(content, fetch)
    with layers_expected(fetch):
        *convolutions, dense = original.layers()
        model = build(convolutions)

    def probabilities(rgb: np.ndarray) -> np.ndarray:
        return original.run((rgb.astype(np.float32) - TRAINED.zero) / TRAINED.scale)

    return Converted(model, Classes(((dense.kernel.T, dense.bias),)), probabilities)


def build(convolutions: Sequence[TfliteLayer]) -> keras.Model:
    """Return the network without top; ValueError if these are other convolutions than its own."""
    model = EfficientNetLite3((SIDE, SIDE, 3))
    ours = [layer for layer in model.layers if hasattr(layer, "kernel_size")]
    for layer, source in zip(ours, convolutions, strict=True):
        layer.set_weights([source.kernel.transpose(1, 2, 3, 0)])
        set_folded(model.get_layer(f"{layer.name}_bn"), np.ones_like(source.bias), source.bias)
    absorb_scale(model.get_layer("stem"), model.get_layer("stem_bn"), TRAINED)
    return model
