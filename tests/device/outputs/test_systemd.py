"""What systemd receives: from the output alone, and from the whole command."""

import os
import signal
import socket
import subprocess
import sys
import time

import cv2
import pytest

from device.outputs.systemd import STATUS_S, status, systemd_notifier
from tests.conftest import ROOT
from tests.device.camera.webcam import show
from tests.device.cli.test_run import HEADLESS, rows
from tests.device.outputs.made_up import face
from tests.device.outputs.made_up import result as made_up_result


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def receive(self, wait_s=0.0):
        """Return the next message as {variable: value}; {} if none comes in time."""
        self._socket.settimeout(wait_s or 1e-6)
        try:
            text = self._socket.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return {}
        return dict(line.split("=", 1) for line in text.split("\n"))

    def wait_for(self, variable, wait_s=60.0, containing=""):
        """Return the next value of a variable with this text; fails if none comes in time."""
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            message = self.receive(until - time.monotonic())
            if containing in message.get(variable, "") and variable in message:
                return message[variable]
        raise AssertionError(f"systemd received no {variable} with {containing!r}")

    def discard(self):
        while self.receive():
            pass

    def wait_for_silence(self, wait_s=60.0):
        """Return once no message came for twice as long as a watchdog waits; else fail."""
        until = time.monotonic() + wait_s
        while self.receive(2.0):
            assert time.monotonic() < until

    def close(self):
        self._socket.close()


@pytest.fixture
def systemd(tmp_path):
    systemd = Systemd(str(tmp_path / "notify"))
    yield systemd
    systemd.close()


def result(index=0, faces=0, source="usb:0"):
    made_up = [face(id) for id in range(1, faces + 1)]
    return made_up_result(*made_up, index=index, source=source, fps=14.96)


def notifier(tmp_path, reconnecting=lambda: False, watchdog_s=0.2):
    environment = {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": str(round(watchdog_s * 1e6)),
    }
    return systemd_notifier(reconnecting, environment)


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_systemd_there_is_no_notifier(environment):
    assert systemd_notifier(lambda: False, environment) is None


def test_ready_with_the_first_frame_and_not_before(tmp_path, systemd):
    with notifier(tmp_path) as output:
        assert systemd.receive(0.1) == {}
        assert output.write(result(faces=2)) is None
        assert systemd.receive() == {"READY": "1", "STATUS": "usb:0, 15.0 frames/s, 2 faces"}
    systemd.wait_for("STOPPING")


def test_a_run_without_frames_stops_politely(tmp_path, systemd):
    with notifier(tmp_path):
        pass
    assert systemd.receive() == {"STOPPING": "1", "STATUS": "stopping"}


def test_an_address_in_the_abstract_namespace():
    name = f"facet-test-{os.getpid()}"
    systemd = Systemd("\0" + name)
    with systemd_notifier(lambda: False, {"NOTIFY_SOCKET": "@" + name}) as output:
        output.write(result())
        assert systemd.receive()["READY"] == "1"
    systemd.close()


def test_the_watchdog_is_notified_of_new_frames_and_of_nothing_else(tmp_path, systemd):
    with notifier(tmp_path) as output:
        output.write(result())
        for index in range(1, 4):
            output.write(result(index))
            systemd.wait_for("WATCHDOG")
        systemd.wait_for_silence()  # a frame of the last moment may still count once
        output.write(result(9))
        systemd.wait_for("WATCHDOG")


def test_the_watchdog_is_notified_while_the_camera_is_reconnecting(tmp_path, systemd):
    with notifier(tmp_path, reconnecting=lambda: True) as output:
        output.write(result())
        ready, alive, reconnecting = (systemd.receive(20) for _ in range(3))
    assert ready["READY"] == alive["WATCHDOG"] == "1" and "frames/s" in alive["STATUS"]
    assert reconnecting == {"WATCHDOG": "1", "STATUS": "usb:0: reconnecting"}


def test_a_service_that_waits_for_its_camera_is_ready_and_alive(tmp_path, systemd):
    with notifier(tmp_path, reconnecting=lambda: True):
        ready, alive = (systemd.receive(20) for _ in range(2))
    assert ready == {"READY": "1", "STATUS": "waiting for the camera"}
    assert alive == {"WATCHDOG": "1", "STATUS": "waiting for the camera"}


