"""MobileNet, trained to recognize 9,131 people, in the layout of TensorFlow.js.

Sources: Savchenko (2019), Efficient facial representations for age, gender and identity
recognition; Cao et al. (2018), VGGFace2.
"""

import json
from collections.abc import Mapping

import numpy as np

from device.errors import ModelError, one_line
from train.keras_import import keras
from train.weights.scale import InputScale, absorb_scale, set_folded
from train.weights.sources import Converted

SIDE = 224  # px, of the original's input
TRAINED = InputScale(zero=(123.68, 116.779, 103.939), scale=(1.0, 1.0, 1.0))


def convert(files: Mapping[str, bytes], fetch: str) -> Converted:
    """Return the network, its BatchNorm folded; ModelError if arrays are missing or odd."""
    try:
        return Converted(build(read_arrays(*files.values())))
    except KeyError as error:
        raise ModelError(f"the TensorFlow.js file has no {error.args[0]}", fetch) from error
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"not the TensorFlow.js file expected: {one_line(error)}", fetch
        ) from error


def read_arrays(manifest: bytes, raw: bytes) -> dict[str, np.ndarray]:
    """Return the arrays by name; KeyError, ValueError or TypeError if they are not so laid out."""
    arrays, start = {}, 0
    for entry in json.loads(manifest)["weightsManifest"][0]["weights"]:
        count = int(np.prod(entry["shape"], dtype=int))
        array = np.frombuffer(raw, entry["dtype"], count, start)
        arrays[entry["name"]] = array.reshape(entry["shape"])
        start += array.nbytes
    return arrays


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
