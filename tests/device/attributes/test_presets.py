"""Attributes selected by preset or by name."""

import pytest

from device.attributes.model_card import read_card
from device.attributes.presets import OBSERVABLE, select_attributes, shown_and_logged
from device.errors import UsageError
from device.settings import AttributesSettings
from tests.conftest import CARD

NAMES = ("Attractive", "Bald", "Smiling", "Wearing_Hat", "Young")
SEEN = ("Bald", "Smiling", "Wearing_Hat")
CELEBA = read_card(CARD).names


def test_the_preset_has_what_a_photo_shows_and_no_opinions():
    assert set(CELEBA) >= OBSERVABLE and len(OBSERVABLE) == 22
    left = {"Attractive", "Young", "Male", "Big_Nose", "Oval_Face", "Chubby", "Pale_Skin", "Blurry"}
    assert not OBSERVABLE & left
    assert select_attributes(("observable",), CELEBA) == tuple(n for n in CELEBA if n in OBSERVABLE)


@pytest.mark.parametrize(
    "wanted, names, expected",
    [
        ((), NAMES, NAMES),
        (("all",), NAMES, NAMES),
        (("ALL",), NAMES, NAMES),
        (("observable",), NAMES, SEEN),
        (("Observable",), NAMES, SEEN),
        (("observable", "Young"), NAMES, (*SEEN, "Young")),
        (("observable", "all"), NAMES, NAMES),
        (("Young", "Bald"), NAMES, ("Bald", "Young")),
        (("observable",), ("Smiling",), ("Smiling",)),
        (("observable",), ("Young", "Helmet"), ("Young", "Helmet")),
        (("observable", "Helmet"), ("Young", "Helmet"), ("Helmet",)),
        (("all",), ("all", "Bald"), ("all",)),
    ],
)
def test_attributes_are_selected_in_the_cards_order(wanted, names, expected):
    assert select_attributes(wanted, names) == expected


@pytest.mark.parametrize(
    "name, nearest",
    [
        ("smilling", "Smiling"),
        ("wearing hat", "Wearing_Hat"),
        ("observabel", "observable"),
        ("zzzzz", "one of Attractive, Bald, Smiling, Wearing_Hat, Young, observable, all"),
    ],
)
def test_an_unknown_attribute_names_the_nearest(name, nearest):
    with pytest.raises(UsageError) as error:
        select_attributes((name,), NAMES)
    assert str(error.value) == f"unknown attribute {name!r}. Try: {nearest}"


@pytest.mark.parametrize(
    "settings, shown, logged",
    [
        ({}, SEEN, SEEN),
        ({"show": ()}, NAMES, NAMES),
        ({"show": ("Bald",)}, ("Bald",), ("Bald",)),
        ({"logged": ("Bald",)}, SEEN, ("Bald",)),
        ({"show": ("Bald",), "logged": ("all",)}, ("Bald",), NAMES),
        ({"show": ("Bald",), "logged": ("Smiling",)}, ("Bald",), ("Smiling",)),
    ],
)
def test_what_is_shown_and_what_is_logged(settings, shown, logged):
    assert shown_and_logged(AttributesSettings(**settings), NAMES) == (shown, logged)


def test_of_a_preset_only_what_is_computed_is_shown():
    attributes = AttributesSettings(compute=("Bald", "Young"))
    assert shown_and_logged(attributes, ("Bald", "Young")) == (("Bald",), ("Bald",))


@pytest.mark.parametrize("place", ["show", "logged"])
def test_what_is_not_computed_is_neither_shown_nor_logged(place):
    attributes = AttributesSettings(compute=NAMES, **{place: ("Male",)})
    with pytest.raises(
        UsageError, match=r'Male is not computed. Try: compute = \["Male", ...\] in'
    ):
        shown_and_logged(attributes, NAMES)