def test_a_watchdog_thread_that_fails_ends_the_run(tmp_path, systemd):
    asked = []

    def fail():
        asked.append(True)
        if len(asked) > 1:  # in the thread
            raise OSError("the camera's state is gone")

    with pytest.raises(OSError, match="state is gone"), notifier(tmp_path, fail) as output:
        output.write(result())
        # No frame meanwhile: the thread asks only while frames are missing.
        deadline = time.monotonic() + 10
        while len(asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        output.write(result(1))


def test_a_source_with_a_line_break_sends_no_other_variable(tmp_path, systemd):
    with notifier(tmp_path) as output:
        output.write(result(source="a\nSTOPPING=1\x1b[31m"))
        sent = systemd.receive()
        assert set(sent) == {"READY", "STATUS"} and sent["STATUS"].isprintable()


@pytest.mark.parametrize("micros", ["", "0", "-1", "1e400", "\u0663", "9" * 40, "9" * 5000])
def test_an_odd_watchdog_limit_is_none(micros):
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": micros}
    assert systemd_notifier(lambda: False, environment)._every_s == STATUS_S


def test_a_systemd_that_does_not_listen_is_no_fault(tmp_path):
    with notifier(tmp_path) as output:
        output.write(result())


# The command


@pytest.fixture
def start(tmp_path, systemd):
    """Start the command as systemd does: start(*arguments, **environment)."""
    processes = []

    def run(*arguments, **environment):
        env = {**HEADLESS, "NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "device.run", "--headless", *map(str, arguments)],
            cwd=tmp_path,
            env={**env, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def terminate(process):
    """Send SIGTERM; return the exit code, stderr, and how long it took, s."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    return process.returncode, stderr, time.monotonic() - started


def write_video(path, portrait, seconds=20):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (480, 480))
    frame = cv2.resize(portrait, (480, 480))
    for _ in range(25 * seconds):
        writer.write(frame)
    writer.release()


def wait_for_rows(log, count):
    until = time.monotonic() + 30
    while len(rows(log)) < count and time.monotonic() < until:
        time.sleep(0.02)


def test_a_video_is_stopped_soon_with_its_rows_on_the_disk(tmp_path, systemd, start, astronaut):
    write_video(tmp_path / "film.avi", astronaut)
    log = tmp_path / "faces.csv"
    process = start("--camera", "film.avi", "--log", log, "--log-every", 0, WATCHDOG_USEC="400000")
    assert systemd.wait_for("READY") == "1"
    assert systemd.wait_for("WATCHDOG") == "1"
    wait_for_rows(log, 20)
    code, stderr, seconds = terminate(process)
    assert code == 0 and seconds < 10, stderr
    systemd.wait_for("STOPPING")
    frames = int(stderr.splitlines()[-1].split()[1])
    assert [row["frame"] for row in rows(log)] == [str(n) for n in range(frames)]


@pytest.mark.parametrize("state", ["alive", pytest.param("silent", marks=pytest.mark.slow), "gone"])
def test_a_camera_is_stopped_soon_in_any_state(tmp_path, systemd, start, driver, dev, state):
    log = tmp_path / "faces.csv"
    double = {"LD_PRELOAD": str(driver), "V4L2_DOUBLE": str(dev), "WATCHDOG_USEC": "1000000"}
    process = start("--camera", "usb:2", "--log", log, "--log-every", 0, **double)
    systemd.wait_for("READY")
    wait_for_rows(log, 5)
    if state == "silent":
        show(dev, 2, "silent")
        systemd.wait_for_silence()  # systemd would end it soon
    if state == "gone":
        (dev / "video2").unlink()
        systemd.wait_for("STATUS", containing="reconnecting")
        assert systemd.wait_for("WATCHDOG") == "1"
    code, stderr, seconds = terminate(process)
    assert code == 0 and seconds < 10, stderr
    frames = [int(row["frame"]) for row in rows(log)]
    assert len(frames) >= 5 and frames == sorted(set(frames))
    assert log.read_bytes().endswith(b"\n")


def test_the_journal_gets_status_lines(tmp_path, systemd, start):
    (tmp_path / "facet.toml").write_text("[outputs]\nstatus_every = 0.1\n")
    process = start("--camera", "demo", "--max-frames", 100, "--config", "facet.toml")
    _, stderr = process.communicate(timeout=60)
    lines = [line for line in stderr.splitlines() if "last " in line]
    assert process.returncode == 0 and len(lines) >= 2, stderr
    assert all("frames/s" in line and "dropped" in line for line in lines)
    systemd.wait_for("STOPPING")


def test_the_status_names_the_number_of_faces_only_where_that_is_permitted():
    shown = made_up_result(face(1), face(2), fps=14.9)
    assert status(shown) == "film, 14.9 frames/s, 2 faces"
    assert status(shown, faces=False) == "film, 14.9 frames/s"
