"""Attributes of models and data are matched by name, wherever labels meet a card."""

import json
from unicodedata import normalize

import numpy as np
import pytest

from device.errors import UsageError
from train.data.match import match_data, matched_columns
from train.data.split import Dataset, Split
from train.evaluation.float_model import load_matched
from train.network.load import load_float
from train.training.run_dir import check_same_attributes

HINT = "another"


@pytest.mark.parametrize(
    "found, names, columns",
    [
        ((), (), []),
        ("ABC", "ABC", [0, 1, 2]),
        ("ABC", "CA", [2, 0]),
        ((normalize("NFD", "été"), "B"), ("B", normalize("NFC", "été")), [1, 0]),
    ],
    ids=["none", "equal", "some in another order", "Unicode forms"],
)
def test_columns_are_found_by_name(found, names, columns):
    assert matched_columns(found, names, "data", "model", HINT) == columns


@pytest.mark.parametrize(
    "names, message",
    [
        ("AX", "data lacks 1 attribute that model has: X. Try: another"),
        (("a",), "data lacks 1 attribute that model has: a. Try: another"),  # case counts
        ("UVWXYZ", r"data lacks 6 attributes that model has: U, V, W, X, Y, \.\.\. Try"),
    ],
    ids=["one", "case", "many"],
)
def test_missing_attributes_are_named(names, message):
    with pytest.raises(UsageError, match=message):
        matched_columns("ABC", names, "data", "model", HINT)


def test_data_is_cut_to_the_models_attributes():
    labels = np.array([[1, 0, 0], [0, 0, 1]], np.uint8)
    split = Split("val", (), labels, ("A", "B", "C"))
    matched = match_data(Dataset({"val": split}, (), ("A", "B", "C"), ""), ("C", "A"), "d", "m")
    assert matched.attributes == matched.splits["val"].attributes == ("C", "A")
    np.testing.assert_array_equal(matched.splits["val"].labels, [[0, 1], [1, 0]])


@pytest.mark.slow
def test_a_float_models_outputs_are_matched_by_name(run, tmp_path):
    names = ("Eyeglasses", "Male")
    crops = np.random.default_rng(0).integers(0, 256, (2, 40, 32, 3)).astype(np.float32)
    whole = load_float(run / "model.keras").predict_on_batch(crops)
    matched = load_matched(run / "model.keras", names, tmp_path / "card.json")
    np.testing.assert_allclose(matched.predict_on_batch(crops), whole[:, [4, 0]], atol=1e-6)
    with pytest.raises(UsageError, match=r"model\.keras lacks 1 attribute that .*card\.json has"):
        load_matched(run / "model.keras", ("Bald",), tmp_path / "card.json")


@pytest.mark.parametrize(
    "names, equal",
    [(["A", "B"], True), ([], True), (["B", "A"], False), (["A"], False)],
    ids=["equal", "unknown", "order", "fewer"],
)
def test_runs_that_are_joined_have_equal_attributes(tmp_path, names, equal):
    runs = [tmp_path / "a", tmp_path / "b"]
    for folder, attributes in zip(runs, (["A", "B"], names), strict=True):
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps({"settings": {"attributes": attributes}}))
    if equal:
        check_same_attributes(runs)
    else:
        with pytest.raises(UsageError, match=r"b has the attributes .*, .*a has A, B\. Try"):
            check_same_attributes(runs)
