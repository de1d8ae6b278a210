"""`python -m device.mqtt forget` leaves nothing of a camera on the broker."""

import subprocess
import sys

import pytest

from device.cli.mqtt import main
from device.errors import UsageError
from device.mqtt.connection import BrokerError
from device.settings import LineSettings
from tests.conftest import ROOT
from tests.device.mqtt.broker import Mosquitto, free_port, publish, retained, wait_until
from tests.device.mqtt.camera import Camera


def settings_file(folder, text):
    file = folder / "facet.toml"
    file.write_text(f"[mqtt]\n{text}\n")
    return str(file)


def test_a_camera_is_forgotten_and_others_are_not(tmp_path, broker, capsys):
    for name in ("cam", "door"):
        lines = (LineSettings(name="shelf"),)
        with Camera(tmp_path / name, broker.port, id=name, lines=lines) as camera:
            camera.see()
            wait_until(
                lambda name=name: f"facet/{name}/status" in retained(broker.port, "facet/#"),
                "a status",
            )
    publish(broker.port, "homeassistant/device/other/config", b"{}", retain=True)
    config = settings_file(tmp_path, f'host = "127.0.0.1"\nport = {broker.port}\nid = "cam"')
    assert main(["forget", "--config", config]) == 0
    assert "the broker 127.0.0.1 has forgotten cam" in capsys.readouterr().err
    assert not [topic for topic in retained(broker.port, "#") if "cam" in topic]
    assert main(["forget", "--config", config, "--id", "door"]) == 0
    assert retained(broker.port, "#").keys() == {"homeassistant/device/other/config"}


def test_without_a_host_there_is_nothing_to_forget(tmp_path):
    with pytest.raises(UsageError, match="no host in the settings"):
        main(["forget"])
    with pytest.raises(UsageError, match=r"no host in .mqtt. of .*facet.toml"):
        main(["forget", "--config", settings_file(tmp_path, "")])
    config = settings_file(tmp_path, 'host = "localhost"')
    with pytest.raises(UsageError, match=r"--id: .mqtt. id = 'a/b'"):
        main(["forget", "--config", config, "--id", "a/b"])
    with pytest.raises(UsageError):
        main([])


def test_a_broker_that_does_not_allow_it_says_so(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    (folder / "rules").write_text("topic read facet/#\n")
    broker = Mosquitto(folder, f"acl_file {folder / 'rules'}").start()
    try:
        config = settings_file(tmp_path, f'host = "127.0.0.1"\nport = {broker.port}\nid = "cam"')
        with pytest.raises(BrokerError, match=r"refuses .*facet_cam/config: Not auth|lost the bro"):
            main(["forget", "--config", config])
    finally:
        broker.kill()


def test_a_broker_that_is_not_there_is_an_error(tmp_path):
    config = settings_file(tmp_path, f'host = "127.0.0.1"\nport = {free_port()}')
    with pytest.raises(BrokerError, match="cannot reach the broker"):
        main(["forget", "--config", config])


def test_without_paho_the_command_names_the_package(tmp_path):
    config = settings_file(tmp_path, 'host = "localhost"')
    code = "import runpy, sys; sys.modules['paho'] = None\n"
    code += "runpy.run_module('device.mqtt', run_name='__main__', alter_sys=True)"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    done = run("forget", "--config", config)
    assert done.returncode == 2 and "[mqtt] needs paho-mqtt 2. Try:" in done.stderr
    assert done.stderr.count("\n") == 1
    assert run("--help").returncode == 0
