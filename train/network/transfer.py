"""Continue from another model: copy its backbone, and its head's columns of equal attributes."""

from pathlib import Path

import numpy as np

from device.attributes.model_card import read_card
from device.errors import FacetError, ModelError, one_line
from device.files import read_json
from device.log import log
from train.data.celeba import ATTRIBUTES
from train.keras_import import keras
from train.network.load import load_float

LISTED = 8  # attributes that a log line names


def continue_from(
    model: keras.Model, path: Path, backbone: str, head: list[keras.layers.Layer], names: tuple
) -> None:
    """Copy the weights of a .keras file into a model of `build`, layer by layer.

    head: the model's layers behind the pool; a hidden layer of another shape starts anew. names:
    the model's attributes, () if unknown. The last layer takes the columns of the attributes that
    the file has too and starts the others anew; a log line names them. Raises ModelError if the
    file is no model, has a NaN, another backbone or another preprocessing.
    """
    source = load_float(path)
    try:
        _copy_backbone(model.get_layer(backbone), source, path)
        if not np.allclose(_scaling(source), _scaling(model), atol=1e-6):
            raise ModelError(f"{path} has another preprocessing", "the --preprocessing of its run")
        layers = {layer.name: layer for layer in source.layers}
        for layer in (layer for layer in head if layer.weights):
            match = layers.get(layer.name)
            if layer.name == "attributes":
                _copy_attributes(layer, match, path, names, source.output_shape[-1])
            elif match is not None and layer.kernel.shape == match.kernel.shape:
                layer.set_weights(match.get_weights())
            else:
                log.info(f"{path}: the layer {layer.name} starts anew")
    except ModelError:
        raise
    except Exception as error:  # layers of other shapes
        raise ModelError(
            f"cannot continue from {path}: {one_line(error)}",
            "the model.keras of another run, or --weights none to train from scratch",
        ) from error


def _scaling(model: keras.Model) -> np.ndarray:
    """Return factor and offset per channel of a model's preprocessing, float64 (2, 3)."""
    layer = next((layer for layer in model.layers if layer.name == "scale"), None)
    factor, offset = (layer.scale, layer.offset) if layer else (1.0, 0.0)
    return np.array([np.broadcast_to(factor, 3), np.broadcast_to(offset, 3)], float)


def _copy_backbone(backbone: keras.Model, source: keras.Model, path: Path) -> None:
    """Copy a backbone; ModelError, with the flag to give, if `source` has another or less of it."""
    nested = {layer.name: layer for layer in source.layers if isinstance(layer, keras.Model)}
    theirs = nested.get(backbone.name)
    if theirs is None:
        raise ModelError(
            f"{path} has the backbone {', '.join(nested) or 'none'}, not {backbone.name}",
            "the --backbone of that model, or --weights none to train from scratch",
        )
    names = {layer.name for layer in theirs.layers}
    layers = [layer for layer in backbone.layers if layer.weights]
    if any(layer.name not in names for layer in layers):
        last = theirs.layers[-1].name
        raise ModelError(f"{path} ends at the layer {last}", f"--last-layer {last}")
    for layer in layers:
        layer.set_weights(theirs.get_layer(layer.name).get_weights())


def _copy_attributes(
    layer: keras.layers.Layer,
    match: keras.layers.Layer | None,
    path: Path,
    names: tuple[str, ...],
    outputs: int,
) -> None:
    """Copy the columns of equal attributes between two last layers."""
    if match is None or layer.kernel.shape[0] != match.kernel.shape[0]:
        log.info(f"{path}: the head starts anew, it reads other features")
        return
    theirs = attributes_of(path, outputs)
    if not names or not theirs:
        if layer.kernel.shape == match.kernel.shape:
            layer.set_weights(match.get_weights())
            return
        log.info(f"{path}: the head starts anew, no settings.json or card names its attributes")
        return
    common = [name for name in names if name in theirs]
    to = [names.index(name) for name in common]
    of = [theirs.index(name) for name in common]
    kernel, bias = layer.get_weights()
    classes = kernel.shape[-1] // len(names)  # 2 for softmax: no and yes
    for ours, source in zip((kernel, bias), match.get_weights(), strict=True):
        columns = ours.reshape(*ours.shape[:-1], len(names), classes)
        columns[..., to, :] = _with_classes(source, outputs, classes)[..., of, :]
    layer.set_weights([kernel, bias])
    anew = [name for name in names if name not in theirs]
    if anew:
        log.info(f"{path}: the head keeps {_listed(common)}, and starts anew for {_listed(anew)}")


def _with_classes(weights: np.ndarray, attributes: int, classes: int) -> np.ndarray:
    """Return (..., attributes, classes) of a last layer, whose probabilities stay the same."""
    columns = weights.reshape(*weights.shape[:-1], attributes, -1)
    if columns.shape[-1] == classes:
        return columns
    if classes == 1:  # the sigmoid of the difference is the softmax of both
        return columns[..., 1:] - columns[..., :1]
    return np.concatenate([np.zeros_like(columns), columns], axis=-1)


def attributes_of(path: Path, outputs: int) -> tuple[str, ...]:
    """Return the names of a .keras file's outputs, in order, or () if nothing names them.

    From the settings.json of its run or the card beside it; 40 outputs are CelebA's.
    """
    for read in (_run_attributes, _card_attributes):
        names = read(path)
        if len(names) == outputs:
            return names
    return ATTRIBUTES if outputs == len(ATTRIBUTES) else ()


def _run_attributes(path: Path) -> tuple[str, ...]:
    try:
        record = read_json(path.with_name("settings.json"))
        return tuple(record["settings"].get("attributes") or record.get("attributes") or ())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def _card_attributes(path: Path) -> tuple[str, ...]:
    try:
        return read_card(path.with_suffix(".json")).names
    except FacetError:
        return ()


def _listed(names: list[str]) -> str:
    rest = len(names) - LISTED
    return (", ".join(names[:LISTED]) or "no attribute") + (f" and {rest} more" if rest > 0 else "")
