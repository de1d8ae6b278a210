"""Labels: of forty probabilities, the words that a user reads beside a face."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.attributes.labels import labels_for
from device.attributes.model_card import read_card
from tests.conftest import CARD

ATTRIBUTES = read_card(CARD).names  # the forty of CelebA
HALF = np.full(40, 0.5)


def labels(present: dict[str, float], shown=None) -> list[str]:
    """Return the labels for these probabilities, all others 0.1 and every threshold 0.5."""
    probabilities = np.array([present.get(name, 0.1) for name in ATTRIBUTES])
    return list(labels_for(ATTRIBUTES, probabilities, HALF, shown))


@pytest.mark.parametrize(
    "present, expected",
    [
        pytest.param({"No_Beard": 0.9, "Young": 0.9}, ["woman", "young"], id="nothing special"),
        pytest.param(
            {"Male": 0.9, "Young": 0.8, "No_Beard": 0.9, "Big_Nose": 0.7, "Smiling": 0.6},
            ["man", "young", "smiling", "big nose"],
            id="the most asked-for first",
        ),
        pytest.param(
            {"Black_Hair": 0.6, "Brown_Hair": 0.8, "Gray_Hair": 0.55, "No_Beard": 1},
            ["woman", "older", "brown hair"],
            id="one hair colour",
        ),
        pytest.param(
            {"Bald": 0.9, "Black_Hair": 0.6, "Straight_Hair": 0.9, "Bangs": 0.6, "No_Beard": 1},
            ["woman", "older", "bald"],
            id="a bald head has no hair",
        ),
        pytest.param(
            {"Wearing_Hat": 0.9, "Bald": 0.8, "Brown_Hair": 0.6, "Bangs": 0.7, "No_Beard": 1},
            ["woman", "older", "hat", "bangs", "brown hair"],
            id="a hat occludes a bald head",
        ),
        pytest.param({"Male": 0.9}, ["man", "older", "beard"], id="No_Beard absent is a beard"),
        pytest.param({"Male": 0.9, "No_Beard": 0.9}, ["man", "older"], id="No_Beard is no label"),
        pytest.param(
            {"Male": 0.9, "Goatee": 0.8}, ["man", "older", "goatee"], id="a goatee implies a beard"
        ),
    ],
)
def test_labels(present, expected):
    assert labels(present) == expected


def test_only_shown_attributes_have_labels_and_the_others_suppress_none():
    present = {"Smiling": 0.9, "Bald": 0.9, "Black_Hair": 0.8}
    assert labels(present, ("Smiling", "Black_Hair")) == ["smiling", "black hair"]
    assert labels(present, ()) == []


def test_attributes_of_another_model_are_their_names_in_lower_case():
    values, thresholds = np.array([0.9, 0.2]), np.array([0.5, 0.5])
    assert labels_for(("Red_Nose", "Tail"), values, thresholds) == ("red nose",)


@pytest.mark.parametrize("probability, expected", [(0.3, ("eyeglasses",)), (0.29, ())])
def test_the_threshold_itself_counts_as_present(probability, expected):
    assert labels_for(("Eyeglasses",), np.array([probability]), np.array([0.3])) == expected


@given(st.lists(st.floats(0, 1), min_size=40, max_size=40))
def test_no_label_twice_and_at_most_one_hair_colour(values):
    got = labels_for(ATTRIBUTES, np.array(values), HALF)
    assert len(got) == len(set(got)) and "" not in got
    assert sum(text in ("black hair", "blond hair", "brown hair", "gray hair") for text in got) <= 1
    assert ("man" in got) != ("woman" in got)
