"""ResNeXt50 (32x4d), which keras.applications lacks.

Source: Xie et al. (2017), Aggregated Residual Transformations for Deep Neural Networks.
"""

import numpy as np

from train.keras_import import keras

layers = keras.layers

# Channel means and standard deviations of ImageNet in 0..1, which published weights expect.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def ResNeXt50(input_shape: tuple[int, int, int], name: str = "resnext50") -> keras.Model:
    """Return ResNeXt50 with 32 groups of 4 channels, without a top: table 1 of the paper.

    The stride is in the 3x3 convolution, as in the authors' code.
    """
    crop = keras.Input(input_shape)
    x = _norm(layers.Conv2D(64, 7, 2, "same", use_bias=False, name="conv1_conv")(crop), "conv1")
    x = layers.MaxPooling2D(3, 2, "same", name="pool1_pool")(layers.ReLU(name="conv1_relu")(x))
    for stage, (width, blocks) in enumerate(((128, 3), (256, 4), (512, 6), (1024, 3)), 2):
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stage > 2 else 1
            x = _block(x, width, stride, f"conv{stage}_block{block}", widen=block == 1)
    return keras.Model(crop, x, name=name)


def _block(x, width: int, stride: int, name: str, widen: bool):
    """Return a residual block's output: 1x1, 3x3 in 32 groups, 1x1 to twice the width."""
    shortcut = x
    if widen:
        kernel = layers.Conv2D(2 * width, 1, stride, use_bias=False, name=f"{name}_0_conv")
        shortcut = _norm(kernel(x), f"{name}_0")
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_1_conv")(x)
    x = layers.ReLU(name=f"{name}_1_relu")(_norm(x, f"{name}_1"))
    grouped = layers.Conv2D(
        width, 3, stride, "same", groups=32, use_bias=False, name=f"{name}_2_conv"
    )
    x = layers.ReLU(name=f"{name}_2_relu")(_norm(grouped(x), f"{name}_2"))
    x = _norm(layers.Conv2D(2 * width, 1, use_bias=False, name=f"{name}_3_conv")(x), f"{name}_3")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _norm(x, name: str):
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)


def preprocess_input(rgb: np.ndarray) -> np.ndarray:
    """Return bytes in 0..1, normalised by ImageNet's mean and standard deviation."""
    return (rgb / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
