"""What a camera sends to a real broker."""

import json
import re

import pytest

from device.mqtt.session import Clocks
from device.settings import LineSettings
from tests.device.mqtt.broker import Listener, retained, wait_until
from tests.device.mqtt.camera import QUICK, Camera
from tests.device.outputs.made_up import face

STATE, STATUS, VISIT = "facet/cam/state", "facet/cam/status", "facet/cam/visit"
LINES, CROSSING = "facet/cam/lines", "facet/cam/crossing"
CONFIG = "homeassistant/device/facet_cam/config"


@pytest.fixture
def listener(broker):
    with Listener(broker.port, "facet/#", "homeassistant/#") as listener:
        yield listener


def test_it_is_online_after_the_first_frame_and_offline_at_the_end(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port) as camera:
        wait_until(lambda: listener.of(STATUS), "a status")
        assert listener.last(STATUS) == b"offline"
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    wait_until(lambda: listener.last(STATUS) == b"offline", "offline")
    assert retained(broker.port, "facet/#").keys() == {
        STATUS,
        STATE,
        "facet/cam/diagnostics",
        "facet/cam/run",
    }


def test_people_in_view_are_counted_and_attributes_sent_only_if_asked_for(
    tmp_path, broker, listener
):
    with Camera(tmp_path, broker.port, attributes=("Smiling",)) as camera:
        camera.see(face(1, values=(0.9, 0.9)), face(2))
        state = listener.wait(STATE, lambda state: state["people"] == 2)
        assert state == {
            "people": 2,
            "occupied": True,
            "visits_today": 0,
            "attributes": {"Smiling": True},
        }
        camera.see()
        listener.wait(STATE, lambda state: not state["occupied"])


def test_numbers_that_do_not_change_are_not_sent_again(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port) as camera:
        for fps in (25.0, 25.3, 24.8):
            camera.see(fps=fps)
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        camera.see(fps=12.0)
        listener.wait("facet/cam/diagnostics", lambda found: found["fps"] == 12.0)
    sent = listener.json("facet/cam/diagnostics")
    assert len(sent) <= 3 and sent[-1] == {"fps": 12.0, "temperature_c": 51}


def test_a_visit_is_one_message_when_it_ends(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port, attributes=("Smiling",)) as camera:
        camera.visit()
        visit = listener.wait(VISIT, bool)
        state = listener.wait(STATE, lambda state: state["visits_today"] == 0)
    del visit["id"]
    assert visit == {
        "first_seen": "2026-01-02T12:00:00.250Z",
        "last_seen": "2026-01-02T12:00:00.250Z",
        "clock_set": True,
        "dwell_s": 0.0,
        "frames_classified": 1,
        "attributes": {"Smiling": 0.75},
        "mood": "smiling",
    }
    assert state["visits_today"] == 0  # it was not today
    assert len(listener.of(VISIT)) == 1
    assert not retained(broker.port, VISIT)


def test_the_visits_that_end_with_the_run_are_sent(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port) as camera:
        camera.see(face(1), face(2))
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    wait_until(lambda: len(listener.of(VISIT)) == 2, "two visits")


def test_names_are_sent_only_if_asked_for(tmp_path, broker, listener):
    for asked in (False, True):
        folder = tmp_path / str(asked)
        with Camera(
            folder, broker.port, id=f"cam{asked}", recognition=True, people=asked
        ) as camera:
            camera.visit(person="Ada", person_score=0.9)
            camera.see(face(9, person="Ada"), face(10, person="unknown"))
            visit = listener.wait(f"facet/cam{asked}/visit", bool)
            state = listener.wait(f"facet/cam{asked}/state", lambda state: state["people"] == 2)
            assert visit.get("person") == ("Ada" if asked else None)
            assert state.get("names") == (["Ada"] if asked else None)
    everything = b"".join(payload for topic, payload, _ in listener.messages if "False" in topic)
    assert b"Ada" not in everything


def test_a_snapshot_is_sent_only_if_asked_for_and_not_kept(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port, snapshot=True) as camera:
        camera.see(face(1))
        wait_until(lambda: listener.of("facet/cam/snapshot"), "a snapshot")
        assert listener.of("facet/cam/snapshot")[0].startswith(b"\xff\xd8\xff")
    with Camera(tmp_path / "b", broker.port, id="b") as camera:
        camera.see(face(1))
        listener.wait("facet/b/state", lambda state: state["people"] == 1)
        camera.see()
        listener.wait("facet/b/state", lambda state: state["people"] == 0)
    assert not listener.of("facet/b/snapshot")
    assert not retained(broker.port, "facet/cam/snapshot")


def test_a_camera_that_is_being_opened_again_is_offline(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port) as camera:
        camera.see(face(1))
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        camera.reconnecting = True
        wait_until(lambda: listener.last(STATUS) == b"offline", "offline")
        listener.wait(STATE, lambda state: not state["occupied"])
        camera.reconnecting = False
        wait_until(lambda: listener.last(STATUS) == b"online", "online again")


def test_no_discovery_if_it_is_off(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port, discovery="") as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    assert not [topic for topic, *_ in listener.messages if topic.startswith("homeassistant")]


