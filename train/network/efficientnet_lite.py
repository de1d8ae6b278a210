"""EfficientNet-Lite2, which keras.applications lacks.

EfficientNet without squeeze-and-excitation and with ReLU6 instead of swish, so it loses little in
int8. `python -m train.tools.efficientnet_weights` makes a file of its ImageNet weights.
Sources: Tan and Le (2019), EfficientNet; Liu (2020), Higher accuracy on vision models with
EfficientNet-Lite.
"""

from typing import Any

import numpy as np

from device.errors import ModelError
from train.keras_import import keras

# Lite2's stages: blocks, kernel, stride of the first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
STEM, TOP = 32, 1280  # channels of the first and the last convolution
EPSILON = 1e-3
WEIGHTS_HINT = "python -m train.tools.efficientnet_weights --help"


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
    if include_top or weights:
        raise ModelError(
            "EfficientNetLite2 has no top and takes its weights as a file", WEIGHTS_HINT
        )
    layers = keras.layers
    crop = keras.Input(input_shape)
    x = _normed(layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="stem")(crop), "stem")
    number, channels = 0, STEM
    for blocks, kernel, stride, expansion, out in STAGES:
        for repeat in range(blocks):
            block_input, block = x, f"block_{number}"
            if expansion > 1:
                wide = layers.Conv2D(
                    channels * expansion, 1, use_bias=False, name=f"{block}_expand"
                )
                x = _normed(wide(x), f"{block}_expand")
            deep = layers.DepthwiseConv2D(
                kernel,
                1 if repeat else stride,
                "same",
                use_bias=False,
                name=f"{block}_depthwise",
            )
            x = _normed(deep(x), f"{block}_depthwise")
            narrow = layers.Conv2D(out, 1, use_bias=False, name=f"{block}_project")
            x = _normed(narrow(x), f"{block}_project", bounded=False)
            if repeat:
                x = layers.Add(name=f"{block}_add")([block_input, x])
            number, channels = number + 1, out
    x = _normed(layers.Conv2D(TOP, 1, use_bias=False, name="top")(x), "top")
    return keras.Model(crop, x, name=name)


def preprocess_input(rgb: np.ndarray) -> np.ndarray:
    """Return bytes scaled to -1..1."""
    return rgb / 127.5 - 1


def _normed(x: Any, name: str, bounded: bool = True) -> Any:
    x = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x) if bounded else x
