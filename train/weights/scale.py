"""Absorb the scaling of the original's input into the first convolution; set a folded BatchNorm."""

from dataclasses import dataclass

import numpy as np

from train.keras_import import keras

# What a model with one of these backbones feeds it: (byte - ZERO) / SCALE.
ZERO, SCALE = 127.0, 127.5


@dataclass(frozen=True)
class InputScale:
    """The original takes (byte - zero) / scale, for R, G and B."""

    zero: tuple[float, float, float]
    scale: tuple[float, float, float]


def absorb_scale(
    first: keras.layers.Conv2D, norm: keras.layers.BatchNormalization, trained: InputScale
) -> None:
    """Change the first convolution and the BatchNorm layer behind it to take (byte - 127) / 127.5.

    Exact inside of the picture. At its border, where the convolution pads it, padding is the byte
    127 instead of `trained.zero`.
    """
    (kernel,) = first.get_weights()  # (h, w, 3, out)
    offset = (ZERO - np.array(trained.zero)) / np.array(trained.scale)
    factor = SCALE / np.array(trained.scale)
    # The convolution of `offset`, a constant, is no longer in what the layer gets.
    constant = np.tensordot(offset, kernel.sum(axis=(0, 1)), 1)
    norm.moving_mean.assign(keras.ops.convert_to_numpy(norm.moving_mean) - constant)
    first.set_weights([kernel * factor[:, None]])


def set_folded(
    norm: keras.layers.BatchNormalization, factor: np.ndarray, offset: np.ndarray
) -> None:
    """Set a BatchNorm layer to multiply by a factor and add an offset, both (channels,)."""
    unit_variance = np.ones_like(offset) - norm.epsilon
    norm.set_weights([factor, offset, np.zeros_like(offset), unit_variance])
