"""BatchNorm layers: their momentum, and statistics recomputed after training."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from train.keras_import import keras

# Keras builds MobileNetV2 with 0.999, so the statistics used at inference lag thousands of steps
# behind the weights: in a short fine-tuning that cost 3 points of accuracy.
BATCHNORM_MOMENTUM = 0.99


def batchnorm_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the BatchNorm layers of a model and of the models nested in it."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += batchnorm_layers(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
    return found


def recalibrate_batchnorm(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Replace BatchNorm statistics by their mean over the photos of un-augmented batches of crops.

    The statistics from training describe augmented crops under older weights. Frozen layers keep
    the statistics of their starting weights.
    """
    layers = [layer for layer in batchnorm_layers(model) if layer.trainable]
    if not layers:
        return
    for layer in layers:
        layer.momentum = 0.0  # the moving statistics become those of the last batch
    means = [0.0] * len(layers)
    variances = [0.0] * len(layers)
    count = 0
    for crops in batches:
        count += len(crops)
        model(crops, training=True)
        for i, layer in enumerate(layers):
            # By its photos: the last batch may have few, and their statistics are far off.
            means[i] += len(crops) * keras.ops.convert_to_numpy(layer.moving_mean)
            variances[i] += len(crops) * keras.ops.convert_to_numpy(layer.moving_variance)
    for layer, mean, variance in zip(layers, means, variances, strict=True):
        layer.momentum = BATCHNORM_MOMENTUM
        if count:
            layer.moving_mean.assign(mean / count)
            layer.moving_variance.assign(variance / count)


def measure_moments(
    model: keras.Model, batches: Iterable[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the mean and variance, (channels,) each, of the inputs of each BatchNorm layer.

    batches: inputs of the network, (B, h, w, 3) float32; at least one.
    """
    layers = batchnorm_layers(model)
    moments = [keras.ops.moments(layer.input, axes=(0, 1, 2)) for layer in layers]
    measure = keras.Model(model.input, moments)
    means: list[Any] = [0.0] * len(layers)
    squares: list[Any] = [0.0] * len(layers)
    count = 0
    for batch in batches:
        count += len(batch)
        for i, (mean, variance) in enumerate(measure(batch, training=False)):
            mean = keras.ops.convert_to_numpy(mean).astype(np.float64)
            means[i] += len(batch) * mean
            squares[i] += len(batch) * (keras.ops.convert_to_numpy(variance) + mean**2)
    return [
        (mean / count, square / count - (mean / count) ** 2)
        for mean, square in zip(means, squares, strict=True)
    ]


def unfold_batchnorm(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Set each BatchNorm layer's statistics to those of its inputs, without changing its output.

    For networks whose BatchNorm was folded into factor and offset, so that training can continue.
    batches: inputs of the network, (B, h, w, 3) float32; at least one.
    """
    for layer, (mean, variance) in zip(
        batchnorm_layers(model), measure_moments(model, batches), strict=True
    ):
        factor, offset, old_mean, old_variance = layer.get_weights()
        # A lower bound: a constant channel would be amplified by its tiny deviation.
        variance = np.maximum(variance, 1e-5)
        slope = factor / np.sqrt(old_variance + layer.epsilon)
        offset = offset + slope * (mean - old_mean)
        layer.set_weights([slope * np.sqrt(variance + layer.epsilon), offset, mean, variance])


def copy_statistics(source: keras.Model, target: keras.Model) -> None:
    """Copy the BatchNorm statistics between two models of the same layers."""
    for of, to in zip(batchnorm_layers(source), batchnorm_layers(target), strict=True):
        to.moving_mean.assign(keras.ops.convert_to_numpy(of.moving_mean))
        to.moving_variance.assign(keras.ops.convert_to_numpy(of.moving_variance))
