"""The messages, their schemas in docs/schemas/, and Home Assistant's discovery."""

import json
import re
import string
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.mqtt import discovery, messages
from device.mqtt.topics import Topics, topics_of
from device.mqtt.values import InView
from device.outputs.visit_id import NAMING, visit_id
from device.outputs.visit_log import FIXED
from device.rules.actions import body_of
from device.settings import LineSettings, MqttSettings
from device.types import Line, LineCount
from tests.conftest import ROOT
from tests.device.mqtt.broker import Listener, wait_until
from tests.device.mqtt.camera import Camera
from tests.device.outputs.made_up import face, result
from tests.device.rules.made_up import SMILES, crossing, firing, frames, person, watch

THRESHOLDS = {"Smiling": 0.5}
PART = {"platform": "sensor"}
TOPICS = Topics("cam", "homeassistant")
ROW = {
    "first_seen": "2026-01-02T12:00:00.250Z",
    "last_seen": "2026-01-02T12:00:09.000Z",
    "source": "usb:0",
    "track": "7",
    "dwell_s": "8.8",
    "frames_classified": "40",
    "Smiling": "0.912",
    "Bald": "0.003",
    "person": "Ada",
    "person_score": "0.9",
}
LINES = (LineSettings(name="door"), LineSettings(name="gate"))
EVERYTHING = MqttSettings(people=True, snapshot=True, attributes=("Smiling", "Wearing_Hat"))


def schema(name: str) -> dict:
    return json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_text())


def check(name: str, content: object) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.Draft202012Validator(found).validate(content)


def visit(row=ROW, thresholds=THRESHOLDS, named=False):
    payload = messages.visit(row, "cam", thresholds, named)
    return None if payload is None else json.loads(payload)


def test_every_message_of_a_real_run_fits_its_schema(tmp_path, broker):
    names = {
        "facet/cam/run": "run",
        "facet/cam/state": "state",
        "facet/cam/diagnostics": "diagnostics",
    }
    names |= {"facet/cam/visit": "visit", "homeassistant/device/facet_cam/config": "discovery"}
    names |= {"facet/cam/lines": "lines", "facet/cam/crossing": "crossing"}
    names |= {"facet/cam/rules/smile": "rule"}
    options = {"attributes": ("Smiling", "Bald"), "snapshot": True, "people": True}
    with Listener(broker.port, "facet/#", "homeassistant/#") as listener:
        with Camera(tmp_path, broker.port, recognition=True, lines=LINES, **options) as camera:
            wait_until(lambda: listener.of("facet/cam/status"), "the connection")
            camera.publish("rules/smile", body_of(firing()))
            camera.cross("door", "in")
            camera.visit(2, person="Ada")
            camera.visit(1, values=None)
            camera.see(face(9, person="Ada"))
            wait_until(lambda: len(listener.of("facet/cam/visit")) == 4, "4 visits")
            wait_until(lambda: listener.of("facet/cam/snapshot"), "a snapshot")
        wait_until(lambda: listener.last("facet/cam/status") == b"offline", "the end")
        seen = set()
        for topic, payload, _ in listener.messages:
            if topic == "facet/cam/status":
                check("status", payload.decode())
            elif topic != "facet/cam/snapshot":
                check(names[topic], json.loads(payload))
            seen.add(topic)
    assert seen == {*names, "facet/cam/status", "facet/cam/snapshot"}


def test_a_schema_without_a_topic_or_the_other_way_round_does_not_exist():
    found = {path.stem for path in (ROOT / "docs" / "schemas").glob("*.json")}
    assert found == {
        *("status", "state", "diagnostics", "visit", "run", "discovery"),
        *("lines", "crossing", "rule", "counts"),
    }


@pytest.mark.parametrize("visits", ["", "0", "12"])
def test_a_row_of_counts_fits_its_schema(visits):
    row = dict.fromkeys(messages.COUNTED, "") | {
        "end": "2026-01-02T13:00:00.000Z",
        "start": "2026-01-02T12:00:00.000Z",
        "source": "usb:0",
        "kind": "visits",
        "visits": visits,
    }
    first, other = (json.loads(messages.counts(row, camera)) for camera in ("cam", "door"))
    check("counts", first)
    assert first["visits"] == (int(visits) if visits else None)
    assert first == json.loads(messages.counts(row, "cam")) and first["id"] != other["id"]


