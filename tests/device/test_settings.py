from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.cli.flags import read_settings
from device.errors import UsageError
from device.settings import (
    AttributesSettings,
    Settings,
    chosen_attributes,
    merge,
    read_toml,
    shown_and_logged,
)


def test_no_flag_gives_the_defaults():
    assert read_settings([]) == Settings()


def test_flags_go_before_the_file_and_the_file_before_defaults(tmp_path):
    file = tmp_path / "facet.toml"
    file.write_text('[faces]\ndetector = "full"\nmin_face = 40\n[camera]\nsource = 1\n')
    got = read_settings(["--config", str(file), "--min-face", "50"])
    assert (got.faces.detector, got.faces.min_face, got.camera.source) == ("full", 50.0, "1")
    assert got.outputs == Settings().outputs


def test_attributes_are_split_at_commas():
    assert read_settings(["--attributes", "Smiling,Male"]).attributes.show == ("Smiling", "Male")


@pytest.mark.parametrize(
    "tables, message",
    [
        ({"face": {}}, r"unknown \[face\]. Did you mean faces\?"),
        ({"faces": {"min_fase": 3}}, r"\[faces\] unknown setting min_fase. Did you mean min_face"),
        ({"faces": 3}, "faces is not a table"),
        ({"faces": {"min_face": "big"}}, r"min_face = 'big': expected a number"),
        ({"faces": {"min_face": True}}, "min_face = True: expected a number"),
        ({"outputs": {"headless": 1}}, "headless = 1: expected true or false"),
        ({"outputs": {"max_frames": 2.5}}, "max_frames = 2.5: expected a whole number"),
        ({"outputs": {"log": ""}}, "log = '': expected a path"),
        ({"attributes": {"show": "Smiling"}}, "expected a list of names"),
        ({"attributes": {"threads": 0}}, "threads = 0, need 1 to 64"),
        ({"faces": {"min_score": float("nan")}}, "min_score = nan, need 0.05 to 0.99"),
        ({"faces": {"detector": "bak"}}, "unknown detector bak. Did you mean back"),
        ({"faces": {"min_face": 10**400}}, "expected a number"),
        ({"outputs": {"log": "a\0b"}}, "expected a path"),
        ({"camera": {"fps": -1}}, "fps = -1, need 1 to 1000"),
    ],
)
def test_a_wrong_setting_is_explained(tables, message):
    with pytest.raises(UsageError, match=message):
        merge(Settings(), tables, "facet.toml")


@pytest.mark.parametrize("content", [b"[faces\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read the settings file .*bad.toml"):
        read_toml(path)


def test_a_missing_file_is_named():
    with pytest.raises(UsageError, match=r"no settings file nowhere.toml"):
        read_toml(Path("nowhere.toml"))


KEYS = st.sampled_from(["camera", "faces", "outputs", "source", "log", "show", "threads", "x"])
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_file_gives_settings_or_one_line(tables):
    try:
        assert isinstance(merge(Settings(), tables, "f.toml"), Settings)
    except UsageError as error:
        assert "\n" not in str(error) and str(error).startswith("f.toml")


NAMES = ("Bald", "Smiling", "Wearing_Hat")


def test_attributes_come_in_the_cards_order():
    assert chosen_attributes(("Wearing_Hat", "Bald"), NAMES) == ("Bald", "Wearing_Hat")


@pytest.mark.parametrize("show", [(), ("all",)])
def test_all_attributes(show):
    assert chosen_attributes(show, NAMES) == NAMES


@pytest.mark.parametrize("name, nearest", [("smilling", "Smiling"), ("wearing hat", "Wearing_Hat")])
def test_an_unknown_attribute_names_the_nearest(name, nearest):
    with pytest.raises(UsageError, match=f"unknown attribute '{name}'. Did you mean {nearest}"):
        chosen_attributes((name,), NAMES)


def test_an_attribute_like_none_lists_all():
    with pytest.raises(UsageError, match="EnrolledPerson attributes: Bald, Smiling, Wearing_Hat"):
        chosen_attributes(("zzzzz",), NAMES)


@pytest.mark.parametrize(
    "settings, shown, logged",
    [
        ({}, NAMES, NAMES),
        ({"show": ("Bald",)}, ("Bald",), ("Bald",)),
        ({"log": ("Bald",)}, NAMES, ("Bald",)),
        ({"show": ("Bald",), "log": ("all",)}, ("Bald",), NAMES),
        ({"show": ("Bald",), "log": ("Smiling",)}, ("Bald",), ("Smiling",)),
    ],
)
def test_what_is_shown_and_what_is_logged(settings, shown, logged):
    assert shown_and_logged(AttributesSettings(**settings), NAMES) == (shown, logged)


@pytest.mark.parametrize("place", ["show", "log"])
def test_what_is_not_computed_is_neither_shown_nor_logged(place):
    attributes = AttributesSettings(compute=NAMES, **{place: ("Male",)})
    with pytest.raises(
        UsageError, match=r"Male is not computed. Add it to compute in \[attributes"
    ):
        shown_and_logged(attributes, NAMES)


def test_the_flag_says_what_is_shown_and_logged(tmp_path):
    file = tmp_path / "facet.toml"
    file.write_text('[attributes]\nlog = ["Male"]\n')
    attributes = read_settings(["--config", str(file), "--attributes", "Bald"]).attributes
    assert attributes.show == attributes.logged == ("Bald",)
