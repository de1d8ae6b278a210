"""Starting from a model of other attributes, of another head, and from weights of Keras 2."""

import json
import shutil

import h5py
import numpy as np
import pytest

from device.attributes.model_card import read_card
from device.errors import ModelError
from tests.conftest import CARD
from train.data.celeba import ATTRIBUTES
from train.keras_import import keras
from train.network.backbones import build_backbone, find_backbone
from train.network.build import build, head_layers
from train.network.head import Head
from train.network.transfer import attributes_of

NAMES = ("Smiling", "Male", "Young")
WH = (32, 40)


def network(names, weights="none", head=None, **options):
    return build(len(names), WH, weights, backbone="SimpleCNN", head=head, names=names, **options)


def save(folder, names, head=None, record=True):
    """Save a model with random weights, also in its head's bias, and the names of its outputs."""
    folder.mkdir(exist_ok=True)
    model = network(names, head=head)
    rng = np.random.default_rng(0)
    for layer in head_layers(model):
        layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    model.save(folder / "model.keras")
    if record:
        (folder / "settings.json").write_text(
            json.dumps({"settings": {"attributes": []}, "attributes": names})
        )
    return model


def crops():
    return np.random.default_rng(1).integers(0, 256, (4, WH[1], WH[0], 3)).astype(np.float32)


@pytest.mark.parametrize(
    "names, of, to",
    [
        *((NAMES, of, to) for of in ("sigmoid", "softmax") for to in ("sigmoid", "softmax")),
        (NAMES[::-1], "softmax", "softmax"),
        (("Male",), "softmax", "sigmoid"),
        (("Bald", "Young"), "sigmoid", "softmax"),
        (("Male", "Bald", "Smiling", "Wearing_Hat"), "softmax", "softmax"),
    ],
    ids=["same", "same", "same", "same", "other order", "fewer", "another", "more"],
)
def test_a_head_takes_the_columns_of_equal_names(tmp_path, caplog, names, of, to):
    source = save(tmp_path / "s", NAMES, Head(output=of))
    with caplog.at_level("INFO", "facet"):
        model = network(names, str(tmp_path / "s" / "model.keras"), Head(output=to))
    before, after = (np.asarray(network_(crops())) for network_ in (source, model))
    for column, name in enumerate(names):
        if name in NAMES:
            np.testing.assert_allclose(after[:, column], before[:, NAMES.index(name)], atol=1e-5)
    anew = [name for name in names if name not in NAMES]
    assert [f"starts anew for {', '.join(anew)}" in line for line in caplog.messages] == (
        [True] if anew else []
    )


def test_a_head_without_a_common_name_starts_anew(tmp_path, caplog):
    save(tmp_path / "s", NAMES)
    with caplog.at_level("INFO", "facet"):
        network(("smile",), str(tmp_path / "s" / "model.keras"))
    (line,) = caplog.messages
    assert line.endswith("the head keeps no attribute, and starts anew for smile")


def test_a_head_of_other_layers_starts_anew_where_it_differs(tmp_path, caplog):
    save(tmp_path / "s", NAMES, Head(dense=(8, 6)))
    with caplog.at_level("INFO", "facet"):
        network(NAMES, str(tmp_path / "s" / "model.keras"), Head(dense=(8, 5)))
    assert [line.partition(": ")[2] for line in caplog.messages] == [
        "the layer dense_2 starts anew",
        "the head starts anew, it reads other features",
    ]


def test_names_that_nothing_records(tmp_path, caplog):
    source = save(tmp_path / "s", NAMES, record=False)
    path = tmp_path / "s" / "model.keras"
    assert attributes_of(path, 3) == () and attributes_of(path, 40) == ATTRIBUTES
    with caplog.at_level("INFO", "facet"):
        same = network(("a", "b", "c"), str(path))  # as many: taken in their order
        network(("a", "b"), str(path))
    np.testing.assert_array_equal(same.get_weights()[-1], source.get_weights()[-1])
    (line,) = caplog.messages
    assert line.endswith("no settings.json or card names its attributes")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"settings": 3}', '{"attributes": ["x"]}'])
def test_a_record_that_is_none_is_passed_over(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)
    assert attributes_of(tmp_path / "model.keras", 1) == ()


def test_the_committed_model_is_a_start_for_other_attributes(tmp_path, caplog):
    card, path = read_card(CARD), CARD.with_suffix(".keras")
    names = ("Young", "smile", "Smiling")
    assert attributes_of(path, 40) == card.names
    with caplog.at_level("INFO", "facet"):
        model = build(3, card.crop_wh, str(path), names=names)
    whole = keras.models.load_model(path, compile=False).get_layer("attributes").get_weights()
    for ours, theirs in zip(model.get_layer("attributes").get_weights(), whole, strict=True):
        for name in ("Young", "Smiling"):
            column = theirs[..., card.names.index(name)]
            np.testing.assert_array_equal(ours[..., names.index(name)], column)
    assert caplog.messages[-1].endswith("keeps Young, Smiling, and starts anew for smile")


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no float model"),
        (b"x", "is not a Keras model"),
        (("MobileNetV2", "block_1_expand"), "has the backbone mobilenet_v2, not simple_cnn"),
        (("SimpleCNN", "drop2"), "ends at the layer drop2. Try: --last-layer drop2"),
    ],
    ids=["missing", "broken", "other backbone", "shorter"],
)
def test_models_that_are_no_start(tmp_path, content, message):
    path = tmp_path / "x.keras"
    if isinstance(content, tuple):
        backbone, last = content
        build(1, WH, "none", last, backbone).save(path)
    elif content:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        network(NAMES, str(path))


def test_a_model_of_another_preprocessing_is_no_start(tmp_path):
    path = str(tmp_path / "x.keras")
    network(NAMES, preprocessing="signed").save(path)
    network(NAMES, path, preprocessing="signed")
    with pytest.raises(ModelError, match=r"another preprocessing. Try: the --preprocessing"):
        network(NAMES, path)


def keras_2_file(path, backbone, model_file):
    """Write a backbone's weights as Keras 2 did: a group per layer, its names in attributes."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if model_file else file
        layers = [layer for layer in backbone.layers if layer.weights]
        root.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        root.attrs["backend"], root.attrs["keras_version"] = b"tensorflow", b"2.15.0"
        for layer in layers:
            group = root.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.get_weights(), strict=True):
                group[name] = array


@pytest.mark.parametrize("model_file", [False, True], ids=["weights", "model"])
@pytest.mark.parametrize("name", ["x.h5", "x.weights.h5", "x.H5"])
def test_weights_of_keras_2_load_under_any_name(tmp_path, name, model_file):
    chosen = find_backbone("SimpleCNN")
    source = build_backbone(chosen, WH, "none")
    keras_2_file(tmp_path / name, source, model_file)
    for ours, theirs in zip(
        build_backbone(chosen, WH, str(tmp_path / name)).get_weights(),
        source.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["x.h5", "x.weights.h5"])
def test_weights_of_keras_3_load_under_any_name(tmp_path, name):
    chosen = find_backbone("SimpleCNN")
    source = build_backbone(chosen, WH, "none")
    source.save_weights(tmp_path / "a.weights.h5")
    shutil.move(tmp_path / "a.weights.h5", tmp_path / name)
    loaded = build_backbone(chosen, WH, str(tmp_path / name))
    np.testing.assert_array_equal(loaded.get_weights()[0], source.get_weights()[0])
