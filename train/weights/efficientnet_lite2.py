"""EfficientNet-Lite2, trained on ImageNet: Google's weights, saved by PyTorch."""

from collections.abc import Mapping

import numpy as np

from train.keras_import import keras
from train.network.efficientnet_lite import EfficientNetLite2
from train.weights.pytorch import BATCHNORM, keras_kernel, read_tensors
from train.weights.sources import Classes, Converted

SIDE = 260  # px, of the original's input


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network and its classes; ModelError if tensors are missing or of other shapes."""
    (content,) = files.values()
    with read_tensors(content, fetch) as tensors:
        dense = tensors["_fc.weight"].T, tensors["_fc.bias"]
        return Converted(build(tensors), Classes((dense,)))


def build(tensors: Mapping[str, np.ndarray]) -> keras.Model:
    """Return the network without top. KeyError or ValueError: a tensor is missing or odd."""
    model = EfficientNetLite2((SIDE, SIDE, 3))
    for layer in (layer for layer in model.layers if layer.weights):
        if isinstance(layer, keras.layers.BatchNormalization):
            prefix = pytorch_name(layer.name.removesuffix("_bn"), norm=True)
            layer.set_weights([tensors[f"{prefix}.{end}"] for end in BATCHNORM])
        else:
            name = f"{pytorch_name(layer.name, norm=False)}.weight"
            layer.set_weights([keras_kernel(layer, tensors[name])])
    return model


def pytorch_name(keras_name: str, norm: bool) -> str:
    """Return the name of a convolution, or of the BatchNorm layer behind it, in the file."""
    if keras_name == "stem":
        return "_bn0" if norm else "_conv_stem"
    if keras_name == "top":
        return "_bn1" if norm else "_conv_head"
    _, number, part = keras_name.split("_")
    norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    return f"_blocks.{number}." + (norms[part] if norm else f"_{part}_conv")
