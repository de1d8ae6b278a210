"""What systemd is told, by the output alone and by the whole command."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from device.outputs import Result
from device.outputs.status_log import StatusLog, hottest_c
from device.outputs.systemd import service
from device.types import Face, Frame, Track
from tests.conftest import ROOT
from tests.device.camera.webcam import show
from tests.device.cli.test_run import HEADLESS, rows


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def heard(self, wait_s=0.0):
        """Return the next message as {variable: value}; {} where none comes in time."""
        self._socket.settimeout(wait_s or 1e-6)
        try:
            text = self._socket.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return {}
        return dict(line.split("=", 1) for line in text.split("\n"))

    def hear(self, variable, wait_s=60.0):
        """Return the first value of a variable; fails where none comes in time."""
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            message = self.heard(until - time.monotonic())
            if variable in message:
                return message[variable]
        raise AssertionError(f"systemd never heard {variable}")

    def forget(self):
        while self.heard():
            pass

    def close(self):
        self._socket.close()


@pytest.fixture
def systemd(tmp_path):
    one = Systemd(str(tmp_path / "notify"))
    yield one
    one.close()


def result(index=0, people=0, source="usb:0"):
    face = Face((1.0, 1.0, 9.0, 9.0), 0.9, np.zeros((4, 2)))
    tracks = [Track(number, face, 5, "ok", None) for number in range(1, people + 1)]
    frame = Frame(np.zeros((2, 2, 3), np.uint8), index, datetime.now(UTC), float(index), source)
    return Result(frame, tracks, [[]] * people, 14.96)


def watched(tmp_path, away=lambda: False, watchdog_s=0.4):
    environment = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": str(round(watchdog_s * 1e6)),
    }
    return service(away, environment)


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_systemd_there_is_nothing(environment):
    assert service(lambda: False, environment) is None


def test_ready_with_the_first_frame_and_not_before(tmp_path, systemd):
    with watched(tmp_path) as one:
        assert systemd.heard(0.3) == {}
        assert one.write(result(people=2)) is True
        assert systemd.heard() == {"READY": "1", "STATUS": "usb:0, 15.0 frames/s, 2 faces"}
    systemd.hear("STOPPING", 1)


def test_an_address_in_the_abstract_namespace():
    name = f"facet-test-{os.getpid()}"
    systemd = Systemd("\0" + name)
    with service(lambda: False, {"NOTIFY_SOCKET": "@" + name}) as one:
        one.write(result())
        assert systemd.heard()["READY"] == "1"
    systemd.close()


def test_the_watchdog_is_fed_by_frames_and_by_nothing_else(tmp_path, systemd):
    with watched(tmp_path) as one:
        one.write(result())
        for index in range(1, 4):
            one.write(result(index))
            systemd.hear("WATCHDOG", 2)
        systemd.forget()
        time.sleep(0.15)  # what came after the last feeding may still feed once
        systemd.forget()
        assert systemd.heard(0.5) == {}
        one.write(result(9))
        systemd.hear("WATCHDOG", 2)


def test_a_camera_that_is_away_feeds_it(tmp_path, systemd):
    with watched(tmp_path, away=lambda: True) as one:
        one.write(result())
        message = {}
        while "looked for" not in message.get("STATUS", ""):
            message = systemd.heard(2)
            assert message
        assert message == {"WATCHDOG": "1", "STATUS": "usb:0 is away, looked for"}


def test_a_source_with_a_line_break_sends_no_other_variable(tmp_path, systemd):
    with watched(tmp_path) as one:
        one.write(result(source="a\nSTOPPING=1"))
        assert set(systemd.heard()) == {"READY", "STATUS"}


def test_nobody_who_listens_is_no_fault(tmp_path):
    with watched(tmp_path) as one:
        assert one.write(result()) is True


# What the journal is told


def test_a_line_in_a_while_tells_what_happened_since(capsys):
    clock, dropped = [0.0], [0]
    journal = StatusLog(60.0, lambda: dropped[0], lambda: 51.6, lambda: clock[0])
    for index in range(241):  # 2 frames/s for two minutes
        clock[0], dropped[0] = index / 2, index * 3
        assert journal.write(result(index, people=2 if index < 100 else 1)) is True
    assert capsys.readouterr().err.splitlines() == [
        "facet: last 60 s: 2.0 frames/s, 2 faces, 360 dropped, 52 °C",
        "facet: last 60 s: 2.0 frames/s, 1 face, 360 dropped, 52 °C",
    ]


def test_the_hottest_part_and_none_where_none_is_told(tmp_path):
    assert hottest_c(tmp_path) is None
    for number, text in enumerate(("48312\n", "61000\n", "broken")):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(text)
    (tmp_path / "thermal_zone3").mkdir()  # one that cannot be read
    assert hottest_c(tmp_path) == 61.0


# The command


@pytest.fixture
def start(tmp_path, systemd):
    """Start the command as systemd does: start(*arguments, **environment)."""
    started = []

    def run(*arguments, **environment):
        env = {**HEADLESS, "NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "device.run", "--headless", *map(str, arguments)],
            cwd=tmp_path,
            env={**env, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def stop_s(process):
    """Send SIGTERM; return its exit code, what it said, and how long it took, s."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    return process.returncode, said, time.monotonic() - begun


