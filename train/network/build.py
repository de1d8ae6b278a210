"""Build the classifier: backbone with preprocessing, and head; bytes in, probabilities out."""

import difflib
import math
from pathlib import Path

from device.errors import ModelError, UsageError
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.network.batchnorm import BATCHNORM_MOMENTUM, batchnorm_layers
from train.network.head import Head
from train.network.preprocess import SIGNED
from train.network.transfer import continue_from

LAYER_HINT = "--last-layer block_13_expand_relu, or none for the whole network"


def build(
    attributes: int,
    crop_wh: tuple[int, int],
    weights: str = "imagenet",
    last_layer: str = "",
    backbone: str = "MobileNetV2",
    head: Head | None = None,
    names: tuple[str, ...] = (),
    preprocessing: str = "own",
) -> keras.Model:
    """Return a model from float32 (B, h, w, 3) RGB bytes 0..255 to (B, attributes) 0..1.

    weights: "imagenet" (downloaded by Keras), "none", a .weights.h5 or .h5 file without top, or the
    .keras file of such a model or a longer one, to continue from; its head's outputs are matched by
    `names`, the attributes in order. last_layer: of the backbone, "" = its own; MobileNetV2's
    "block_13_expand_relu" drops the 70 % of the weights behind it. preprocessing: the backbone's
    "own", or "signed", -1..1; it is part of the model. Raises ModelError if weights cannot be
    loaded, UsageError for an unknown backbone.
    """
    chosen, head = find_backbone(backbone), head or Head()
    from_model = weights.endswith(".keras")
    features = build_backbone(chosen, crop_wh, "none" if from_model else weights)
    for layer in batchnorm_layers(features):
        layer.momentum = BATCHNORM_MOMENTUM
    if last_layer:
        last = _layer(features, last_layer, LAYER_HINT)
        features = keras.Model(features.input, last.output, name=features.name)
    crop = keras.Input((crop_wh[1], crop_wh[0], 3), name="crop")
    scaling = SIGNED if preprocessing == "signed" else chosen.preprocessing
    outputs = head.pool()(features(scaling.apply(crop)))
    for layer in head.layers(attributes):
        outputs = layer(outputs)
    model = keras.Model(crop, outputs, name="facet")
    if from_model:
        continue_from(model, Path(weights), chosen.layer, head_layers(model), names)
    return model


def backbone_of(model: keras.Model) -> keras.Model:
    """Return the backbone within a model that `build` made."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers behind the pool, in the order of the data."""
    return model.layers[model.layers.index(model.get_layer("pool")) + 1 :]


def head_of(model: keras.Model) -> keras.Model:
    """Return the head alone, from pooled features to probabilities, sharing the model's weights."""
    features = outputs = keras.Input(model.get_layer("pool").output.shape[1:], name="features")
    for layer in head_layers(model):
        outputs = layer(outputs)
    return keras.Model(features, outputs, name="head")


def freeze(model: keras.Model, unfreeze: str) -> None:
    """Make a model's backbone trainable from the layer `unfreeze` on; "all", "none": all, none.

    Frozen BatchNorm layers keep their statistics. The model must be compiled again afterwards.
    Raises UsageError, with the nearest name, for a layer that the backbone lacks.
    """
    backbone = backbone_of(model)
    backbone.trainable = unfreeze != "none"
    first = 0
    if unfreeze not in ("all", "none"):
        try:
            layer = _layer(backbone, unfreeze, f"--unfreeze with a layer of {backbone.name}")
        except ModelError as error:
            raise UsageError(error.message, error.hint) from None
        first = backbone.layers.index(layer)
    # Layer by layer: a layer frozen on its own stays frozen when the backbone is unfrozen.
    for number, layer in enumerate(backbone.layers):
        layer.trainable = backbone.trainable and number >= first


def _layer(backbone: keras.Model, name: str, hint: str) -> keras.layers.Layer:
    try:
        return backbone.get_layer(name)
    except ValueError:
        names = [layer.name for layer in backbone.layers]
        near = difflib.get_close_matches(name, names, 1)
        raise ModelError(
            f"{backbone.name} has no layer {name!r}", near[0] if near else hint
        ) from None


def multiply_adds(model: keras.Model, trainable_only: bool = False) -> int:
    """Return the multiply-accumulate operations of one pass over one crop, in all its layers.

    trainable_only: in those that learn.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer, trainable_only)
        else:  # each kernel is applied once per position of the output
            used = layer.trainable_weights if trainable_only else layer.weights
            positions = math.prod(layer.output.shape[1:-1]) if used else 0
            total += positions * sum(math.prod(kernel.shape) for kernel in _kernels(layer))
    return total


def _kernels(layer: keras.layers.Layer) -> list:
    if isinstance(layer, keras.layers.SeparableConv2D):
        return [layer.depthwise_kernel, layer.pointwise_kernel]
    return [layer.kernel] if hasattr(layer, "kernel") else []


def set_precision(model: keras.Model, policy: str) -> None:
    """Set a model's compute precision, such as mixed_bfloat16; its weights stay float32.

    The outputs, from the last logits on, stay float32 too.
    """
    for layer in model.layers:
        if layer.name == "attributes":
            return
        if isinstance(layer, keras.Model):
            set_precision(layer, policy)
        else:
            layer.dtype_policy = policy
