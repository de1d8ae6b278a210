"""The broker that tests of MQTT talk to."""

from collections.abc import Iterator

import pytest

from tests.device.mqtt.broker import Mosquitto


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    mosquitto = Mosquitto(folder)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()
