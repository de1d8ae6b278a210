"""The networks that a model can stand on: every base of keras.applications, and some of our own."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from device.errors import ModelError, UsageError, nearest
from train import efficientnet_lite
from train.engine import keras
from train.network import more_bases
from train.network.preprocess import Preprocessing, asked

MEND = "Give a no-top weights file with --weights FILE, or --weights none to start anew."


@dataclass(frozen=True)
class Base:
    """A network without its head, and what it wants of its input."""

    name: str
    layer: str  # its name within the model
    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    published: bool  # whether Keras can download ImageNet weights for it


def base_names() -> tuple[str, ...]:
    """Return the names of all bases, as `find_base` takes them."""
    return tuple(sorted((*_applications(), *_ours())))


def find_base(name: str) -> Base:
    """Return a base by its name; UsageError, with the nearest or all names, for an unknown one."""
    if name in _ours():
        return _ours()[name]
    if name not in (known := _applications()):
        everything = f"Known bases: {', '.join(base_names())}"
        near = nearest(name, base_names())
        mend = near if near == everything else f"{near} {everything}"
        raise UsageError(f"no base {name!r}", mend)
    module = sys.modules[known[name].__module__]
    layer = module.__name__.rpartition(".")[2]
    return Base(name, layer, known[name], asked(module.preprocess_input), published=True)


def _applications() -> dict[str, Callable[..., keras.Model]]:
    found = inspect.getmembers(keras.applications, inspect.isfunction)
    return {name: function for name, function in found if not name.startswith("_")}


def _ours() -> dict[str, Base]:
    return {
        "EfficientNetLite2": Base(
            "EfficientNetLite2",
            "efficientnet_lite2",
            efficientnet_lite.EfficientNetLite2,
            asked(efficientnet_lite.preprocess_input),
            published=False,
        ),
        "ResNeXt50": Base(
            "ResNeXt50",
            "resnext50",
            more_bases.ResNeXt50,
            asked(more_bases.resnext_preprocess_input),
            published=False,
        ),
        "SimpleCNN": Base(
            "SimpleCNN",
            "simple_cnn",
            more_bases.SimpleCNN,
            asked(more_bases.simple_preprocess_input),
            published=False,
        ),
    }


def build_base(base: Base, crop_wh: tuple[int, int], weights: str) -> keras.Model:
    """Return a base for crops of this size; weights: "imagenet", "none" or a .weights.h5 file.

    Raises ModelError where the weights cannot be had or the crop is too small for the base.
    """
    shape = (crop_wh[1], crop_wh[0], 3)
    try:
        if base.published:
            model = base.build(input_shape=shape, include_top=False, weights=None, name=base.layer)
        else:
            model = base.build(input_shape=shape, name=base.layer)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{base.name} does not take crops of {crop_wh[0]}x{crop_wh[1]}: {reason}",
            "Give a larger one: --input WxH",
        ) from error
    if weights == "none":
        return model
    try:
        if weights == "imagenet":
            _download(base, model, shape)
        else:
            model.load_weights(Path(weights))
    except Exception as error:  # Keras raises plain Exception for a failed download
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"cannot get the weights {weights!r} of {base.name}: {reason}", MEND
        ) from error
    return model


def _download(base: Base, model: keras.Model, shape: tuple[int, int, int]) -> None:
    if not base.published:
        raise ModelError("none are published for Keras")
    source = base.build(input_shape=shape, include_top=False, weights="imagenet", name=base.layer)
    model.set_weights(source.get_weights())
