"""What a broker, a network, another Facet and Home Assistant may do; no visit is lost."""

import json
import logging
import socket
import threading
import time

import pytest

from device.mqtt.publisher import BIRTH_S, FLOOD
from device.mqtt.session import Clocks
from device.settings import LineSettings, RotationSettings
from tests.device.mqtt.broker import LIMIT_S, Listener, Mosquitto, publish, retained, wait_until
from tests.device.mqtt.camera import QUICK, Camera
from tests.device.outputs.made_up import face

STATE, STATUS, VISIT = "facet/cam/state", "facet/cam/status", "facet/cam/visit"
LINES, CROSSING = "facet/cam/lines", "facet/cam/crossing"
SMILE = "facet/cam/rules/smile"
SNAPSHOT, RUN = "facet/cam/snapshot", "facet/cam/run"
CONFIG = "homeassistant/device/facet_cam/config"


def visits(listener) -> list[str]:
    """Return the ids of the visits that came, each once."""
    return list(dict.fromkeys(visit["id"] for visit in listener.json(VISIT)))


def lines(caplog, word: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if word in record.getMessage()]


@pytest.fixture
def caplog(caplog, monkeypatch):
    """Facet's log, which does not reach the root logger."""
    log = logging.getLogger("facet")
    monkeypatch.setattr(log, "propagate", True)
    caplog.set_level(logging.INFO, "facet")
    return caplog


