"""The doctor's check of the broker."""

import socket
import subprocess
import sys
import threading

import pytest

from device.cli import doctor
from device.doctor.check_result import Check, run_check
from device.doctor.system import System
from device.mqtt import connection
from device.mqtt.check import broker as check_broker
from device.settings import MqttSettings, Settings
from tests.conftest import ROOT
from tests.device.mqtt.broker import Listener, Mosquitto, free_port, need, wait_until
from tests.device.mqtt.camera import Camera


def check(**settings):
    """Return the result as the doctor has it."""
    settings = MqttSettings(**{"host": "127.0.0.1"} | settings)
    return run_check(Check("MQTT broker", lambda: check_broker(settings)))


def test_a_broker_is_checked_only_if_there_is_one():
    def names(settings):
        flags = doctor.parser().parse_args([])
        return [check.name for check in doctor._checks(System(), settings, flags)]

    assert "MQTT broker" not in names(Settings())
    assert "MQTT broker" in names(Settings(mqtt=MqttSettings(host="localhost")))


def test_a_broker_that_is_well(broker, tmp_path):
    result = check(port=broker.port)
    assert result.status == "ok"
    assert result.message == f"127.0.0.1:{broker.port} speaks MQTT 5 and accepts no user"


def test_a_camera_that_is_connected_stays_so_and_nothing_is_sent(broker, tmp_path):
    with Listener(broker.port, "#") as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last("facet/cam/status") == b"online", "online")
        before = len(listener.messages)
        assert check(port=broker.port, id="cam").status == "ok"
        camera.visit()
        wait_until(lambda: listener.of("facet/cam/visit"), "a visit")
        assert listener.last("facet/cam/status") == b"online"
        assert len(listener.messages) <= before + 4  # the visit, and values that changed


def test_a_user_and_a_password(tmp_path):
    folder, secret = tmp_path / "broker", tmp_path / "password"
    folder.mkdir()
    command = [need("mosquitto_passwd"), "-b", "-c", str(folder / "users"), "facet", "right"]
    subprocess.run(command, check=True, capture_output=True)
    broker = Mosquitto(folder, f"password_file {folder / 'users'}", anonymous=False).start()
    try:
        account = {"port": broker.port, "user": "facet", "password_file": secret}
        secret.write_text("right\n")
        assert check(**account).message.endswith("speaks MQTT 5 and accepts the user facet")
        secret.write_text("wrong\n")
        for wrong in (account, {"port": broker.port}):
            result = check(**wrong)
            assert result.status == "warning" and "refuses: Not authorized" in result.message
            assert "user and password_file in [mqtt]" in result.fix
    finally:
        broker.kill()


def test_a_broker_that_is_not_there_is_a_warning_with_a_remedy():
    result = check(port=free_port())
    assert result.status == "warning" and "Connection refused" in result.message
    assert result.fix == "host, port and tls in [mqtt]"
    assert check(host="no.such.host.invalid").message.startswith("cannot reach the broker no.such")


def test_a_broker_of_mqtt_3_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse():
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"\x20\x02\x00\x01")

        thread = threading.Thread(target=refuse)
        thread.start()
        result = check(port=server.getsockname()[1])
        thread.join()
    assert result.status == "warning" and "another broker with MQTT 5" in result.fix


def test_a_port_that_is_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(connection, "ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = check(port=server.getsockname()[1])
    assert result.status == "warning" and "does not answer" in result.message


def test_what_would_end_a_run_is_a_failure(tmp_path):
    result = check(user="facet", password_file=tmp_path / "none")
    assert result.status == "failure" and "cannot read the password file" in result.message
    result = check(tls=True, ca_file=tmp_path / "none")
    assert result.status == "failure" and "cannot read the certificates" in result.message


@pytest.mark.parametrize("hide, status", [("", "warning"), ("sys.modules['paho'] = None;", "FAIL")])
def test_it_is_a_line_of_the_command(tmp_path, hide, status):
    config = tmp_path / "facet.toml"
    config.write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    code = f"import runpy, sys; {hide} runpy.run_module('device.doctor', run_name='__main__')"
    command = [sys.executable, "-c", code, "--config", str(config), "--camera", "demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    (line,) = [line for line in done.stdout.splitlines() if "MQTT broker" in line]
    assert line.startswith(status) and " Try: " in line
    if hide:
        assert "[mqtt] needs paho-mqtt 2" in line and "mqtt" in line.partition("Try: ")[2]
