import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.attributes.words import words
from train.data.celeba import ATTRIBUTES

HALF = np.full(40, 0.5)


def said(present: dict[str, float], shown=None) -> list[str]:
    probabilities = np.array([present.get(name, 0.1) for name in ATTRIBUTES])
    return words(ATTRIBUTES, probabilities, HALF, shown)


def test_nobody_in_particular():
    assert said({"No_Beard": 0.9, "Young": 0.9}) == ["woman", "young"]


def test_the_most_looked_for_comes_first():
    got = said({"Male": 0.9, "Young": 0.8, "No_Beard": 0.9, "Big_Nose": 0.7, "Smiling": 0.6})
    assert got == ["man", "young", "smiling", "big nose"]


def test_one_hair_colour_not_five():
    got = said({"Black_Hair": 0.6, "Brown_Hair": 0.8, "Gray_Hair": 0.55, "No_Beard": 1})
    assert [w for w in got if "hair" in w] == ["brown hair"]


def test_a_bald_head_has_no_hair():
    got = said({"Bald": 0.9, "Black_Hair": 0.6, "Straight_Hair": 0.9, "Bangs": 0.6, "No_Beard": 1})
    assert got == ["woman", "older", "bald"]


def test_under_a_hat_nobody_is_bald():
    got = said({"Wearing_Hat": 0.9, "Bald": 0.8, "Brown_Hair": 0.6, "Bangs": 0.7, "No_Beard": 1})
    assert got == ["woman", "older", "hat", "bangs", "brown hair"]


def test_no_beard_is_said_as_beard_when_absent():
    assert "beard" in said({"Male": 0.9})
    assert "beard" not in said({"Male": 0.9, "No_Beard": 0.9})


def test_a_goatee_is_said_instead_of_a_beard():
    got = said({"Male": 0.9, "Goatee": 0.8})
    assert "goatee" in got and "beard" not in got


def test_only_what_is_shown_is_said_and_hidden_things_hide_nothing():
    assert said({"Smiling": 0.9, "Bald": 0.9, "Black_Hair": 0.8}, ("Smiling", "Black_Hair")) == [
        "smiling",
        "black hair",
    ]


def test_attributes_of_another_model_are_said_as_they_are_written():
    assert words(("Red_Nose", "Tail"), np.array([0.9, 0.2]), np.array([0.5, 0.5])) == ["red nose"]


@pytest.mark.parametrize("probability, expected", [(0.3, True), (0.29, False)])
def test_the_threshold_itself_counts_as_present(probability, expected):
    got = words(("Eyeglasses",), np.array([probability]), np.array([0.3]))
    assert (got == ["eyeglasses"]) == expected


@given(st.lists(st.floats(0, 1), min_size=40, max_size=40))
def test_no_word_twice_and_at_most_one_hair_colour(values):
    got = words(ATTRIBUTES, np.array(values), HALF)
    assert len(got) == len(set(got)) and "" not in got
    assert sum(word in ("black hair", "blond hair", "brown hair", "gray hair") for word in got) <= 1
    assert ("man" in got) != ("woman" in got)
