"""Read the tensors of a PyTorch file without PyTorch, and without running the file's code.

Both formats: the stream of pickles of PyTorch 1.5 and earlier, and the zip archive since 1.6.
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from device.errors import ModelError, one_line
from train.keras_import import keras

DTYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
BATCHNORM = ("weight", "bias", "running_mean", "running_var")  # in the order of Keras
LEGACY_HEADERS = 3  # pickles before the tensors: magic number, version, machine


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype


class _View(NamedTuple):
    """A tensor: a view of a storage; offset and strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorUnpickler(pickle.Unpickler):
    """Read tensors as views of storages; refuse any other class."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: _View(
                storage, offset, shape, strides
            )
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in DTYPES:
            return DTYPES[name].type
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, *_ = pid
        return _Storage(str(key), np.dtype(dtype))


@contextmanager
def read_tensors(content: bytes, hint: str) -> Iterator[Mapping[str, np.ndarray]]:
    """Yield the tensors of a state dict by name; content: of the .pt or .pth file.

    Raises ModelError with this hint if it is no such file, or if within the block a tensor is
    missing or does not fit its layer.
    """
    try:
        yield read_state_dict(content)
    except KeyError as error:
        raise ModelError(f"the PyTorch file has no tensor {error.args[0]}", hint) from error
    except (pickle.UnpicklingError, zipfile.BadZipFile, ValueError) as error:
        raise ModelError(f"not the PyTorch file expected: {one_line(error)}", hint) from error


def keras_kernel(layer: keras.layers.Layer, kernel: np.ndarray) -> np.ndarray:
    """Return PyTorch's kernel of a convolution, (out, in, h, w), in the order of Keras."""
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def read_state_dict(content: bytes) -> dict[str, np.ndarray]:
    """Return the tensors of a state dict by name; ValueError if it is none."""
    try:
        zipped = zipfile.is_zipfile(io.BytesIO(content))
        views, storages = _read_zip(content) if zipped else _read_legacy(content)
        return {name: _array(view, storages[view.storage.key]) for name, view in views.items()}
    except (pickle.UnpicklingError, zipfile.BadZipFile):
        raise
    except Exception as error:  # a broken pickle raises any error of Python
        raise ValueError(f"no state dict ({type(error).__name__}: {error})") from error


def _read_zip(content: bytes) -> tuple[dict[str, _View], dict[str, np.ndarray]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        views = _views(archive.read(pickled))
        folder = pickled.removesuffix("data.pkl") + "data/"
        storages = {
            view.storage.key: np.frombuffer(
                archive.read(folder + view.storage.key), view.storage.dtype
            )
            for view in views.values()
        }
    return views, storages


def _read_legacy(content: bytes) -> tuple[dict[str, _View], dict[str, np.ndarray]]:
    file = io.BytesIO(content)
    for _ in range(LEGACY_HEADERS):
        _TensorUnpickler(file).load()
    views = _views(file)
    dtypes = {view.storage.key: view.storage.dtype for view in views.values()}
    storages = {}
    for key in _TensorUnpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        dtype = dtypes[str(key)]
        storages[str(key)] = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    return views, storages


def _views(pickled: bytes | io.BytesIO) -> dict[str, _View]:
    file = io.BytesIO(pickled) if isinstance(pickled, bytes) else pickled
    loaded = _TensorUnpickler(file).load()
    views = {name: view for name, view in loaded.items() if isinstance(view, _View)}
    if not views:
        raise ValueError("no tensors in it")
    return views


def _array(view: _View, storage: np.ndarray) -> np.ndarray:
    """Return the tensor; IndexError if it reaches beyond its storage."""
    steps = [(size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True)]
    if min((*steps, view.offset)) < 0 or view.offset + sum(steps) >= storage.size:
        raise IndexError("a tensor reaches beyond its storage")
    strides = [stride * storage.itemsize for stride in view.strides]
    flat = storage[view.offset :]
    return np.lib.stride_tricks.as_strided(flat, view.shape, strides, writeable=False)