@pytest.mark.parametrize("row", [{}, {"end": "x"}, dict.fromkeys(messages.COUNTED, "x")])
def test_what_is_no_row_of_counts_is_no_message(row):
    assert messages.counts(row, "cam") is None


def test_every_firing_fits_its_schema():
    crosses = watch('crossed_in == "door"').update(crossing("in"))
    crowd = watch("people > 0").update(*frames({1: SMILES}))
    (one,) = frames({})
    one = replace(one, faces=[person(1, SMILES, "Ada")])
    named = watch('person == "Ada" and Smiling').update(one)
    made = [firing(), *crosses, *crowd, *named]
    assert len(made) == 4
    for one in made:
        check("rule", json.loads(body_of(one)))


def test_a_visit_has_the_attributes_asked_for_and_no_name():
    assert visit() == {
        "id": visit_id(ROW, "cam"),
        "first_seen": "2026-01-02T12:00:00.250Z",
        "last_seen": "2026-01-02T12:00:09.000Z",
        "clock_set": True,
        "dwell_s": 8.8,
        "frames_classified": 40,
        "attributes": {"Smiling": 0.912},
        "mood": "smiling",
    }
    assert "mood" not in visit(thresholds={}) and visit(thresholds={})["attributes"] == {}


def test_the_mood_is_that_of_smiling():
    moods = [visit(ROW | {"Smiling": value})["mood"] for value in ("0.5", "0.499", "")]
    assert moods == ["smiling", "serious", "unclear"]


def test_a_name_is_that_of_an_enrolled_person():
    assert [visit(ROW | {"person": name}, named=True)["person"] for name in ("Ada", "unknown", "")]
    assert visit(named=True)["person"] == "Ada"
    assert visit(ROW | {"person": "unknown"}, named=True)["person"] is None


def test_a_clock_that_was_not_set_is_said():
    found = visit(ROW | {"first_seen": "1970-01-01T00:00:12.250Z?"})
    assert not found["clock_set"] and found["first_seen"] == "1970-01-01T00:00:12.250Z"


def test_what_is_no_visit_gives_no_message():
    assert visit({}) is None
    for column in ("first_seen", "dwell_s", "frames_classified"):
        assert visit({key: value for key, value in ROW.items() if key != column}) is None
    assert visit(ROW | {"dwell_s": "long"}) is None


def test_the_id_of_a_visit_does_not_depend_on_which_attributes_are_logged():
    fewer = {key: value for key, value in ROW.items() if key in FIXED}
    assert visit_id(fewer, "cam") == visit_id(ROW, "cam")
    assert visit_id(ROW, "cam") != visit_id(ROW, "door")


@given(st.lists(st.tuples(*[st.text(max_size=5)] * 5), unique=True, max_size=6))
def test_different_visits_have_different_ids(rows):
    rows = [dict(zip(NAMING, row, strict=True)) for row in rows]
    plain = [row for row in rows if not any("\n" in value for value in row.values())]
    assert len({visit_id(row, "cam") for row in plain}) == len(plain)


def test_names_are_in_the_state_only_if_asked_for():
    view = InView(THRESHOLDS, 0.0)
    view.update(result(face(1, person="Ada")), 0.0)
    assert "names" not in json.loads(messages.state(view, 3, named=False))
    assert json.loads(messages.state(view, 3, named=True))["names"] == ["Ada"]


def parts(settings=EVERYTHING, attributes=("Smiling", "Wearing_Hat"), temperature=True, lines=()):
    payload = discovery.config(settings, TOPICS, attributes, lines, temperature)
    check("discovery", json.loads(payload))
    return json.loads(payload)["components"]


def test_by_default_there_are_six_entities():
    assert list(parts(MqttSettings(), ())) == [
        "people", "occupancy", "visits_today", "visit", "fps", "temperature",
    ]  # fmt: skip
    assert "temperature" not in parts(MqttSettings(), (), temperature=False)
    assert "visit" not in parts(MqttSettings(visits=False), ())


def test_each_chosen_attribute_name_and_picture_has_an_entity():
    assert set(parts()) - set(parts(MqttSettings(), ())) == {
        "attribute_Smiling", "attribute_Wearing_Hat", "names", "snapshot",
    }  # fmt: skip


NAMES = ("door", "Tür", 'a "b"', "{{ x }} {% y %}", "☕'", "T r", "in")