def test_a_broker_that_is_killed_and_comes_back_loses_no_visit(tmp_path, broker, caplog):
    with Listener(broker.port, VISIT, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.visit(3)
        wait_until(lambda: len(visits(listener)) == 3, "3 visits")
        broker.kill()
        camera.visit(25)  # more than may wait for an acknowledgement
        wait_until(lambda: lines(caplog, "visits wait in their file"), "the loss in the log")
        broker.start()
        wait_until(lambda: len(visits(listener)) == 28, "28 visits")
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    assert len(lines(caplog, "connected to the broker")) == 2


@pytest.mark.slow
def test_visits_on_their_way_when_the_broker_vanishes_are_sent_again(tmp_path, broker):
    with Listener(broker.port, VISIT, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        broker.freeze()
        camera.visit(5)
        time.sleep(1.0)  # in which they are sent to the broker, which hangs
        broker.kill()
        broker.start()
        wait_until(lambda: len(visits(listener)) == 5, "5 visits")


def test_a_facet_that_is_killed_loses_no_visit(tmp_path, broker):
    """Its worker ends as in a power cut: nothing is stored at the end."""
    with Listener(broker.port, VISIT) as listener:
        with Camera(tmp_path, broker.port) as camera:
            camera.visit(2)
            wait_until(lambda: len(visits(listener)) == 2, "2 visits")
        store = camera.visits.with_name("visits.csv.mqtt")
        before = store.read_bytes()
        with Camera(tmp_path, broker.port, first=1000) as camera:
            camera.visit(3)
            wait_until(lambda: len(visits(listener)) == 5, "5 visits")
        store.write_bytes(before)
        with Camera(tmp_path, broker.port, first=2000) as camera:
            camera.visit()
            wait_until(lambda: len(visits(listener)) == 6, "6 visits")
        # Three came twice, with the ids they had.
        assert len(listener.json(VISIT)) == 9


def test_visits_without_a_broker_are_sent_by_a_later_run(tmp_path):
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker")
    with Camera(tmp_path, broker.port) as camera:
        camera.visit(4)
    broker.start()
    with Listener(broker.port, VISIT) as listener:
        with Camera(tmp_path, broker.port, first=1000):
            wait_until(lambda: len(visits(listener)) == 4, "4 visits")
        with Camera(tmp_path, broker.port, first=2000) as camera:
            camera.visit()
            wait_until(lambda: len(visits(listener)) == 5, "5 visits")
        assert len(listener.json(VISIT)) == 5  # none came twice
    broker.kill()


def test_visits_in_files_that_were_rotated_meanwhile_are_sent(tmp_path):
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker")
    small = RotationSettings(max_mb=0.0003)  # 300 bytes: three rows
    with Camera(tmp_path, broker.port, rotation=small) as camera:
        camera.visit(10)
    assert len(list(tmp_path.glob("visits.2026*"))) >= 2
    broker.start()
    with Listener(broker.port, VISIT) as listener, Camera(tmp_path, broker.port, rotation=small):
        wait_until(lambda: len(visits(listener)) == 10, "10 visits")
    broker.kill()


def test_a_row_that_is_no_visit_stops_none_that_follow(tmp_path, broker, caplog):
    with Listener(broker.port, VISIT) as listener, Camera(tmp_path, broker.port) as camera:
        camera.visit()
        wait_until(lambda: len(visits(listener)) == 1, "a visit")
        with camera.visits.open("ab") as file:
            file.write(b"rubbish\n2026,\xff,,,\n")
        camera.visit()
        wait_until(lambda: len(visits(listener)) == 2, "2 visits")
    assert lines(caplog, "is no visit")


def test_the_last_will_says_offline_when_facet_vanishes(tmp_path, broker):
    with Listener(broker.port, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        # Another client with the id ends the connection without a farewell.
        with Listener(broker.port, "none", name="facet-cam"):
            wait_until(lambda: listener.last(STATUS) == b"offline", "offline")


def test_a_second_facet_with_the_id_is_said_once_and_starts_no_war(tmp_path, broker, caplog):
    with Camera(tmp_path / "a", broker.port) as first:
        first.see()
        wait_until(lambda: lines(caplog, "connected to the broker"), "a connection")
        with Camera(tmp_path / "b", broker.port) as second:
            second.see()
            wait_until(lambda: lines(caplog, "another Facet with the same id"), "a line")
            first.visit(2)
            second.visit(2)
            with Listener(broker.port, VISIT) as listener:
                second.visit(2)
                wait_until(lambda: len(visits(listener)) >= 2, "the second's visits")
    assert len(lines(caplog, "another Facet with the same id")) == 1
    # The first came back once, to see why it had lost the broker: not every broker says so.
    assert len(lines(caplog, "connected to the broker")) <= 3


def test_retained_rubbish_on_our_topics_is_removed_or_replaced(tmp_path, broker, caplog):
    passing = (VISIT, SNAPSHOT, CROSSING, SMILE)
    for topic in (STATE, STATUS, LINES, *passing, RUN, CONFIG, "homeassistant/status"):
        publish(broker.port, topic, b"\xff\x00{rubbish", retain=True)
    publish(broker.port, VISIT, b"x" * 1_000_000, retain=True)  # more than is accepted
    with Listener(broker.port, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        kept = retained(broker.port, "facet/#", CONFIG)
    assert json.loads(kept[STATE])["people"] == 0 and json.loads(kept[CONFIG])["components"]
    # The visit was never sent to us, for it is too large.
    assert kept.keys() == {STATE, STATUS, "facet/cam/diagnostics", RUN, CONFIG, VISIT}
    assert lines(caplog, f"retained message from {CROSSING}, {SMILE}, {SNAPSHOT}")


@pytest.mark.slow
def test_a_hundred_retained_messages_of_rules_hide_no_other(tmp_path, broker):
    for number in range(150):
        publish(broker.port, f"{SMILE}{number}", b"{}", retain=True)
    old = {"components": {"gone": {"platform": "sensor"}}}
    publish(broker.port, CONFIG, json.dumps(old).encode(), retain=True)
    with Listener(broker.port, STATUS, CONFIG) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
    # What an older discovery has more is removed first.
    assert listener.json(CONFIG)[1]["components"]["gone"] == {"platform": "sensor"}


def test_the_sums_of_lines_that_are_no_more_are_removed(tmp_path, broker):
    doors = (LineSettings(name="door"),)
    for settings, expected in ((doors, {"door": {"in": 0, "out": 0}}), ((), None)):
        with Listener(broker.port, STATUS) as listener:
            with Camera(tmp_path, broker.port, lines=settings) as camera:
                camera.see()
                wait_until(lambda found=listener: found.last(STATUS) == b"online", "online")
            wait_until(lambda found=listener: found.last(STATUS) == b"offline", "offline")
        kept = retained(broker.port, LINES)
        assert (json.loads(kept[LINES]) if kept else None) == expected


@pytest.mark.parametrize(
    "rubbish",
    [
        b'{"components": {"a": 1}}',
        b"\xff",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in (b"null", b"[]", b'{"components": 3}', b"[" * 9999)
        ),
    ],
)
def test_a_retained_discovery_that_is_rubbish_is_replaced(tmp_path, broker, rubbish):
    publish(broker.port, CONFIG, rubbish, retain=True)
    with Listener(broker.port, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        assert json.loads(retained(broker.port, CONFIG)[CONFIG])["origin"]["name"] == "Facet"


@pytest.mark.slow
def test_home_assistant_that_restarts_in_a_loop_is_answered_now_and_then(tmp_path, broker):
    start_s = time.monotonic()
    with Listener(broker.port, CONFIG, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        for _ in range(5):
            publish(broker.port, "homeassistant/status", b"offline")
            publish(broker.port, "homeassistant/status", b"online")
            publish(broker.port, "homeassistant/status", b"\xff\x00")
            camera.see(face(1))
            time.sleep(0.3)  # in which it could answer
        wait_until(lambda: len(listener.of(CONFIG)) >= 2, "an answer")
        camera.visit()
        sent, took_s = len(listener.of(CONFIG)), time.monotonic() - start_s
    assert sent <= 2 + took_s / BIRTH_S


@pytest.mark.slow
def test_a_flood_of_messages_does_not_stop_the_visits(tmp_path, broker, caplog):
    with Listener(broker.port, VISIT, STATUS) as listener, Camera(tmp_path, broker.port) as camera:
        camera.see()
        wait_until(lambda: listener.last(STATUS) == b"online", "online")
        while not lines(caplog, "messages a second"):
            publish(broker.port, "homeassistant/status", b"online" * 100, count=5 * FLOOD)
        camera.visit(2)
        wait_until(lambda: len(visits(listener)) == 2, "2 visits")


def test_a_broker_that_vanishes_at_each_connection_is_not_hammered(tmp_path, caplog):
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def hang_up():
            while not stop.is_set():
                try:
                    server.accept()[0].close()
                    connections.append(time.monotonic())
                except TimeoutError:
                    pass

        thread = threading.Thread(target=hang_up)
        thread.start()
        clocks = Clocks(chance=lambda: 1.0, backoff_s=(0.01, 0.02, 30.0))
        with Camera(tmp_path, server.getsockname()[1], clocks=clocks) as camera:
            wait_until(lambda: len(connections) == 3, "3 connections")
            camera.visit(5)
            time.sleep(0.5)
        stop.set()
        thread.join(LIMIT_S)
    assert len(connections) == 3
    assert len(lines(caplog, "lost the broker")) == 1  # said once


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", marks=pytest.mark.slow),
        b"\x20\x02\x00\x01",
    ],
)
def test_a_port_that_is_no_broker_does_not_disturb_the_run(tmp_path, caplog, answer):
    """Silent, a web server, and a broker of MQTT 3.1.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: talk(server, answer), daemon=True)
        thread.start()
        with Camera(tmp_path, server.getsockname()[1]) as camera:
            camera.visit(3)
            if answer:
                wait_until(lambda: lines(caplog, "MQTT: "), "a line")
    thread.join(LIMIT_S)
    if answer.startswith(b"\x20"):
        assert lines(caplog, "another broker with MQTT 5")


def talk(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(answer)
        connection.settimeout(LIMIT_S)
        while connection.recv(1000):
            pass


def test_the_loop_never_waits_for_a_broker_that_hangs(tmp_path):
    server = socket.create_server(("127.0.0.1", 0))  # nobody accepts
    with server, Camera(tmp_path, server.getsockname()[1], clocks=QUICK) as camera:
        start_s = time.monotonic()
        camera.visit(100)
        assert time.monotonic() - start_s < LIMIT_S / 3
