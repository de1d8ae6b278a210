"""InceptionV3, trained on ImageNet, tuned to sort pictures into five kinds, in TensorFlow.js.

Source: Szegedy et al. (2016), Rethinking the Inception architecture for computer vision.
"""

import base64
import re
from collections.abc import Mapping

import numpy as np

from train.keras_import import keras
from train.weights.scale import InputScale, absorb_scale
from train.weights.sources import Classes, Converted
from train.weights.tensorflow_js import arrays_expected, exported, read_arrays

SIDE = 299  # px, of the original's input
TRAINED = InputScale(zero=(0.0,) * 3, scale=(255.0,) * 3)
# The kinds are drawing, hentai, neutral, porn, sexy.
PICTURES = {
    "coffee.png": {2: "neutral"},
    "chelsea.png": {2: "neutral"},
    "horse.png": {0: "drawing"},
}
PARTS = {
    keras.layers.Conv2D: ("kernel",),
    keras.layers.BatchNormalization: ("beta", "moving_mean", "moving_variance"),
}


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network and its kinds; ModelError if arrays are missing or of other shapes."""
    with arrays_expected(fetch):
        manifest, *texts = (exported(script) for script in files.values())
        raw = b"".join(base64.b64decode(text, validate=True) for text in texts)
        arrays = read_arrays(manifest, raw)
        dense = tuple(
            (arrays[f"dense_{number}/kernel"], arrays[f"dense_{number}/bias"])
            for number in (1, 2, 3)
        )
        return Converted(build(arrays), Classes(dense, PICTURES))


def build(arrays: Mapping[str, np.ndarray]) -> keras.Model:
    """Return the network without top. KeyError or ValueError: an array is missing or odd."""
    model = keras.applications.InceptionV3(
        input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, name="inception_v3"
    )
    for kind, ends in PARTS.items():
        for name, layer in numbered(model, kind).items():
            layer.set_weights([arrays[f"{name}/{end}"] for end in ends])
    convolutions, norms = (numbered(model, kind) for kind in PARTS)
    absorb_scale(convolutions["conv2d_1"], norms["batch_normalization_1"], TRAINED)
    return model


def numbered(model: keras.Model, kind: type[keras.layers.Layer]) -> dict[str, keras.layers.Layer]:
    """Return the layers of a kind, under the names that Keras 2 gave them: counted from 1."""

    def number(layer: keras.layers.Layer) -> int:
        # Keras 3 counts all networks of a process on: its first is conv2d, conv2d_1 and so on.
        found = re.search(r"_(\d+)$", layer.name)
        return int(found[1]) if found else 0

    layers = sorted((layer for layer in model.layers if isinstance(layer, kind)), key=number)
    word = re.sub(r"_\d+$", "", layers[0].name)
    return {f"{word}_{place}": layer for place, layer in enumerate(layers, 1)}
