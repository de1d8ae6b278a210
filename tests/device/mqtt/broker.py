"""A real Mosquitto on a free port, and a client that listens to it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

LIMIT_S = 30.0  # for what takes milliseconds on a computer that is not busy


def wait_until(condition: Callable[[], object], what: str = "", limit_s: float = LIMIT_S) -> None:
    """Return when the condition holds; fail after limit_s."""
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            pytest.fail(f"not within {limit_s:.0f} s: {what or condition}")
        time.sleep(0.02)


def need(program: str) -> str:
    """Return a program's path; skip the test if it is missing, or fail it in CI."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        reason = f"needs {program}: sudo apt install {program}"
        pytest.fail(reason) if os.environ.get("FACET_INTEGRATIONS") else pytest.skip(reason)
    return found


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


class Mosquitto:
    """A broker in a folder; what it keeps is on the disk at every change.

    options: further lines of its configuration.
    """

    def __init__(self, folder: Path, *options: str, port: int = 0, anonymous: bool = True):
        self.port = port or free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(anonymous).lower()}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "max_queued_messages 0",
            *options,
        ]
        if os.geteuid() == 0:
            lines.insert(0, "user root")  # its own user may not read a test's folder
        self.config = folder / "mosquitto.conf"
        self.config.write_text("\n".join(lines) + "\n")
        self.log = folder / "mosquitto.log"

    def start(self) -> "Mosquitto":
        program = need("mosquitto")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-v", "-c", str(self.config)], stdout=log, stderr=log
            )
        wait_until(self._answers, "Mosquitto listens")
        return self

    def _answers(self) -> bool:
        assert self._process and self._process.poll() is None, self.log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def freeze(self) -> None:
        """Let it hang: its connections stay, and nothing is answered."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process:
            self._process.kill()
            self._process.wait(LIMIT_S)
            self._process = None


class Listener:
    """A client that keeps every message it gets, also over restarts of the broker.

    login: user and password.
    """

    def __init__(
        self,
        port: int,
        *topics: str,
        name: str = "listener",
        login: tuple[str, str] | None = None,
    ):
        self.messages: list[tuple[str, bytes, bool]] = []
        self._topics, self._subscribed = topics, False
        self.connections = 0
        client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
        client.reconnect_delay_set(0.1, 0.1)
        if login:
            client.username_pw_set(*login)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        wishes = Properties(PacketTypes.CONNECT)
        wishes.SessionExpiryInterval = 3600
        self.client = client
        client.connect("127.0.0.1", port, 30, clean_start=False, properties=wishes)

    def __enter__(self) -> "Listener":
        self.client.loop_start()
        wait_until(lambda: self._subscribed, "a subscription")
        return self

    def __exit__(self, *exc: object) -> None:
        end(self.client)

    def _on_connect(self, client, _, flags, code, properties):
        self.connections += 1
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, *_):
        self._subscribed = True

    def _on_message(self, client, _, message):
        self.messages.append((message.topic, bytes(message.payload), message.retain))

    def of(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in list(self.messages) if name == topic]

    def json(self, topic: str) -> list[dict]:
        return [json.loads(payload) for payload in self.of(topic) if payload]

    def last(self, topic: str):
        found = self.of(topic)
        return found[-1] if found else None

    def wait(self, topic: str, condition: Callable[[dict], object]) -> dict:
        """Wait for a JSON message on a topic; return it."""
        wait_until(lambda: any(map(condition, self.json(topic))), f"a message on {topic}")
        return next(found for found in self.json(topic) if condition(found))


def end(client: Client) -> None:
    client.disconnect()
    client.loop_stop()
    client._reset_sockets()  # of its thread: paho leaves them to the garbage collection


def publish(port: int, topic: str, payload: bytes, retain: bool = False, count: int = 1) -> None:
    """Send a message as another program does, and wait until the broker has it."""
    client = Client(CallbackAPIVersion.VERSION2, "", protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port, 30)
    client.loop_start()
    infos = [client.publish(topic, payload, 1, retain) for _ in range(count)]
    for info in infos:
        info.wait_for_publish(LIMIT_S)
    end(client)


def retained(port: int, *topics: str) -> dict[str, bytes]:
    """Return what the broker keeps on these topics."""
    with Listener(port, *topics, "test/end", name="retained") as listener:
        publish(port, "test/end", b"x")
        wait_until(lambda: listener.of("test/end"), "the end")
        return {topic: payload for topic, payload, kept in listener.messages if kept}
