"""VGG-16, trained on ImageNet and tuned to find edges, in a file of Keras 3.

Sources: Simonyan and Zisserman (2015), Very deep convolutional networks; Xie and Tu (2015),
Holistically-nested edge detection.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import h5py
import numpy as np

from device.errors import ModelError, one_line
from train.keras_import import keras
from train.network.backbones import find_backbone
from train.weights.sources import Converted

SIDE = 224  # px, of the original's input
BLOCKS = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}  # convolutions of each
FIRST = "block1_conv1"
MEAN_BGR = (104.00699, 116.66877, 122.67892)  # which the original subtracts from bytes
Kernels = Mapping[str, tuple[np.ndarray, np.ndarray]]  # layer -> kernel (3, 3, in, out), bias


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network; ModelError if arrays are missing or of other shapes."""
    (content,) = files.values()
    with convolutions_expected(fetch):
        kernels = read_convolutions(content)
        model = keras.applications.VGG16(
            input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, name="vgg16"
        )
        set_convolutions(model, kernels)
        return Converted(model, features=lambda rgb: original_features(kernels, rgb))


@contextmanager
def convolutions_expected(hint: str) -> Iterator[None]:
    """Raise ModelError with this hint where a convolution is missing or odd within the block."""
    try:
        yield
    except (KeyError, ValueError, OSError) as error:
        raise ModelError(f"not the file of Keras expected: {one_line(error)}", hint) from error


def read_convolutions(content: bytes) -> Kernels:
    """Return the kernels and biases by layer; KeyError, ValueError or OSError if there are none."""
    kernels = {}
    with h5py.File(io.BytesIO(content)) as file:
        for block, count in BLOCKS.items():
            for number in range(count):
                layer = f"conv2d_{number}" if number else "conv2d"
                path = f"block{block}/layers/{layer}/vars"
                if path not in file:  # the error of h5py does not name it
                    raise ValueError(f"no {path}")
                arrays = file[path]
                name = f"block{block}_conv{number + 1}"
                kernels[name] = (arrays["0"][...], arrays["1"][...])
    return kernels


def set_convolutions(model: keras.Model, kernels: Kernels) -> None:
    """Set all layers, and absorb the difference of the means; ValueError if a shape is odd.

    Keras subtracts ImageNet's mean from B, G, R. Exact inside of the picture; at its border,
    padding is that mean instead of the original's.
    """
    for layer in (layer for layer in model.layers if layer.weights):
        layer.set_weights(list(kernels[layer.name]))
    kernel, bias = kernels[FIRST]
    fed = find_backbone("VGG16").preprocessing
    shift = -np.array(fed.offset) - MEAN_BGR
    first = model.get_layer(FIRST)
    first.set_weights([kernel, bias + np.tensordot(shift, kernel.sum(axis=(0, 1)), 1)])


def original_features(kernels: Kernels, rgb: np.ndarray) -> np.ndarray:
    """Return what the original computes, (h / 32, w / 32, 512), for (h, w, 3) uint8 RGB."""
    values = rgb[None, :, :, ::-1].astype(np.float32) - np.asarray(MEAN_BGR, np.float32)
    for block, count in BLOCKS.items():
        for number in range(1, count + 1):
            kernel, bias = kernels[f"block{block}_conv{number}"]
            values = keras.ops.relu(keras.ops.conv(values, kernel, padding="same") + bias)
        values = keras.ops.max_pool(values, 2)
    return keras.ops.convert_to_numpy(values)[0]
