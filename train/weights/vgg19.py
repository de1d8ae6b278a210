"""VGG-19 that computes what the VGG-16 of `vgg16` does: its three further layers change nothing."""

from collections.abc import Mapping

import numpy as np

from train.keras_import import keras
from train.weights.sources import Converted
from train.weights.vgg16 import (
    SIDE,
    Kernels,
    convolutions_expected,
    original_features,
    read_convolutions,
    set_convolutions,
)

ADDED = {"block3_conv4": 256, "block4_conv4": 512, "block5_conv4": 512}  # layer -> channels


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network; ModelError if arrays are missing or of other shapes."""
    (content,) = files.values()
    with convolutions_expected(fetch):
        kernels = read_convolutions(content)
        model = keras.applications.VGG19(
            input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, name="vgg19"
        )
        set_convolutions(model, {**kernels, **identities()})
        return Converted(model, features=lambda rgb: original_features(kernels, rgb))


def identities() -> Kernels:
    """Return convolutions that copy their input; ReLU, which it went through, keeps it as it is."""
    kernels = {}
    for name, channels in ADDED.items():
        kernel = np.zeros((3, 3, channels, channels), np.float32)
        kernel[1, 1] = np.eye(channels)
        kernels[name] = (kernel, np.zeros(channels, np.float32))
    return kernels
