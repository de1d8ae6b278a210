"""A real Home Assistant finds the camera, shows its values, and survives restarts of either."""

import json

import pytest

from tests.device.mqtt.broker import Listener, Mosquitto, retained, wait_until
from tests.device.mqtt.camera import Camera
from tests.device.outputs.made_up import face
from tests.integrations.home_assistant import HomeAssistant

pytestmark = pytest.mark.slow
OPTIONS = {"attributes": ("Smiling", "Bald"), "snapshot": True}
ENDS = {
    "people_in_view", "occupancy", "visits_today", "smiling", "bald", "mood_of_the_last_visit",
    "frame_rate", "temperature", "last_snapshot",
}  # fmt: skip


@pytest.fixture
def broker(tmp_path):
    (tmp_path / "broker").mkdir()
    mosquitto = Mosquitto(tmp_path / "broker")
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
def home(tmp_path, broker):
    home = HomeAssistant(tmp_path / "hass")
    try:
        home.start()
        home.add_broker(broker.port)
        yield home
    finally:
        home.kill()


def ours(home) -> dict[str, dict]:
    return {name: state for name, state in home.states().items() if "facet" in name}


def endings(home) -> set[str]:
    return {name.partition("facet_cam_")[2] for name in ours(home)}


def test_the_story_of_a_camera_in_home_assistant(tmp_path, broker, home):
    with Camera(tmp_path, broker.port, name="Facet cam", **OPTIONS) as camera:
        camera.see(face(1, values=(0.1, 0.9)))
        home.wait(lambda: home.value("people_in_view") == "1", "one person in view")
        home.wait(lambda: endings(home) >= ENDS, "all entities")
        states = ours(home)
        assert home.value("occupancy") == "on" and home.value("cam_smiling") == "on"
        assert home.value("cam_bald") == "off" and float(home.value("temperature")) == 51
        people = next(state for name, state in states.items() if name.endswith("people_in_view"))
        assert people["attributes"]["state_class"] == "measurement"
        camera.visit(values=(0.1, 0.9))
        home.wait(lambda: home.value("last_visit") not in ("unknown", None), "a visit")
        event = next(s for name, s in ours(home).items() if name.startswith("event."))
        assert event["attributes"]["event_type"] == "smiling"
        assert set(event["attributes"]) >= {"id", "dwell_s", "first_seen"}
        # The first picture came before Home Assistant listened, and the broker keeps none.
        home.wait(lambda: home.value("people_in_view") == "0", "nobody")
        camera.see(face(7))
        home.wait(lambda: home.value("last_snapshot") not in ("unknown", None), "a snapshot")

        home.stop()  # Home Assistant restarts
        camera.see(face(8), face(9))
        home.start()
        home.wait(lambda: home.value("people_in_view") == "2", "two after its restart")

        broker.kill()  # the broker restarts
        home.wait(lambda: home.value("people_in_view") == "unavailable", "no broker")
        broker.start()
        home.wait(lambda: home.value("people_in_view") == "2", "two after the broker's restart")

    home.wait(lambda: home.value("people_in_view") == "unavailable", "the camera is off")
    # Facet restarts, with an attribute less.
    with Camera(tmp_path, broker.port, first=1000, name="Facet cam", attributes=("Smiling",)):
        home.wait(lambda: home.value("cam_bald") is None, "an entity is removed")
    config = "homeassistant/device/facet_cam/config"
    assert "attribute_Bald" not in json.loads(retained(broker.port, config)[config])["components"]
    errors = [line for line in home.log.read_text().splitlines() if "ERROR" in line]
    assert not [line for line in errors if "mqtt" in line.lower()], errors


def test_a_camera_that_is_forgotten_leaves_home_assistant(tmp_path, broker, home):
    from device.cli.mqtt import main

    with Camera(tmp_path, broker.port, name="Facet cam") as camera:
        camera.see()
        home.wait(lambda: home.value("people_in_view") == "0", "a camera")
    with Listener(broker.port, "facet/#") as listener:
        file = tmp_path / "facet.toml"
        file.write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nid = "cam"\n')
        assert main(["forget", "--config", str(file)]) == 0
        wait_until(lambda: listener.last("facet/cam/status") == b"", "an empty status")
    home.wait(lambda: not ours(home), "no entities")
