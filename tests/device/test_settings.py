"""The schema of the settings, and values from TOML checked against it."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config import Table, about, merge, override, read_toml, settings_of, tables_of
from device.errors import UsageError
from device.settings import (
    CameraSettings,
    LineSettings,
    OutputsSettings,
    RotationSettings,
    Settings,
    load_settings,
)
from device.settings.analysis import MODEL, PEOPLE
from device.text import text
from tests.conftest import ROOT

SETTINGS = [
    (table, setting)
    for table, part in tables_of(Settings).items()
    for setting in settings_of(part).values()
]
DAILY = Settings(rotation=RotationSettings(daily=True))  # what keep_days and min_free_mb need
NAMED = {"ids": [f"{table}.{setting.name}" for table, setting in SETTINGS]}


def toml(table: str, key: str, value: object) -> dict:
    return {table: {key: value}}


@pytest.mark.parametrize("table, setting", SETTINGS, **NAMED)
def test_a_setting_has_help_and_limits_around_its_default(table, setting):
    assert setting.help and not setting.help.endswith("."), "a phrase"
    assert setting.optional or isinstance(setting.default, (setting.item and tuple) or setting.type)
    if setting.type in (int, float):
        assert setting.least is not None and setting.most is not None
        assert setting.allows(setting.default)
        for value in (setting.least, setting.most):
            merged = merge(DAILY, toml(table, setting.name, setting.type(value)), "f.toml")
            assert getattr(getattr(merged, table), setting.name) == value
    if setting.choices:
        assert setting.default in setting.choices


RULE = {"when": "Smiling", "do": "gpio", "pin": 17}


@pytest.mark.parametrize(
    "rules, message, hint",
    [
        ({"when": "x"}, r"\[\[rules\]\] = .*, need tables", r"\[\[rules\]\] on a line"),
        ([RULE, 3], r"\[\[rules\]\] 2: = 3, need a table", r"\[\[rules\]\] on a line"),
        ([RULE, RULE | {"pun": 1}], r"\[\[rules\]\] 2: unknown setting pun", "pin"),
        ([RULE | {"pin": 99}], r"\[\[rules\]\] 1: pin = 99, need -1 to 53", "pin = -1"),
        ([{"do": "gpio"}], r"\[\[rules\]\] 1: has no condition", "when = "),
        ([{"when": "x"}], r"\[\[rules\]\] 1: does nothing", "do = "),
        ([{"when": "x", "do": "command", "argv": ["a", "b\0"]}], "has a NUL character", "name"),
        ([{"when": "x", "do": "mqtt", "name": "\0"}], "has a NUL character", "name"),
        ([{"when": "x", "do": "gipo"}], "do = .gipo. is unknown", "gpio"),
        ([{"when": "x", "do": "gpio"}], 'do = "gpio" without pin', "pin = 17"),
        ([{"when": "x", "do": "command"}], "without argv", "argv = "),
        ([{"when": "x", "do": "snapshot"}], "without folder", "folder = "),
        ([{"when": "x", "do": "webhook"}], "without url", "url = "),
        ([{"when": "x", "do": "webhook", "url": "ftp://a"}], "need an http", "url = "),
    ],
)
def test_wrong_tables_of_an_array_are_named_by_their_number(rules, message, hint):
    with pytest.raises(UsageError, match=rf"^f.toml: .*{message}.*\. Try: {hint}"):
        merge(Settings(), {"rules": rules}, "f.toml")


def test_an_array_that_is_misspelt_is_named():
    with pytest.raises(UsageError, match=r"unknown \[\[rulez\]\]\. Try: rules"):
        merge(Settings(), {"rulez": [RULE]}, "f.toml")


@pytest.mark.parametrize(
    "metrics, message, hint",
    [
        ({"listen": "127.0.0.1:99999"}, "is no address to listen on", "127.0.0.1:9842"),
        ({"file": "facet.txt"}, r"does not end in \.prom", 'file = "facet.prom"'),
    ],
)
def test_metrics_need_a_port_and_the_ending_that_node_exporter_reads(metrics, message, hint):
    with pytest.raises(UsageError, match=rf"\[metrics\] .*{message}\. Try: {hint}"):
        merge(Settings(), {"metrics": metrics}, "f.toml")
    assert not Settings().metrics.enabled


@pytest.mark.parametrize(
    "values, message, hint",
    [
        ({"keep_days": 30}, "keep_days without daily", "daily = true in [rotation]"),
        (
            {"min_free_mb": 1},
            "min_free_mb without older files to delete",
            "daily = true or max_mb in [rotation]",
        ),
    ],
)
def test_settings_that_do_not_go_together(values, message, hint):
    with pytest.raises(UsageError) as error:
        merge(Settings(), {"rotation": values}, "f.toml")
    assert str(error.value) == f"f.toml: [rotation] {message}. Try: {hint}"
    assert merge(Settings(), {"rotation": values | {"daily": True}}, "f.toml").rotation.daily


@pytest.mark.parametrize(
    "tables, message",
    [
        # Names.
        ({"face": {}}, "unknown [face]. Try: faces"),
        ({"zzz": {}}, "unknown [zzz]. Try: one of camera, faces, tracks, attributes, runtime, "),
        ({"detect_hz": 5}, "unknown setting detect_hz. Try: "),
        ({"faces": {"min_fase": 3}}, "[faces] unknown setting min_fase. Try: min_face"),
        ({"faces": {"detekt": 3}}, "[faces] unknown setting detekt. Try: detector"),
        ({"faces": 3}, "[faces] = 3, need a table. Try: [faces] on a line"),
        # Types.
        ({"faces": {"min_face": "big"}}, "min_face = 'big', need a number, 0 to 16384"),
        ({"faces": {"min_face": True}}, "min_face = true, need a number"),
        ({"faces": {"min_face": 10**400}}, "need a number"),
        ({"outputs": {"headless": 1}}, "headless = 1, need true or false"),
        ({"outputs": {"max_frames": 2.5}}, "max_frames = 2.5, need a whole number, 0 to 90071"),
        ({"outputs": {"log": ""}}, "log = '', need a path"),
        ({"outputs": {"log": "a\0b"}}, "need a path"),
        ({"outputs": {"log": "~nobody-has-this-name/x"}}, "need a path"),
        ({"camera": {"source": 1.5}}, "source = 1.5, need text"),
        ({"camera": {"width": None}}, "width = None, need a whole number, 16 to 16384"),
        ({"attributes": {"show": "Smiling"}}, 'need a list of names, such as ["Smiling"]'),
        ({"attributes": {"show": ["Smiling", 1]}}, "need a list of names"),
        # Arrays of tables.
        ({"lines": 3}, "[[lines]] = 3, need tables. Try: [[lines]] on a line"),
        ({"lines": {"name": "a"}}, "need tables. Try: [[lines]] on a line"),
        ({"lines": [{"name": "a"}, 3]}, "[[lines]] 2: = 3, need a table. Try: [[lines]] on a l"),
        ({"lines": [{"names": "a"}]}, "[[lines]] 1: unknown setting names. Try: name"),
        ({"line": [{"name": "a"}]}, "unknown [[line]]. Try: lines"),
        ({"lines": [{}]}, '[[lines]] 1: a line without a name. Try: name = "door"'),
        ({"lines": [{"name": "a", "to": [0, 0.5]}]}, "1: from and to are the same point"),
        ({"lines": [{"name": "a", "to": [1, 2]}]}, "1: to = [1, 2], need each 0 to 1"),
        ({"lines": [{"name": "a", "to": [1]}]}, "to = [1], need 2 numbers, such as [1.0, 0.5]"),
        ({"lines": [{"name": "a"}, {"name": "a"}]}, "two [[lines]] have the name a. Try: name = "),
        # Limits.
        ({"faces": {"detect_hz": 0}}, "[faces] detect_hz = 0, need 0.1 to 1000"),
        ({"runtime": {"threads": 0}}, "[runtime] threads = 0, need 1 to 64"),
        ({"camera": {"fps": -1}}, "[camera] fps = -1, need 1 to 1000"),
        (
            {"faces": {"min_score": float("nan")}},
            "nan, need 0.05 to 0.99. Try: min_score = 0.6",
        ),
        ({"tracks": {"max_lost_s": float("inf")}}, "max_lost_s = inf, need 0 to 3600"),
        ({"faces": {"detector": "bak"}}, "[faces] detector = 'bak' is unknown. Try: back"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tables, message):
    with pytest.raises(UsageError) as error:
        merge(Settings(), tables, "facet.toml")
    assert str(error.value).startswith("facet.toml: ") and message in str(error.value)


@pytest.mark.parametrize(
    "table, key, given, expected",
    [
        ("camera", "source", 0, "0"),
        ("faces", "min_face", 40, 40.0),
        ("outputs", "log", None, None),
        ("attributes", "show", ["Bald"], ("Bald",)),
        ("attributes", "compute", [], ()),
    ],
)
def test_values_become_the_type_of_their_setting(table, key, given, expected):
    got = getattr(getattr(merge(Settings(), toml(table, key, given), "f.toml"), table), key)
    assert got == expected and type(got) is type(expected)


def test_an_array_of_tables_has_an_entry_for_each():
    lines = [{"name": "door", "from": [0, 0.25], "to": (1, 1)}, {"name": "gate"}]
    expected = (LineSettings("door", (0.0, 0.25), (1.0, 1.0)), LineSettings("gate"))
    assert merge(Settings(), {"lines": lines}, "f.toml").lines == expected
    assert override(Settings(), {"lines": lines}).lines == expected
    assert override(Settings(), {"lines": expected}).lines == expected


def test_a_path_may_begin_with_a_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    merged = merge(Settings(), {"outputs": {"log": "~/faces.csv"}}, "f.toml")
    assert merged.outputs.log == tmp_path / "faces.csv"


def test_what_a_file_leaves_out_stays():
    merged = merge(Settings(camera=CameraSettings(fps=5)), {"camera": {"width": 320}}, "f.toml")
    assert merged == Settings(camera=CameraSettings(fps=5, width=320))


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, {}),
        (
            {"detector": "full", "min_hits": 1},
            {"faces": {"detector": "full"}, "tracks": {"min_hits": 1}},
        ),
        (
            {"faces": {"min_score": 0.7}, "detect_hz": 2},
            {"faces": {"min_score": 0.7, "detect_hz": 2}},
        ),
        ({"min_face": 40}, {"faces": {"min_face": 40}}),  # the one with a flag
        (
            {"people": {"min_face": 50}, "source": "demo"},
            {"people": {"min_face": 50}, "camera": {"source": "demo"}},
        ),
        ({"log": "a.csv"}, {"outputs": {"log": "a.csv"}}),
    ],
)
def test_settings_by_their_key_alone(values, expected):
    assert override(Settings(), values) == merge(Settings(), expected, "expected")


@pytest.mark.parametrize(
    "values, message",
    [
        ({"min_fase": 1}, "settings: unknown setting min_fase. Try: min_face"),
        (
            {"min_score": 0.7},
            "settings: min_score is a key of faces and people. Try: faces={'min_score': 0.7}",
        ),
        ({"min_hits": 0}, "settings: [tracks] min_hits = 0, need 1 to 1000"),
        ({"faces": {"serch": 5}}, "settings: [faces] unknown setting serch. Try: "),
        ({"faces": 5}, "settings: [faces] = 5, need a table"),
    ],
)
def test_a_wrong_key_is_named(values, message):
    with pytest.raises(UsageError) as error:
        override(Settings(), values)
    assert str(error.value).startswith(message)


def test_settings_are_frozen_and_hashable():
    with pytest.raises(AttributeError):
        Settings().camera.fps = 5
    assert hash(Settings()) == hash(Settings()) and len({Settings(), Settings()}) == 1
    changed = msgspec.structs.replace(Settings(), outputs=OutputsSettings(headless=True))
    assert changed != Settings()


class Lists(Table, frozen=True):
    """Lists of a fixed and of any length, and a choice that may be none."""

    size_wh: Annotated[tuple[int, int], about("size", "px", (32, 64))] = (32, 40)
    units: Annotated[tuple[int, ...], about("units", "", (1, None))] = ()
    stop: Annotated[str, about("metric, or none", choices=("", "loss", "auc"))] = ""


def test_the_limits_of_a_list_are_those_of_its_items():
    values = {"size_wh": [64, 32], "units": [1, 9], "stop": ""}
    assert merge(Lists(), values, "f") == Lists((64, 32), (1, 9))
    assert [one.limits for one in settings_of(Lists).values()] == [
        "each 32 to 64",
        "each at least 1",
        "loss or auc",
    ]


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("size_wh", [32, 65], "f: size_wh = [32, 65], need each 32 to 64"),
        ("size_wh", [32], "need 2 whole numbers, such as [128, 160], each 32 to 64"),
        ("size_wh", ["32", "40"], "need 2 whole numbers, such as [128, 160], each 32 to 64"),
        ("units", [4, 0], "f: units = [4, 0], need each at least 1"),
        ("units", 4, "need a list of whole numbers, such as [128, 160], each at least 1"),
        ("stop", "acu", "f: stop = 'acu' is unknown. Try: auc"),
        ("stop", "x", "f: stop = 'x' is unknown. Try: one of loss, auc"),
    ],
)
def test_a_wrong_list_or_choice_is_named(key, value, message):
    with pytest.raises(UsageError) as error:
        merge(Lists(), {key: value}, "f")
    assert message in str(error.value)


DEEP = b"a = " + b"[" * 9999


@pytest.mark.parametrize("content", [b"[faces\n", b"\xff\xfe", b"a = 1\na = 2\n", DEEP])
def test_a_file_that_is_no_toml_is_named(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read the settings file .*bad.toml"):
        read_toml(path)


def test_a_file_overlays_the_defaults(tmp_path):
    file = tmp_path / "facet.toml"
    file.write_text("[camera]\nfps = 5\n")
    assert load_settings(file) == Settings(camera=CameraSettings(fps=5))
    assert load_settings(str(file)) == load_settings(file)
    file.write_text("[camera]\nfps = 0\n")
    with pytest.raises(UsageError, match=r"facet.toml: \[camera\] fps = 0, need 1 to 1000"):
        load_settings(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no settings file .*nowhere.toml. Try: python -m device"):
        read_toml(tmp_path / "nowhere.toml")
    with pytest.raises(UsageError, match="cannot read the settings file"):
        read_toml(tmp_path)


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, ""),
        (True, "on"),
        (False, "off"),
        (24.0, "24"),
        (10_000, "10000"),
        (("a", "b"), "a, b"),
        (MODEL, "models/attributes.json"),
        (PEOPLE, "~/.local/share/facet/people.json"),
        (ROOT.parent / "x", str(ROOT.parent / "x")),
    ],
)
def test_defaults_as_text(value, expected):
    assert text(value) == expected


KEYS = st.sampled_from(["camera", "faces", "outputs", "source", "log", "show", "threads", "x"])
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("number", ["0x" + "f" * 9999, "9" * 9999, "1e400", "-inf", "nan"])
@pytest.mark.parametrize("key", ["min_face", "yunet", "detector", "min_score"])
def test_a_huge_number_is_one_line(tmp_path, number, key):
    (tmp_path / "a.toml").write_text(f"[faces]\n{key} = {number}\n")
    with pytest.raises(UsageError) as raised:
        load_settings(tmp_path / "a.toml")
    assert len(str(raised.value)) < 400 and "\n" not in str(raised.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    text = "\ufeff[faces]\nmin_face = 30\n"
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    assert load_settings(tmp_path / "a.toml").faces.min_face == 30
    (tmp_path / "a.toml").write_text(text, encoding="utf-16-le")
    with pytest.raises(UsageError, match="cannot read the settings file"):
        load_settings(tmp_path / "a.toml")


@settings(max_examples=100)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_file_gives_settings_or_one_line(tables):
    try:
        assert isinstance(merge(Settings(), tables, "f.toml"), Settings)
    except UsageError as error:
        assert "\n" not in str(error) and str(error).startswith("f.toml")


def test_a_key_that_a_connection_has_too_means_the_library_s():
    changed = override(Settings(), {"user": "ada", "name": "door"})
    assert (changed.camera.user, changed.mqtt.user, changed.mqtt.name) == ("ada", "", "")


@pytest.mark.parametrize(
    "text, message",
    [
        ('id = "a/b"', r"id = 'a/b', need up to 64 letters"),
        ('discovery = "a/#"', r"discovery = 'a/#' is no level of a topic"),
        ('ca_file = "ca.pem"', "ca_file without tls"),
        pytest.param(f'user = "{"a" * 65_536}"', "need up to 65,535 bytes", id="long user"),
        ('password_file = "secret"', "password_file without user"),
    ],
)
def test_mqtt_settings_that_cannot_be_used_are_refused(tmp_path, text, message):
    file = tmp_path / "facet.toml"
    file.write_text(f"[mqtt]\n{text}\n")
    with pytest.raises(UsageError, match=message):
        load_settings(file)


@pytest.mark.parametrize(
    "name, hint", [("a.txt", "a.prom"), ("/x/y", "/x/y.prom"), ("/", "/facet.prom")]
)
def test_a_file_of_metrics_that_node_exporter_does_not_read(name, hint):
    with pytest.raises(UsageError, match=re.escape(f'file = "{hint}"')):
        merge(Settings(), {"metrics": {"file": Path(name)}}, "test")