def test_each_line_has_two_sums():
    lines = [LineSettings(name=name, in_name="entries", out_name="exits") for name in NAMES]
    found = parts(MqttSettings(), (), lines=lines)
    assert len(found) == 6 + 2 * len(NAMES)
    parts(MqttSettings(), (), lines=[LineSettings(name="☕", in_name="→", out_name="←")])
    assert list(found)[3:5] == ["line_door_in", "line_door_out"]
    assert found["line_door_in"]["name"] == "door entries"
    assert found["line_door_in"]["default_entity_id"] == "sensor.facet_cam_door_entries"
    for key, part in found.items():
        assert re.fullmatch("[a-zA-Z0-9_]+", key)
        if key.startswith("line_"):
            assert part["state_class"] == "total_increasing" and part["unit_of_measurement"]
            assert part["state_topic"] == "facet/cam/lines"


def test_a_sum_is_read_from_its_message_whatever_the_name_of_the_line():
    jinja2 = pytest.importorskip("jinja2", reason="no jinja2: pip install -r requirements-dev.txt")
    lines = [LineSettings(name=name) for name in NAMES]
    counts = [
        LineCount(Line(name, (0.0, 0.0), (1.0, 1.0)), number, 100 + number)
        for number, name in enumerate(NAMES[:-1])
    ]
    payload = json.loads(messages.lines(NAMES, counts))
    check("lines", payload)
    found = [part for key, part in parts(lines=lines).items() if key.startswith("line_")]
    values = [jinja2.Template(part["value_template"]).render(value_json=payload) for part in found]
    expected = [(number, 100 + number) for number in range(len(NAMES) - 1)] + [(0, 0)]
    assert values == [str(value) for pair in expected for value in pair]


def test_entities_have_names_of_their_own_and_the_domain_of_their_platform():
    found = parts()
    assert len({part["unique_id"] for part in found.values()}) == len(found)
    for part in found.values():
        assert part["default_entity_id"].startswith(f"{part['platform']}.facet_cam_")
        assert "object_id" not in part


def test_statistics_have_units():
    found = parts()
    assert found["visits_today"]["state_class"] == "total_increasing"
    for key in ("people", "fps", "temperature"):
        assert found[key]["state_class"] == "measurement" and found[key]["unit_of_measurement"]
    assert {found[key]["entity_category"] for key in ("fps", "temperature")} == {"diagnostic"}


def test_the_event_has_the_moods_if_smiling_is_chosen():
    assert parts()["visit"]["event_types"] == ["smiling", "serious", "unclear"]
    assert parts(attributes=())["visit"]["event_types"] == ["ended"]


def test_the_camera_has_the_name_of_the_settings():
    payload = discovery.config(MqttSettings(name="Hall"), TOPICS, (), (), True)
    assert json.loads(payload)["device"]["name"] == "Hall"


def test_leftovers_are_what_an_older_discovery_has_more():
    old = discovery.config(EVERYTHING, TOPICS, ("Smiling",), (), True)
    new = discovery.config(MqttSettings(), TOPICS, (), (), True)
    expected = {"attribute_Smiling": "binary_sensor", "names": "sensor", "snapshot": "image"}
    assert discovery.leftover(old, new) == expected
    assert discovery.leftover(new, old) == {} and discovery.leftover(b"", new) == {}


@given(st.binary() | st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)
    | st.dictionaries(st.text() | st.just("components") | st.just("platform"), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_leftovers_of_rubbish_are_none(payload):
    assert discovery.leftover(payload, discovery.config(EVERYTHING, TOPICS, (), (), True)) == {}


def test_entities_that_facet_never_had_are_no_leftovers():
    """Home Assistant would refuse the whole message that removes them."""
    new = discovery.config(MqttSettings(), TOPICS, (), (), True)
    for key, part in (
        ("x", {"platform": ""}),
        ("x", {"platform": "lock"}),
        ("", PART),
        ("a b", PART),
    ):
        assert discovery.leftover(json.dumps({"components": {key: part}}).encode(), new) == {}
    assert discovery.leftover(json.dumps({"components": {"x": PART}}).encode(), new) == {
        "x": "sensor"
    }


@given(st.text(alphabet=string.printable, max_size=80))
def test_any_computer_s_name_gives_an_id(name):
    topics = topics_of(MqttSettings(), name or "x")
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", topics.id)
    MqttSettings(id=topics.id).check("test")


@pytest.mark.parametrize("host, id", [("pi.local", "pi"), ("my pi!", "my-pi-"), (".x", "camera")])
def test_the_id_is_the_computer_s_name(host, id):
    assert topics_of(MqttSettings(), host).id == id
