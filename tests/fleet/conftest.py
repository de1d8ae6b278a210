"""A real broker and a real database for the tests of a fleet."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from device.fleet.database import FleetDatabase
from device.fleet.ingest import Ingest, IngestOptions
from device.mqtt.access import Access, access_of
from device.settings import MqttSettings

from .programs import Broker, Database, Secrets, missing, set_up, wait_until

CAMERAS = ("shop-1", "shop-2")
QUICK = IngestOptions(wait_s=0.05)
TABLES = ("visits", "hours", "counts", "cameras", "dead_letters")


def need() -> None:
    """Skip the test without broker and database; with FACET_INTEGRATIONS=1 it fails."""
    if reason := missing():
        pytest.fail(reason) if os.environ.get("FACET_INTEGRATIONS") == "1" else pytest.skip(reason)


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder through which the user of PostgreSQL may pass, unlike pytest's own."""
    need()
    with tempfile.TemporaryDirectory(prefix="facet-fleet-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="session")
def keys(place: Path) -> Secrets:
    made = Secrets(place / "secrets")
    for camera in CAMERAS:
        made.add_camera(camera)
    return made


@pytest.fixture(scope="session")
def server(place: Path) -> Iterator[Database]:
    server = Database(place)
    try:
        server.start()
        server.create()
        set_up(server)
        yield server
    finally:
        server.stop(signal.SIGQUIT)  # it takes its shared memory with it


@pytest.fixture
def database(server: Database) -> Database:
    """The database, its tables empty."""
    if not server.running:
        server.start()
    server.ask(f"TRUNCATE {', '.join(TABLES)}")
    return server


@pytest.fixture
def broker(keys: Secrets, tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path, keys)
    broker.start()
    yield broker
    broker.kill()


class Publisher:
    """A program that sends messages as a user of the broker."""

    def __init__(self, keys: Secrets, port: int, user: str = CAMERAS[0]):
        client = Client(CallbackAPIVersion.VERSION2, "", protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set(user, keys.password(user).read_text().strip())
        client.tls_set(str(keys.folder / "ca.crt"))
        client.connect("127.0.0.1", port, 30)
        client.loop_start()
        self._client = client

    def send(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos, retain).wait_for_publish(30)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()


@pytest.fixture
def publisher(keys: Secrets, broker: Broker) -> Iterator[Publisher]:
    one = Publisher(keys, broker.port)
    yield one
    one.close()


def access(keys: Secrets, port: int) -> Access:
    """Return the ingest's way to the broker."""
    return access_of(
        MqttSettings(
            host="127.0.0.1",
            port=port,
            user="ingest",
            password_file=keys.folder / "ingest.password",
            tls=True,
            ca_file=keys.folder / "ca.crt",
        )
    )


@contextmanager
def ingesting(
    keys: Secrets, port: int, dsn: str, options: IngestOptions = QUICK
) -> Iterator[Ingest]:
    """Run an ingest in a thread; leaving stores what has arrived."""
    stop, faults = threading.Event(), []
    ingest = Ingest(access(keys, port), FleetDatabase(dsn), options, stop.is_set)

    def work() -> None:
        try:
            ingest.run()
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_until(lambda: ingest.connected or faults, "the ingest is connected")
        yield ingest
    finally:
        stop.set()
        thread.join(60)
    assert not faults and not thread.is_alive()
