"""Put a backbone's preprocessing into the model, so that its input is plain RGB bytes.

A backbone's own preprocessing is measured on its `preprocess_input`, never written down here: each
is one factor and one offset per channel, some in the order B, G, R.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from train.keras_import import keras


@dataclass(frozen=True)
class Preprocessing:
    """Channel c of the backbone's input is factor[c] * rgb[order[c]] + offset[c]; bytes 0..255."""

    order: tuple[int, ...]
    factor: tuple[float, ...]
    offset: tuple[float, ...]

    def apply(self, crop: keras.KerasTensor) -> keras.KerasTensor:
        """Return the backbone's input for a crop, (B, h, w, 3), by layers that any runtime has."""
        if self.order != (0, 1, 2):
            crop = keras.ops.take(crop, list(self.order), axis=-1)
        factor, offset = self._rounded()
        if (factor, offset) == (1.0, 0.0):
            return crop
        return keras.layers.Rescaling(factor, offset=offset, name="scale")(crop)

    def _rounded(self) -> tuple[float | list[float], float | list[float]]:
        """Return factor and offset, one number each if all channels have the same.

        Then the byte that becomes zero, the value of padding, is rounded to a whole one (127
        instead of 127.5), so that int8 represents it exactly.
        """
        if len(set(self.factor)) > 1 or len(set(self.offset)) > 1:
            return list(self.factor), list(self.offset)
        factor = self.factor[0]
        return factor, -int(-self.offset[0] / factor) * factor


# For a backbone from scratch: VGG's own, which only subtracts means, makes the first steps large.
SIGNED = Preprocessing((0, 1, 2), (1 / 127.5,) * 3, (-1.0,) * 3)


def probe_preprocessing(preprocess_input: Callable[[np.ndarray], np.ndarray]) -> Preprocessing:
    """Return what a `preprocess_input` of keras.applications computes, from its output for colours.

    Raises ValueError if it is anything other than a factor and an offset per channel.
    """

    def output(rgb: np.ndarray) -> np.ndarray:
        # A copy: preprocess_input works in place.
        return np.asarray(preprocess_input(rgb.astype(np.float64).reshape(1, 1, 1, 3))).ravel()

    offset = output(np.zeros(3))
    primaries = np.array([output(255 * channel) for channel in np.eye(3)])
    slopes = (primaries - offset) / 255  # (rgb, output channel)
    order = np.abs(slopes).argmax(axis=0)
    factor = slopes[order, range(3)]
    colour = np.array([10.0, 100.0, 200.0])
    if not np.allclose(factor * colour[order] + offset, output(colour), atol=1e-4):
        raise ValueError("this preprocess_input is no factor and offset per channel")
    return Preprocessing(
        tuple(int(i) for i in order),
        tuple(round(float(x), 10) for x in factor),
        tuple(round(float(x), 10) for x in offset),
    )
