"""MobileNetV2 of torchvision, trained on ImageNet, from a package that tracks people.

PyTorch counts the blocks from 1, and in a block the activations too: expand 0, depthwise 3,
project 6, each with its BatchNorm behind it. Source: Sandler et al. (2018), MobileNetV2.
"""

from collections.abc import Mapping

import numpy as np

from train.keras_import import keras
from train.weights.pytorch import BATCHNORM, keras_kernel, read_tensors
from train.weights.scale import InputScale, absorb_scale
from train.weights.sources import Converted

EPSILON = 1e-5  # of PyTorch's BatchNorm
SIDE = 225  # px: the original's 224 would not have its grid
TRAINED = InputScale(
    zero=(255 * 0.485, 255 * 0.456, 255 * 0.406), scale=(255 * 0.229, 255 * 0.224, 255 * 0.225)
)
ENDS = {"Conv1": "features.0.0", "bn_Conv1": "features.0.1"} | {
    "Conv_1": "features.18.0",
    "Conv_1_bn": "features.18.1",
}
PARTS = {"expand": 0, "depthwise": 3, "project": 6}


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network; ModelError if tensors are missing or of other shapes."""
    (content,) = files.values()
    with read_tensors(content, fetch) as tensors:
        return Converted(build(tensors))


def build(tensors: Mapping[str, np.ndarray]) -> keras.Model:
    """Return the network without top. KeyError or ValueError: a tensor is missing or odd."""
    model = keras.applications.MobileNetV2(
        input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, name="mobilenet_v2"
    )
    for layer in (layer for layer in model.layers if layer.weights):
        name = pytorch_name(layer.name)
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (tensors[f"{name}.{end}"] for end in BATCHNORM)
            # The same function with Keras' larger epsilon.
            gamma = gamma * np.sqrt((variance + layer.epsilon) / (variance + EPSILON))
            layer.set_weights([gamma, beta, mean, variance])
        else:
            layer.set_weights([keras_kernel(layer, tensors[f"{name}.weight"])])
    absorb_scale(model.get_layer("Conv1"), model.get_layer("bn_Conv1"), TRAINED)
    return model


def pytorch_name(keras_name: str) -> str:
    """Return the name of a layer of Keras' MobileNetV2 in torchvision."""
    if keras_name in ENDS:
        return ENDS[keras_name]
    block, part = keras_name.removesuffix("_BN").rsplit("_", 1)
    number = PARTS[part] + keras_name.endswith("_BN")
    if block == "expanded_conv":  # the first block, which does not expand
        return f"features.1.conv.{number - PARTS['depthwise']}"
    return f"features.{int(block.removeprefix('block_')) + 1}.conv.{number}"
