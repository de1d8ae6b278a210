"""Build the classifier: a backbone with one sigmoid per attribute, bytes in, probabilities out."""

import difflib
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from device.errors import ModelError
from train.efficientnet_lite import EfficientNetLite2
from train.engine import keras

# Keras builds MobileNetV2 with 0.999, so the statistics used at inference trail thousands of
# steps behind the weights: in a short fine-tuning that cost 3 points of accuracy.
BATCHNORM_MOMENTUM = 0.99

# The bases Facet builds on, by the name of their class in keras.applications or here, and their
# layer's name in the model. All take pictures scaled to -1..1.
BACKBONES = {
    "MobileNetV2": "mobilenet_v2",
    "MobileNet": "mobilenet",
    "EfficientNetLite2": "efficientnet_lite2",
}

MEND = "Give a no-top weights file with --weights FILE, or --weights none to start anew."
MEND_LAYER = "Try --until block_13_expand_relu, or leave it out for the whole network."


def build(
    attributes: int,
    crop_wh: tuple[int, int],
    weights: str = "imagenet",
    dropout: float = 0.2,
    until: str = "",
    backbone: str = "MobileNetV2",
) -> keras.Model:
    """Return a model from float32 (B, h, w, 3) RGB bytes 0..255 to (B, attributes) 0..1.

    weights: "imagenet" (downloaded by Keras), "none", a no-top .weights.h5 file, or the .keras
    file of a model as this one or a longer one, to go on from. until: the backbone's last layer,
    "" = its own; MobileNetV2's "block_13_expand_relu" leaves out the seven tenths of the weights
    that lie behind it. backbone: of BACKBONES, at width 1.0. Raises ModelError where weights
    cannot be had. Sources: Howard et al. (2017), MobileNets; Sandler et al. (2018), MobileNetV2.
    """
    width, height = crop_wh
    crop = keras.Input((height, width, 3), name="crop")
    # The scaling lives in the model, once: whoever runs it feeds bytes. The offset is 127 rather
    # than 127.5 so that zero, the padding's value, is a byte and int8 represents it exactly.
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-127 / 127.5, name="scale")(crop)
    whole = weights.endswith(".keras")
    base = _backbone(backbone, (height, width, 3), "none" if whole else weights)
    if until:
        base = keras.Model(base.input, _layer(base, until).output, name=base.name)
    features = keras.layers.GlobalAveragePooling2D(name="pool")(base(scaled))
    features = keras.layers.Dropout(dropout, name="dropout")(features)
    outputs = keras.layers.Dense(attributes, activation="sigmoid", name="attributes")(features)
    model = keras.Model(crop, outputs, name="facet")
    if whole:
        _take_weights(model, weights, BACKBONES[backbone])
    return model


def _layer(backbone: keras.Model, name: str) -> keras.layers.Layer:
    try:
        return backbone.get_layer(name)
    except ValueError:
        near = difflib.get_close_matches(name, [layer.name for layer in backbone.layers], 1)
        meant = f"; meant {near[0]}?" if near else ""
        raise ModelError(f"{backbone.name} has no layer {name!r}{meant}", MEND_LAYER) from None


def _take_weights(model: keras.Model, path: str, base: str) -> None:
    """Copy weights layer by layer; the last layer starts anew if it sees other features."""
    try:
        source = keras.models.load_model(path, compile=False)
        theirs = source.get_layer(base)
        ours = model.get_layer(base).layers
        for layer in (layer for layer in ours if layer.weights):
            layer.set_weights(theirs.get_layer(layer.name).get_weights())
        head, their_head = model.get_layer("attributes"), source.get_layer("attributes")
        if head.kernel.shape[0] == their_head.kernel.shape[0]:
            head.set_weights(their_head.get_weights())
    except Exception as error:  # a missing or broken file, other layers, other attributes
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"cannot go on from {path}: {reason}", MEND) from error


def _backbone(name: str, shape: tuple[int, int, int], weights: str) -> keras.Model:
    source = "imagenet" if weights == "imagenet" else None
    try:
        make = (
            EfficientNetLite2 if name == "EfficientNetLite2" else getattr(keras.applications, name)
        )
        backbone = make(input_shape=shape, include_top=False, weights=source, name=BACKBONES[name])
        if weights not in ("imagenet", "none"):
            backbone.load_weights(Path(weights))
    except Exception as error:  # Keras raises plain Exception for a failed download
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"cannot get the weights {weights!r}: {reason}", MEND) from error
    for layer in batchnorms(backbone):
        layer.momentum = BATCHNORM_MOMENTUM
    return backbone


def batchnorms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the BatchNorm layers of a model and of the models nested in it."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += batchnorms(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
    return found


def multiply_adds(model: keras.Model) -> int:
    """Return the multiply-accumulate operations of one pass over one crop."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif hasattr(layer, "kernel"):  # each kernel is used once per place of the output
            total += math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
    return total


def settle_batchnorm(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Replace the BatchNorm statistics by their plain mean over un-augmented batches of crops.

    The statistics that training leaves behind describe augmented crops under older weights.
    """
    layers = batchnorms(model)
    for layer in layers:
        layer.momentum = 0.0  # so that after a batch they are that batch's own
    means = [0.0] * len(layers)
    variances = [0.0] * len(layers)
    count = 0
    for crops in batches:
        count += 1
        model(crops, training=True)
        for at, layer in enumerate(layers):
            means[at] += keras.ops.convert_to_numpy(layer.moving_mean)
            variances[at] += keras.ops.convert_to_numpy(layer.moving_variance)
    for layer, mean, variance in zip(layers, means, variances, strict=True):
        layer.momentum = BATCHNORM_MOMENTUM
        layer.moving_mean.assign(mean / max(count, 1))
        layer.moving_variance.assign(variance / max(count, 1))


def set_precision(model: keras.Model, policy: str) -> None:
    """Make a model compute in another precision, such as mixed_bfloat16; its weights stay float32.

    What leaves it, the last layer's probabilities, stays float32 too.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            set_precision(layer, policy)
        elif layer is not model.layers[-1] or layer.name != "attributes":
            layer.dtype_policy = policy
