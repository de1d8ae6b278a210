"""The backbones that a model can have: all of keras.applications, and some of our own."""

import inspect
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import h5py

from device.errors import ModelError, UsageError, nearest, one_line
from train.keras_import import keras
from train.network import efficientnet_lite, resnext, simple_cnn
from train.network.load import check_finite
from train.network.preprocess import Preprocessing, probe_preprocessing


def weights_hint(backbone: str) -> str:
    """Return how to get starting weights of a backbone, by its name."""
    return (
        "--weights FILE of a network without top (python -m train.weights list names some, "
        f"python -m train.pretrain {quote(backbone)} makes one), or --weights none to train from "
        "scratch"
    )


@dataclass(frozen=True)
class Backbone:
    """A network without its head, and the preprocessing of its input."""

    name: str
    layer: str  # its name within the model
    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    published: bool  # whether Keras can download ImageNet weights for it


def backbone_names() -> tuple[str, ...]:
    """Return the names of all backbones, as `find_backbone` takes them."""
    return tuple(sorted((*_applications(), *_own())))


def find_backbone(name: str) -> Backbone:
    """Return a backbone by its name; UsageError, with the nearest or all names, if unknown."""
    if name in _own():
        return _own()[name]
    if name not in (known := _applications()):
        raise UsageError(f"no backbone {name!r}", nearest(name, backbone_names()))
    module = sys.modules[known[name].__module__]
    layer = module.__name__.rpartition(".")[2]
    preprocessing = probe_preprocessing(module.preprocess_input)
    return Backbone(name, layer, known[name], preprocessing, published=True)


def _applications() -> dict[str, Callable[..., keras.Model]]:
    found = inspect.getmembers(keras.applications, inspect.isfunction)
    return {name: function for name, function in found if not name.startswith("_")}


def _own() -> dict[str, Backbone]:
    networks = (
        (efficientnet_lite.EfficientNetLite2, "efficientnet_lite2", efficientnet_lite),
        (efficientnet_lite.EfficientNetLite3, "efficientnet_lite3", efficientnet_lite),
        (resnext.ResNeXt50, "resnext50", resnext),
        (simple_cnn.FlattenCNN, "flatten_cnn", simple_cnn),
        (simple_cnn.SimpleCNN, "simple_cnn", simple_cnn),
    )
    return {
        build.__name__: Backbone(
            name=build.__name__,
            layer=layer,
            build=build,
            preprocessing=probe_preprocessing(module.preprocess_input),
            published=False,
        )
        for build, layer, module in networks
    }


def build_backbone(backbone: Backbone, crop_wh: tuple[int, int], weights: str) -> keras.Model:
    """Return a backbone for crops of this size.

    weights: "imagenet", "none" or a .weights.h5 or .h5 file of Keras 3 or 2. Raises ModelError if
    the weights cannot be loaded or have a NaN, or the crop is too small for the backbone.
    """
    shape = (crop_wh[1], crop_wh[0], 3)
    options = {"include_top": False, "weights": None} if backbone.published else {}
    try:
        model = backbone.build(input_shape=shape, name=backbone.layer, **options)
    except ValueError as error:
        raise ModelError(
            f"{backbone.name} does not take crops of {crop_wh[0]}x{crop_wh[1]}: {one_line(error)}",
            "a larger --input WxH",
        ) from error
    if weights == "none":
        return model
    try:
        if weights == "imagenet":
            _download(backbone, model, shape)
        else:
            _load(model, Path(weights))
    except Exception as error:  # Keras raises plain Exception for a failed download
        raise ModelError(
            f"cannot get the weights {weights!r} of {backbone.name}: {one_line(error)}",
            weights_hint(backbone.name),
        ) from error
    check_finite(model, weights)
    return model


def _load(model: keras.Model, path: Path) -> None:
    """Load a file of weights by the format of its content; Keras goes by the ending of its name."""
    if not path.is_file():
        raise FileNotFoundError("no such file")
    if not h5py.is_hdf5(path):
        raise ValueError("it is no HDF5 file, which Keras writes")
    with h5py.File(path) as file:
        keras_2 = "layer_names" in file.attrs or "model_weights" in file
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "keras2.h5" if keras_2 else "keras3.weights.h5")
        link.symlink_to(path.resolve())
        model.load_weights(link)


def save_weights(backbone: keras.Model, path: Path) -> None:
    """Write a backbone's weights to a .weights.h5 file, whole or not at all: Keras writes in place.

    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".weights-") as folder:
        part = Path(folder, path.name)
        backbone.save_weights(part)
        part.replace(path)


def _download(backbone: Backbone, model: keras.Model, shape: tuple[int, int, int]) -> None:
    if not backbone.published:
        raise ModelError("none are published for Keras", weights_hint(backbone.name))
    source = backbone.build(
        input_shape=shape, include_top=False, weights="imagenet", name=backbone.layer
    )
    model.set_weights(source.get_weights())
