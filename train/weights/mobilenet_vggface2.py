"""MobileNet, trained to recognize 9,131 people, in the layout of TensorFlow.js.

Sources: Savchenko (2019), Efficient facial representations for age, gender and identity
recognition; Cao et al. (2018), VGGFace2.
"""

import json
from collections.abc import Mapping

import numpy as np

from train.keras_import import keras
from train.weights.scale import InputScale, absorb_scale, set_folded
from train.weights.sources import Converted
from train.weights.tensorflow_js import arrays_expected, read_arrays

SIDE = 224  # px, of the original's input
TRAINED = InputScale(zero=(123.68, 116.779, 103.939), scale=(1.0, 1.0, 1.0))


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network, its BatchNorm folded; ModelError if arrays are missing or odd."""
    manifest, raw = files.values()
    with arrays_expected(fetch):
        return Converted(build(read_arrays(json.loads(manifest), raw)))


def build(arrays: Mapping[str, np.ndarray]) -> keras.Model:
    """Return the network without top. KeyError or ValueError: an array is missing or odd."""
    model = keras.applications.MobileNet(
        input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, name="mobilenet"
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            offset = arrays[f"{layer.name}/batchnorm_1/sub"]
            factor = arrays.get(f"{layer.name}/batchnorm_1/mul", np.ones_like(offset))
            set_folded(layer, factor, offset)
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([arrays[f"{layer.name}/depthwise_kernel"]])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([arrays[f"{layer.name}/convolution/merged_input"]])
    first = model.get_layer("conv1")
    # The original's input is B, G, R.
    first.set_weights([first.get_weights()[0][:, :, ::-1]])
    absorb_scale(first, model.get_layer("conv1_bn"), TRAINED)
    return model
