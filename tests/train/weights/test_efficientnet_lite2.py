"""EfficientNet-Lite2 of PyTorch's file: every tensor in its layer."""

import numpy as np
import pytest

from tests.train.weights.packages import install, legacy_file
from train.keras_import import keras
from train.network.build import build
from train.network.efficientnet_lite import EfficientNetLite2
from train.weights import picture_check
from train.weights.__main__ import main
from train.weights.efficientnet_lite2 import pytorch_name
from train.weights.pytorch import BATCHNORM


@pytest.fixture(scope="module")
def pytorch_arrays():
    """Made-up arrays under PyTorch's names, in its order of axes."""
    rng = np.random.default_rng(2)
    arrays = {}
    for layer in EfficientNetLite2((64, 64, 3)).layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        if not layer.weights:
            continue
        name = pytorch_name(layer.name.removesuffix("_bn"), norm)
        if norm:
            for end in BATCHNORM:
                size = layer.gamma.shape
                arrays[f"{name}.{end}"] = rng.uniform(0.5, 1.5, size).astype(np.float32)
        else:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
            shape = [layer.kernel.shape[axis] for axis in order]
            arrays[f"{name}.weight"] = rng.normal(0, 0.1, shape).astype(np.float32)
    arrays["_fc.weight"] = rng.normal(0, 0.1, (1000, 1280)).astype(np.float32)
    arrays["_fc.bias"] = rng.normal(0, 0.1, 1000).astype(np.float32)
    return arrays


@pytest.mark.slow
def test_a_run_can_start_from_them(pytorch_arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(
        picture_check, "find_in_package", lambda package, name: None
    )  # numbers made up name no picture
    package = install(monkeypatch, tmp_path, "efficientnet-lite2", [legacy_file(pytorch_arrays)])
    out = tmp_path / "lite.weights.h5"
    main(["get", "efficientnet-lite2", "--package", str(package), "--out", str(out)])
    model = build(2, (64, 80), str(out), backbone="EfficientNetLite2")
    stem = model.get_layer("efficientnet_lite2").get_layer("stem").get_weights()[0]
    np.testing.assert_array_equal(stem, pytorch_arrays["_conv_stem.weight"].transpose(2, 3, 1, 0))
