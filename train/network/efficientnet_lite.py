"""EfficientNet-Lite2 and Lite3, which keras.applications lacks.

EfficientNet without squeeze-and-excitation and with ReLU6 instead of swish, so it loses little in
int8. `python -m train.weights list` names their ImageNet weights.
Sources: Tan and Le (2019), EfficientNet; Liu (2020), Higher accuracy on vision models with
EfficientNet-Lite.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from device.errors import ModelError
from train.keras_import import keras

STEM, TOP = 32, 1280  # channels of the first and the last convolution, the same in all sizes
EPSILON = 1e-3
MULTIPLE = 8  # of the number of channels
WEIGHTS_HINT = "python -m train.weights list"


class Stage(NamedTuple):
    """Blocks of the same kernel, expansion and number of output channels."""

    blocks: int
    kernel: int
    stride: int  # of the first block
    expansion: int
    channels: int


BASE_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def scaled_stages(width: float, depth: float) -> tuple[Stage, ...]:
    """Return the stages by compound scaling: `width` times the channels, `depth` times the blocks.

    In the Lite networks the first and the last stage keep their one block.
    """
    ends = (BASE_STAGES[0], BASE_STAGES[-1])
    return tuple(
        stage._replace(
            blocks=stage.blocks if stage in ends else math.ceil(stage.blocks * depth),
            channels=_rounded(stage.channels * width),
        )
        for stage in BASE_STAGES
    )


def _rounded(channels: float) -> int:
    """Return the nearest multiple, or the next one if that would lose more than a tenth."""
    nearest = int(channels + MULTIPLE / 2) // MULTIPLE * MULTIPLE
    return nearest if nearest >= 0.9 * channels else nearest + MULTIPLE


def EfficientNetLite2(
    input_shape: tuple[int, int, int],
    include_top: bool = False,
    weights: None = None,
    name: str = "efficientnet_lite2",
) -> keras.Model:
    """Return the network without a top; its input is RGB scaled to -1..1.

    The signature is that of keras.applications. Raises ModelError for the weights "imagenet",
    which Keras cannot download, and for a top.
    """
    _refuse("EfficientNetLite2", include_top, weights)
    return _build(input_shape, scaled_stages(width=1.1, depth=1.2), name)


def EfficientNetLite3(
    input_shape: tuple[int, int, int],
    include_top: bool = False,
    weights: None = None,
    name: str = "efficientnet_lite3",
) -> keras.Model:
    """Return the next larger network; otherwise as `EfficientNetLite2`."""
    _refuse("EfficientNetLite3", include_top, weights)
    return _build(input_shape, scaled_stages(width=1.2, depth=1.4), name)


def preprocess_input(rgb: np.ndarray) -> np.ndarray:
    """Return bytes scaled to -1..1."""
    return rgb / 127.5 - 1


def _refuse(network: str, include_top: bool, weights: None) -> None:
    if include_top or weights:
        raise ModelError(f"{network} has no top and takes its weights as a file", WEIGHTS_HINT)


def _build(input_shape: tuple[int, int, int], stages: tuple[Stage, ...], name: str) -> keras.Model:
    layers = keras.layers
    crop = keras.Input(input_shape)
    x = _normed(layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="stem")(crop), "stem")
    number, channels = 0, STEM
    for stage in stages:
        for repeat in range(stage.blocks):
            block_input, block = x, f"block_{number}"
            if stage.expansion > 1:
                wide = layers.Conv2D(
                    channels * stage.expansion, 1, use_bias=False, name=f"{block}_expand"
                )
                x = _normed(wide(x), f"{block}_expand")
            deep = layers.DepthwiseConv2D(
                stage.kernel,
                1 if repeat else stage.stride,
                "same",
                use_bias=False,
                name=f"{block}_depthwise",
            )
            x = _normed(deep(x), f"{block}_depthwise")
            narrow = layers.Conv2D(stage.channels, 1, use_bias=False, name=f"{block}_project")
            x = _normed(narrow(x), f"{block}_project", bounded=False)
            if repeat:
                x = layers.Add(name=f"{block}_add")([block_input, x])
            number, channels = number + 1, stage.channels
    x = _normed(layers.Conv2D(TOP, 1, use_bias=False, name="top")(x), "top")
    return keras.Model(crop, x, name=name)


def _normed(x: Any, name: str, bounded: bool = True) -> Any:
    x = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x) if bounded else x
