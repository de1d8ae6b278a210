"""The model card and the classifier that reads it: what is wrong with either has a name."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.attributes.classifier import Classifier, calibrated
from device.attributes.model_card import read_card, read_model_bytes
from device.errors import ModelError, UsageError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.types import OK, TOO_SMALL
from tests.conftest import CARD


@pytest.fixture
def model(tmp_path):
    """A copy of the committed model that a test may spoil."""
    for ending in (".json", ".tflite"):
        shutil.copy(CARD.with_suffix(ending), tmp_path)
    return tmp_path / CARD.name


def spoil(path, **changes):
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(record))


def test_a_card_survives_being_written_and_read(tmp_path):
    card = read_card(CARD)
    path = tmp_path / "copy.json"
    path.write_text(card.to_json())
    assert read_card(path) == card


def test_the_committed_card_has_forty_attributes_with_thresholds_inside():
    card = read_card(CARD)
    assert len(card.names) == 40 and card.crop_wh == (144, 180)
    assert all(0 < attribute.threshold < 1 for attribute in card.attributes)


def test_a_network_with_other_bytes_is_refused(model):
    path = model.with_suffix(".tflite")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"attributes.tflite does not match its card"):
        Classifier(model)


def test_a_file_that_is_no_network_is_refused(model):
    import hashlib

    path = model.with_suffix(".tflite")
    path.write_bytes(b"TFL3 but not really")
    spoil(model, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ModelError, match=r"attributes.tflite is not a "):
        Classifier(model)


def test_a_missing_network_is_named(model):
    model.with_suffix(".tflite").unlink()
    with pytest.raises(ModelError, match=r"attributes.tflite cannot be read: No such file"):
        Classifier(model)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no model card .*none.json"):
        read_card(tmp_path / "none.json")


def test_a_card_with_fewer_attributes_than_outputs_does_not_match(model):
    record = json.loads(model.read_text())
    spoil(model, attributes=record["attributes"][:39])
    with pytest.raises(ModelError, match=r"does not match .* the card says uint8 .*\(1, 39\)"):
        Classifier(model)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"file": "a\0.tflite"}, "malformed"),
        ({"file": "\ud800.tflite"}, "malformed"),
        ({"file": ""}, "malformed"),
        ({"file": "a" * 300}, "cannot be read"),
        ({"file": 5}, "malformed"),
        ({"sha256": "\ud800"}, "does not match|cannot be read"),
        ({"input": {"width": 10**400, "height": 160, "colour": "RGB"}}, "input of|malformed"),
        ({"input": {"width": 9999, "height": 9999, "colour": "RGB"}}, "input of"),
        ({"template": [[10**400, 1]] * 4}, "malformed"),
        ({"format": 2}, "format 2, this Facet reads 1"),
        ({"file": "../../etc/passwd"}, "is not a name beside the card"),
        ({"attributes": []}, "attributes are missing"),
        ({"template": [[1, 2]]}, "template of 1 points"),
        ({"template": [[1, 2]] * 4}, "template whose points lie in one place"),
        ({"input": {"width": 1e999, "height": 160, "colour": "RGB"}}, "malformed"),
        ({"input": {"width": 128, "height": 160, "colour": "BGR"}}, "colour 'BGR'"),
        ({"input": {"width": 0, "height": 160, "colour": "RGB"}}, "input of 0x160"),
        ({"input": {"height": 160, "colour": "RGB"}}, "lacks 'width'"),
    ],
)
def test_a_malformed_card_is_an_error_that_says_why(model, changes, message):
    spoil(model, **changes)
    with pytest.raises(ModelError, match=message) as raised:
        read_model_bytes(read_card(model), model.parent)
    assert "\n" not in str(raised.value) and "\0" not in str(raised.value)


@pytest.mark.parametrize("names", [["\ud800"], ["a\0b"], ["\x1b[31m"], [""], ["a", "a"]])
def test_names_of_attributes_can_be_printed(model, names):
    entry = json.loads(model.read_text())["attributes"][0]
    spoil(model, attributes=[{**entry, "name": name} for name in names])
    with pytest.raises(ModelError, match="malformed"):
        read_card(model)


def test_a_card_may_begin_with_a_byte_order_mark(model):
    before = read_card(model)
    model.write_bytes(b"\xef\xbb\xbf" + model.read_bytes())
    assert read_card(model) == before


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["format", "file", "input", "attributes", "template"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_gives_a_card_or_a_model_error(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "odd.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ModelError, match=r"odd.json"):
        read_card(path)


def test_calibration_by_hand():
    # logit(0.5) = 0: slope 2, offset 1 give sigmoid(1) = 0.731; slope 1, offset 0 change nothing.
    got = calibrated(np.array([0.5, 0.25]), np.array([2.0, 1.0]), np.array([1.0, 0.0]))
    np.testing.assert_allclose(got, [0.7311, 0.25], atol=1e-4)


def test_calibration_of_certain_outputs_is_finite():
    got = calibrated(np.array([0.0, 1.0]), np.ones(2), np.zeros(2))
    assert 0 < got[0] < 0.01 and 0.99 < got[1] < 1


@pytest.mark.parametrize(
    "portrait, present, absent",
    [
        ("astronaut", {"Smiling"}, {"Eyeglasses", "Bald", "Mustache", "Wearing_Hat"}),
        ("admiral", {"Eyeglasses", "Wearing_Hat"}, {"Blond_Hair", "Young", "Goatee"}),
    ],
)
def test_portraits_are_classified_correctly(request, portrait, present, absent):
    picture = request.getfixturevalue(portrait)
    classifier = Classifier(CARD)
    (face,) = BlazeFace().detect(picture)
    values = classifier.classify(classifier.geometry.crop(picture, face.landmarks))
    pairs = zip(classifier.card.names, values >= classifier.thresholds, strict=True)
    found = {name for name, is_present in pairs if is_present}
    assert present <= found and not absent & found


def test_a_rejected_face_is_not_classified(astronaut):
    classifier = Classifier(CARD)
    (face,) = BlazeFace().detect(astronaut)
    accepted = classifier.classify_face(astronaut, face, NO_LIMITS)
    assert accepted.quality.state == OK and accepted.probabilities.shape == (40,)
    strict = dataclasses.replace(NO_LIMITS, min_face=1000.0)
    rejected = classifier.classify_face(astronaut, face, strict)
    assert rejected.quality.state == TOO_SMALL and rejected.probabilities is None


def test_a_card_decides_the_attributes_not_the_code(model):
    record = json.loads(model.read_text())
    for number, attribute in enumerate(record["attributes"]):
        attribute["name"] = f"Trait_{number}"
    spoil(model, attributes=record["attributes"])
    assert Classifier(model).card.names[3] == "Trait_3"


def test_a_network_is_checked_against_the_card_itself():
    card = dataclasses.replace(read_card(CARD), sha256="0" * 64)
    with pytest.raises(ModelError, match="git checkout"):
        read_model_bytes(card, CARD.parent)


def test_only_the_wanted_attributes_leave_the_classifier(astronaut):
    whole, two = Classifier(CARD), Classifier(CARD, wanted=("Young", "Smiling"))
    assert two.card.names == ("Smiling", "Young")  # in the card's order
    (face,) = BlazeFace().detect(astronaut)
    crop = whole.geometry.crop(astronaut, face.landmarks)
    columns = [whole.card.names.index(name) for name in two.card.names]
    np.testing.assert_array_equal(two.classify(crop), whole.classify(crop)[columns])
    with pytest.raises(UsageError, match=r"unknown attribute 'Smilling'. Try: Smiling"):
        Classifier(CARD, wanted=("Smilling",))
