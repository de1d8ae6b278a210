"""MobileNetV2 of torchvision: every tensor in its layer, and the input's scale absorbed."""

import numpy as np
import pytest

from device.errors import ModelError
from tests.train.weights.packages import install, legacy_file, zip_file
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.weights.__main__ import main
from train.weights.mobilenetv2 import EPSILON, TRAINED, build, pytorch_name
from train.weights.pytorch import BATCHNORM


def torchvision_names():
    """Return torchvision's names of convolutions and BatchNorm layers, in the network's order."""
    names = ["features.0.0", "features.0.1"]
    names += [f"features.1.conv.{part}" for part in (0, 1, 3, 4)]
    for block in range(2, 18):
        names += [f"features.{block}.conv.{part}" for part in (0, 1, 3, 4, 6, 7)]
    return [*names, "features.18.0", "features.18.1"]


@pytest.fixture(scope="module")
def tensors():
    """Made-up tensors in PyTorch's order of axes."""
    rng = np.random.default_rng(2)
    model = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))
    layers = [layer for layer in model.layers if layer.weights]
    made = {}
    for name, layer in zip(torchvision_names(), layers, strict=True):
        if isinstance(layer, keras.layers.BatchNormalization):
            for end in BATCHNORM:
                made[f"{name}.{end}"] = rng.uniform(0.5, 1.5, layer.gamma.shape)
        else:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            shape = [
                layer.kernel.shape[axis] for axis in ((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
            ]
            made[f"{name}.weight"] = rng.normal(0, 0.1, shape)
    return {name: array.astype(np.float32) for name, array in made.items()}


def test_names_are_those_of_torchvision(tensors):
    model = build(tensors)
    layers = [layer for layer in model.layers if layer.weights]
    assert [pytorch_name(layer.name) for layer in layers] == torchvision_names()


def test_the_input_is_scaled_as_the_original_was(tensors):
    """The first two layers of PyTorch, by hand; a picture of odd size has PyTorch's grid."""
    model = build(tensors)
    first = keras.Model(model.input, model.get_layer("bn_Conv1").output)
    rgb = np.random.default_rng(3).integers(0, 256, (1, 225, 225, 3)).astype(np.float32)
    ours = first.predict_on_batch((rgb - 127) / 127.5)
    normalised = np.pad((rgb - TRAINED.zero) / TRAINED.scale, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = tensors["features.0.0.weight"].transpose(2, 3, 1, 0)
    values = keras.ops.conv(normalised.astype(np.float32), kernel, strides=2, padding="valid")
    gamma, beta, mean, variance = (tensors[f"features.0.1.{end}"] for end in BATCHNORM)
    theirs = (np.asarray(values) - mean) / np.sqrt(variance + EPSILON) * gamma + beta
    assert ours.shape == theirs.shape
    inside = np.s_[:, 1:-1, 1:-1]  # padding is grey for one and ImageNet's mean for the other
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-4)


@pytest.mark.parametrize(
    "form", [pytest.param(legacy_file, marks=pytest.mark.slow), zip_file], ids=["legacy", "zip"]
)
def test_a_run_can_start_from_them(tensors, tmp_path, monkeypatch, capsys, form):
    counted = tensors | {"features.0.1.num_batches_tracked": np.array(5, np.int64)}
    package = install(monkeypatch, tmp_path, "mobilenetv2", [form(counted)])
    out = tmp_path / "new" / "m.weights.h5"
    main(["get", "mobilenetv2", "--package", str(package), "--out", str(out)])
    assert f"--backbone MobileNetV2 --weights {out}" in capsys.readouterr().out
    model = build_backbone(find_backbone("MobileNetV2"), (64, 80), str(out))
    kernel = model.get_layer("block_3_depthwise").get_weights()[0]
    theirs = tensors["features.4.conv.3.weight"].transpose(2, 3, 0, 1)
    np.testing.assert_array_equal(kernel, theirs)
    assert [path.name for path in out.parent.iterdir()] == ["m.weights.h5"]


def test_another_network_is_refused(tensors, tmp_path, monkeypatch):
    part = {name: array for name, array in tensors.items() if "features.9." not in name}
    package = install(monkeypatch, tmp_path, "mobilenetv2", [legacy_file(part)])
    out = tmp_path / "m.weights.h5"
    with pytest.raises(ModelError, match=r"no tensor features\.9\.conv\.0\.weight"):
        main(["get", "mobilenetv2", "--package", str(package), "--out", str(out)])
    assert not out.exists()