def test_discovery_is_kept_by_the_broker_and_sent_again_when_home_assistant_starts(
    tmp_path, broker, listener
):
    with Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        assert CONFIG in retained(broker.port, "homeassistant/#")
        before = len(listener.of(CONFIG))
        listener.client.publish("homeassistant/status", "online", 1)
        wait_until(lambda: len(listener.of(CONFIG)) > before, "discovery again")
    parts = json.loads(listener.last(CONFIG))["components"]
    assert set(parts) == {"people", "occupancy", "visits_today", "visit", "fps", "temperature"}


def test_an_entity_that_is_not_wanted_any_more_is_removed(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port, attributes=("Smiling", "Bald")) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    wait_until(lambda: listener.last(STATUS) == b"offline", "offline")
    listener.messages.clear()
    with Camera(tmp_path, broker.port, attributes=("Smiling",)) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    first, second = [found["components"] for found in listener.json(CONFIG)]
    assert first["attribute_Bald"] == {"platform": "binary_sensor"}
    assert "attribute_Bald" not in second and "attribute_Smiling" in second


def test_without_a_temperature_there_is_no_entity_for_it(tmp_path, broker, listener):
    clocks = Clocks(chance=QUICK.chance, backoff_s=QUICK.backoff_s, temperature_c=lambda: None)
    with Camera(tmp_path, broker.port, clocks=clocks) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    assert "temperature" not in listener.json(CONFIG)[-1]["components"]
    assert listener.json("facet/cam/diagnostics")[-1]["temperature_c"] is None


def test_the_sums_of_lines_are_kept_and_each_crossing_is_one_message(tmp_path, broker, listener):
    doors = (LineSettings(name="door"), LineSettings(name="Tür 2"))
    with Camera(tmp_path, broker.port, lines=doors) as camera:
        camera.see()
        none = {"door": {"in": 0, "out": 0}, "Tür 2": {"in": 0, "out": 0}}
        assert listener.wait(LINES, bool) == none
        for line, direction in (("door", "in"), ("Tür 2", "out"), ("door", "in")):
            camera.cross(line, direction)
        sums = {"door": {"in": 2, "out": 0}, "Tür 2": {"in": 0, "out": 1}}
        listener.wait(LINES, lambda found: found == sums)
        wait_until(lambda: len(listener.of(CROSSING)) == 3, "3 crossings")
        broker.kill()
        camera.cross("door", "out")
        broker.start()
        listener.wait(LINES, lambda found: found["door"]["out"] == 1)
        camera.cross("door", "out")
        wait_until(lambda: len(listener.of(CROSSING)) == 4, "the crossing")
    found = listener.json(CROSSING)
    assert [one["direction"] for one in found] == ["in", "out", "in", "out"]
    assert [one["line"] for one in found] == ["door", "Tür 2", "door", "door"]
    kept = retained(broker.port, "facet/#")
    assert CROSSING not in kept and json.loads(kept[LINES])["door"] == {"in": 2, "out": 2}


def test_without_lines_there_is_no_topic_of_them(tmp_path, broker, listener):
    with Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    assert not listener.of(LINES)


def test_the_status_is_sent_without_acknowledgement(tmp_path, broker):
    """With QoS 1 it would wait behind what a broker is slow to take."""
    with Listener(broker.port, "facet/#", "homeassistant/#") as listener:
        with Camera(tmp_path, broker.port) as camera:
            camera.see()
            wait_until(lambda: listener.last(STATUS) == b"online", "online")
            camera.visit()
            wait_until(lambda: listener.of(VISIT), "a visit")
        wait_until(lambda: listener.last(STATUS) == b"offline", "offline")
    log = broker.log.read_text()
    sent = re.findall(r"Received PUBLISH from facet-cam \(d\d, q(\d), r(\d), m\d+, '([^']+)'", log)
    assert {(qos, kept) for qos, kept, topic in sent if topic == VISIT} == {("1", "0")}
    assert {(qos, kept) for qos, kept, topic in sent if topic != VISIT} == {("0", "1")}
    assert {STATUS, STATE, CONFIG} <= {topic for _, _, topic in sent}
    assert re.search(r"New client connected from \S+ as facet-cam \(p5,", log)  # MQTT 5


def test_at_the_level_of_counts_only_groups_are_sent(tmp_path, broker, listener):
    """What a run of another level left on the broker is removed."""
    lines = (LineSettings(name="door"),)
    with Camera(tmp_path, broker.port, lines=lines) as camera:
        camera.see(face(1))
        listener.wait(STATE, lambda state: state["people"] == 1)
    with Camera(tmp_path, broker.port, lines=lines, privacy="counts", visits=True) as camera:
        camera.visit(4)
        camera.cross("door", "in")
        for _ in range(9100):  # a quarter of an hour
            camera.see()
        rows = "facet/cam/counts"
        wait_until(lambda: any(b'"visits":5' in payload for payload in listener.of(rows)), "a row")
    wait_until(lambda: any(b'"end"' in payload for payload in listener.of(rows)), "the last row")
    kept = retained(broker.port, "facet/#")
    assert kept.keys() == {STATUS, "facet/cam/diagnostics", "facet/cam/run"}
    found = [json.loads(payload) for payload in listener.of(rows)]
    assert len({row["id"] for row in found}) == len(found)
    assert next(row["visits"] for row in found if row["kind"] == "visits") == 5
    assert len(listener.of(VISIT)) == 1 and not listener.of(CROSSING)  # of the first run
    config = json.loads(retained(broker.port, "homeassistant/#").popitem()[1])
    wanted = [key for key, part in config["components"].items() if "state_topic" in part]
    assert wanted == ["fps", "temperature"]
