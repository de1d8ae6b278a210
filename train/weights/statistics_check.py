"""Compare BatchNorm statistics that came with weights to those of face photos."""

from collections.abc import Iterable

import numpy as np

from device.errors import ModelError
from train.keras_import import keras
from train.network.batchnorm import batchnorm_layers, measure_moments

# A layer's shift is how far the mean of its input is from the stored one, in stored deviations; its
# ratio is that of the deviations. Both are medians over channels. The first layer shows colours and
# edges, which faces share with all photos, so a wrong range of the input shows there. Further
# layers show objects, and single ones differ more.
SHIFT, RATIO = 0.75, 1.6


def check_statistics(model: keras.Model, batches: Iterable[np.ndarray], hint: str) -> str:
    """Return a line on how far the stored statistics are from those of photos.

    batches: inputs of the network, (B, h, w, 3) float32; at least one. Raises ModelError with this
    hint if the first layer's, or the median of all layers', are those of another input.
    """
    shifts, ratios = compare_statistics(model, batches)
    for place, shift, ratio in (
        ("the first layer", shifts[0], ratios[0]),
        ("half of the layers", float(np.median(shifts)), float(np.median(ratios))),
    ):
        if not (shift <= SHIFT and 1 / RATIO <= ratio <= RATIO):
            raise ModelError(
                f"BatchNorm statistics are not those of photos: in {place} the mean of face photos "
                f"is {shift:.2f} deviations from the stored one, their deviation {ratio:.2f} times",
                hint,
            )
    return (
        f"BatchNorm statistics fit face photos: means {np.median(shifts):.2f} deviations apart, "
        f"deviations {np.median(ratios):.2f} times the stored (medians of {len(shifts)} layers; "
        f"the first {shifts[0]:.2f} and {ratios[0]:.2f})"
    )


def compare_statistics(
    model: keras.Model, batches: Iterable[np.ndarray]
) -> tuple[list[float], list[float]]:
    """Return the shift and the ratio of each BatchNorm layer, in the order of the layers."""
    shifts, ratios = [], []
    measured = measure_moments(model, batches)
    for layer, (mean, variance) in zip(batchnorm_layers(model), measured, strict=True):
        stored = keras.ops.convert_to_numpy(layer.moving_variance) + layer.epsilon
        apart = np.abs(mean - keras.ops.convert_to_numpy(layer.moving_mean))
        shifts.append(float(np.median(apart / np.sqrt(stored))))
        ratios.append(float(np.sqrt(np.median((variance + layer.epsilon) / stored))))
    return shifts, ratios
