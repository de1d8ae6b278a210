"""Facet starts with its camera and a broker, and the programs around it start too."""

import re
import socket
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.device.metrics.prometheus import Prometheus
from tests.device.mqtt.broker import Listener, Mosquitto, end, free_port, wait_until
from tests.integrations import programs
from tests.integrations.home_assistant import HomeAssistant
from tests.integrations.stage import CAMERA, SECRET, USER, Stage
from tests.integrations.step import NotRun, step

PART = "Start"
TOPICS = f"facet/{CAMERA}/#", f"homeassistant/device/facet_{CAMERA}/config", "homeassistant/status"


@step(PART, "Mosquitto", "starts with a user, a password and TLS; refuses without them")
def start_broker(stage: Stage) -> str:
    programs.MOSQUITTO.need()
    folder = stage.folder / "broker"
    folder.mkdir()
    passwords = folder / "passwords"
    words = [programs.PASSWD.need(), "-b", "-c", str(passwords), USER, SECRET]
    programs.run(words)
    # The second listener is for programs of this computer, as Home Assistant's add-on has one.
    stage.local_port = free_port()
    broker = Mosquitto(
        folder,
        f"certfile {stage.certificate}",
        f"keyfile {stage.key}",
        f"listener {stage.local_port} 127.0.0.1",
        f"password_file {passwords}",
        anonymous=False,
    )
    stage.stack.callback(broker.kill)
    stage.add(broker.start())
    wait_until(lambda: listens(stage.local_port), "its second listener")
    stage.add(stage.stack.enter_context(listener(stage)))
    refused = stranger(stage.local_port)
    assert "Not authorized" in refused, f"a client without a password: {refused}"
    return f"answers with TLS; to a client without a password: {refused}"


def listens(port: int) -> bool:
    """Whether something listens on a port of this computer."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def stranger(port: int) -> str:
    """Return the broker's answer to a client without a password."""
    answers: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2, "stranger", protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda client, data, flags, code, properties: answers.append(str(code))
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(lambda: answers, "an answer of the broker")
    end(client)
    return answers[0]


def listener(stage: Stage) -> Listener:
    return Listener(stage.local_port, *TOPICS, login=(USER, SECRET))


@step(PART, "Facet", "starts with a camera of the network, and has its first frame")
def start_facet(stage: Stage) -> str:
    facet = stage.facet
    begun_s = time.monotonic()
    facet.start(stage.settings())
    try:
        wait_until(lambda: first_frame(stage), "a frame", 180)
    except AssertionError as error:
        if "the rule" not in str(error):
            raise
        # The step of this rule says so; the others go on without it.
        stage.refused_rule = str(error)
        facet.start(stage.settings(rule_over_mqtt=False))
        wait_until(lambda: first_frame(stage), "a frame", 180)
    took = f"first frame after {time.monotonic() - begun_s:.0f} s"
    runs_on = re.search(r"\((\d+x\d+).*\((\d+ attributes)\) on (.+)", facet.text())
    return ", ".join([took, *(runs_on.groups() if runs_on else ())])


def first_frame(stage: Stage) -> bool:
    """Whether Facet has analyzed a frame; AssertionError if it has ended."""
    last = " ".join(stage.facet.text().splitlines()[-1:])
    assert stage.facet.running, f"Facet has ended with {stage.facet.code}: {last}"
    return stage.frames() > 0


@step(PART, "Prometheus", "starts, and scrapes Facet every second")
def start_prometheus(stage: Stage) -> str:
    folder = stage.folder / "prometheus"
    folder.mkdir()
    server = Prometheus(folder, stage.metrics_port, programs.PROMETHEUS.need())
    stage.add(stage.stack.enter_context(server))
    (up,) = server.answer("up")
    assert up == 1, "it does not reach Facet"
    return "up is 1"


@step(PART, "Home Assistant", "starts with an empty configuration, and connects to the broker")
def start_home(stage: Stage) -> str:
    programs.HOME_ASSISTANT.need()
    if not stage.local_port:
        raise NotRun("Mosquitto does not run")
    home = HomeAssistant(stage.folder / "home")
    stage.stack.callback(home.kill)
    begun_s = time.monotonic()
    home.start()
    took_s = time.monotonic() - begun_s
    stage.add(home).add_broker(stage.local_port, USER, SECRET)
    stage.versions["Home Assistant"] = home.version
    return f"{home.version}, runs after {took_s:.0f} s"