def film(path, portrait, seconds=20):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (480, 480))
    frame = cv2.resize(portrait, (480, 480))
    for _ in range(25 * seconds):
        writer.write(frame)
    writer.release()


def test_a_film_is_told_and_stopped_within_2_s_with_its_rows_on_disk(
    tmp_path, systemd, start, astronaut
):
    film(tmp_path / "film.avi", astronaut)
    log = tmp_path / "faces.csv"
    one = start("--camera", "film.avi", "--log", log, "--log-every", 0, WATCHDOG_USEC="400000")
    assert systemd.hear("READY") == "1"
    assert systemd.hear("WATCHDOG") == "1"
    until = time.monotonic() + 30
    while len(rows(log)) < 20 and time.monotonic() < until:
        time.sleep(0.02)
    code, said, seconds = stop_s(one)
    assert code == 0 and seconds < 2, said
    systemd.hear("STOPPING", 1)
    frames = int(said.splitlines()[-1].split()[1])
    assert [row["frame"] for row in rows(log)] == [str(n) for n in range(2, frames)]


@pytest.mark.parametrize("state", ["alive", "silent", "gone"])
def test_a_camera_is_stopped_within_2_s_however_it_does(
    tmp_path, systemd, start, driver, dev, state
):
    log = tmp_path / "faces.csv"
    double = {"LD_PRELOAD": str(driver), "V4L2_DOUBLE": str(dev), "WATCHDOG_USEC": "1000000"}
    one = start("--camera", "usb:2", "--log", log, "--log-every", 0, **double)
    systemd.hear("READY")
    until = time.monotonic() + 30
    while len(rows(log)) < 5 and time.monotonic() < until:
        time.sleep(0.02)
    if state == "silent":
        show(dev, 2, "silent")
        time.sleep(0.5)
        systemd.forget()
        assert systemd.heard(0.8) == {}  # systemd would end it soon
    if state == "gone":
        (dev / "video2").unlink()
        while "away" not in systemd.hear("STATUS"):
            pass
        assert systemd.hear("WATCHDOG", 2) == "1"
    code, said, seconds = stop_s(one)
    assert code == 0 and seconds < 2, said
    got = [int(row["frame"]) for row in rows(log)]
    assert len(got) >= 5 and got == sorted(set(got))
    assert log.read_bytes().endswith(b"\n")


def test_the_journal_gets_a_line_now_and_then(tmp_path, systemd, start):
    (tmp_path / "facet.toml").write_text("[outputs]\nstatus_every = 0.1\n")
    one = start("--camera", "demo", "--config", "facet.toml", "--log", "faces.csv")
    _, said = one.communicate(timeout=60)
    lines = [line for line in said.splitlines() if "last " in line]
    assert one.returncode == 0 and len(lines) > 2, said
    assert all("frames/s" in line and "dropped" in line for line in lines)
    systemd.hear("STOPPING", 1)
