"""Build the classifier: a base with its preprocessing, and a head; bytes in, probabilities out."""

import difflib
import math
from collections.abc import Iterable

import numpy as np

from device.errors import ModelError, UsageError
from train.engine import keras
from train.network.bases import MEND, build_base, find_base
from train.network.head import Head

# Keras builds MobileNetV2 with 0.999, so the statistics used at inference trail thousands of
# steps behind the weights: in a short fine-tuning that cost 3 points of accuracy.
BATCHNORM_MOMENTUM = 0.99

MEND_LAYER = "Try --until block_13_expand_relu, or leave it out for the whole network."


def build(
    attributes: int,
    crop_wh: tuple[int, int],
    weights: str = "imagenet",
    until: str = "",
    backbone: str = "MobileNetV2",
    head: Head | None = None,
) -> keras.Model:
    """Return a model from float32 (B, h, w, 3) RGB bytes 0..255 to (B, attributes) 0..1.

    weights: "imagenet" (downloaded by Keras), "none", a no-top .weights.h5 file, or the .keras
    file of a model as this one or a longer one, to go on from. until: the base's last layer,
    "" = its own; MobileNetV2's "block_13_expand_relu" leaves out the seven tenths of the weights
    that lie behind it. backbone: of train.network.bases. The base's preprocessing is part of the
    model, once. Raises ModelError where weights cannot be had, UsageError for an unknown base.
    """
    base, head = find_base(backbone), head or Head()
    whole = weights.endswith(".keras")
    features = build_base(base, crop_wh, "none" if whole else weights)
    for layer in batchnorms(features):
        layer.momentum = BATCHNORM_MOMENTUM
    if until:
        last = _layer(features, until, MEND_LAYER)
        features = keras.Model(features.input, last.output, name=features.name)
    crop = keras.Input((crop_wh[1], crop_wh[0], 3), name="crop")
    outputs = head.pool()(features(base.preprocessing.apply(crop)))
    for layer in head.layers(attributes):
        outputs = layer(outputs)
    model = keras.Model(crop, outputs, name="facet")
    if whole:
        _take_weights(model, weights, base.layer)
    return model


def base_of(model: keras.Model) -> keras.Model:
    """Return the base within a model that `build` made."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers behind the pool, each of which takes what the one before gives."""
    return model.layers[model.layers.index(model.get_layer("pool")) + 1 :]


def head_of(model: keras.Model) -> keras.Model:
    """Return the head alone, from pooled features to probabilities, sharing the model's weights."""
    features = outputs = keras.Input(model.get_layer("pool").output.shape[1:], name="features")
    for layer in head_layers(model):
        outputs = layer(outputs)
    return keras.Model(features, outputs, name="head")


def freeze(model: keras.Model, unfreeze: str) -> None:
    """Let a model's base learn from the layer `unfreeze` on; "all": the whole, "none": nothing.

    BatchNorm layers that do not learn keep their statistics too. A model must be compiled anew
    afterwards. Raises UsageError for a layer that the base lacks, with the nearest.
    """
    base = base_of(model)
    base.trainable = unfreeze != "none"
    first = 0
    if unfreeze not in ("all", "none"):
        try:
            layer = _layer(base, unfreeze, f"Name a layer of {base.name} with --unfreeze")
        except ModelError as error:
            raise UsageError(error.message, error.hint) from None
        first = base.layers.index(layer)
    # Each by itself: what was frozen alone stays so when the whole is let loose.
    for place, layer in enumerate(base.layers):
        layer.trainable = base.trainable and place >= first


def _layer(base: keras.Model, name: str, mend: str) -> keras.layers.Layer:
    try:
        return base.get_layer(name)
    except ValueError:
        near = difflib.get_close_matches(name, [layer.name for layer in base.layers], 1)
        meant = f"; meant {near[0]}?" if near else ""
        raise ModelError(f"{base.name} has no layer {name!r}{meant}", mend) from None


def _take_weights(model: keras.Model, path: str, base: str) -> None:
    """Copy weights layer by layer; a head's layer starts anew if it sees other features."""
    try:
        source = keras.models.load_model(path, compile=False)
        theirs = source.get_layer(base)
        for layer in (layer for layer in model.get_layer(base).layers if layer.weights):
            layer.set_weights(theirs.get_layer(layer.name).get_weights())
        known = {layer.name: layer for layer in source.layers}
        for layer in (layer for layer in head_layers(model) if layer.weights):
            other = known.get(layer.name)
            if other is not None and layer.kernel.shape[0] == other.kernel.shape[0]:
                layer.set_weights(other.get_weights())
    except Exception as error:  # a missing or broken file, other layers, other attributes
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"cannot go on from {path}: {reason}", MEND) from error


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
        else:  # each kernel is used once per place of the output
            places = math.prod(layer.output.shape[1:-1]) if layer.weights else 0
            total += places * sum(math.prod(kernel.shape) for kernel in _kernels(layer))
    return total


def _kernels(layer: keras.layers.Layer) -> list:
    if isinstance(layer, keras.layers.SeparableConv2D):
        return [layer.depthwise_kernel, layer.pointwise_kernel]
    return [layer.kernel] if hasattr(layer, "kernel") else []


def settle_batchnorm(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Replace the BatchNorm statistics by their plain mean over un-augmented batches of crops.

    The statistics that training leaves behind describe augmented crops under older weights. Frozen
    layers keep the statistics that their weights came with.
    """
    layers = [layer for layer in batchnorms(model) if layer.trainable]
    if not layers:
        return
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

    What leaves it, from the last logits on, stays float32 too.
    """
    for layer in model.layers:
        if layer.name == "attributes":
            return
        if isinstance(layer, keras.Model):
            set_precision(layer, policy)
        else:
            layer.dtype_policy = policy
