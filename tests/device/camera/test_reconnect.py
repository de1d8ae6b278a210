"""A device that drops: reopened with growing pauses, until it is back or stopped."""

import threading
import time

import numpy as np
import pytest

from device.camera.reconnect import Frozen, ReconnectingCamera
from device.errors import SourceError, Stopped


class FakeDevice:
    """Gives one frame each time it is opened, then drops; opening it fails on request."""

    name, fps, mode = "fake", 30.0, "2x2, 30 frames/s"

    def __init__(self, failures=0):
        self.failures, self.opened, self.closed = failures, 0, 0
        self.hang = threading.Event()
        self.hang.set()  # clear it to make open() hang
        self._frames = 0

    def open(self):
        self.opened += 1
        self.hang.wait()
        if 1 < self.opened <= 1 + self.failures:
            raise SourceError("fake is not connected")
        self._frames = 1

    def read(self):
        if not self._frames:
            raise SourceError("fake dropped")
        self._frames -= 1
        return np.zeros((2, 2, 3), np.uint8)

    def close(self):
        self.closed += 1


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_it_is_reopened_until_it_is_back_and_its_frame_numbers_continue(capsys):
    device = FakeDevice(failures=3)
    with ReconnectingCamera(device, backoff_s=(0.01,)) as camera:
        frames = iter(camera)
        assert [next(frames).index, next(frames).index] == [0, 1]
        assert device.opened == 5 and not camera.reconnecting
    assert capsys.readouterr().err.splitlines() == [
        "facet: fake dropped, trying to open it again",
        "facet: fake is back after 0 s: 2x2, 30 frames/s",
    ]


def test_a_read_without_a_frame_is_skipped():
    device = FakeDevice()
    answers = [None, np.zeros((2, 2, 3), np.uint8)]
    device.read = lambda: answers.pop(0)
    with ReconnectingCamera(device) as camera:
        assert next(iter(camera)).index == 0 and not answers


def test_a_device_that_cannot_be_opened_at_the_start_is_an_error():
    device = FakeDevice()
    device.opened, device.failures = 1, 1
    with pytest.raises(SourceError, match="fake is not connected"):
        ReconnectingCamera(device)


def test_stop_ends_a_long_pause():
    device = FakeDevice()
    with ReconnectingCamera(device, backoff_s=(60.0,)) as camera:
        threading.Timer(0.1, camera.stop).start()
        started_s = time.monotonic()
        assert len(list(camera)) == 1 and time.monotonic() - started_s < 10
    assert device.closed == 2  # when it dropped, and at the end


def test_an_attempt_that_hangs_in_the_driver_does_not_count_as_reconnecting():
    device = FakeDevice(failures=10**6)
    camera = ReconnectingCamera(device, backoff_s=(0.01,), attempt_timeout_s=0.3)
    assert not camera.reconnecting
    thread = threading.Thread(target=lambda: list(camera))
    thread.start()
    wait_for(lambda: device.opened > 3)
    assert camera.reconnecting
    device.hang.clear()
    wait_for(lambda: not camera.reconnecting)
    camera.stop()
    device.hang.set()
    thread.join()


def test_pauses_grow_while_the_camera_drops_at_once_again(monkeypatch):
    device, pauses = FakeDevice(), []
    camera = ReconnectingCamera(device, backoff_s=(0.0, 1.0, 2.0, 5.0), steady_s=60)
    stop = camera._stopping
    monkeypatch.setattr(stop, "wait", lambda pause_s: pauses.append(pause_s) or stop.is_set())
    for frame in camera:
        if frame.index == 6:
            camera.stop()
    assert pauses == [0.0, 1.0, 2.0, 5.0, 5.0, 5.0]


def test_pauses_begin_anew_after_steady_frames(monkeypatch):
    device, pauses = FakeDevice(), []
    camera = ReconnectingCamera(device, backoff_s=(0.0, 1.0, 2.0), steady_s=0.0)
    stop = camera._stopping
    monkeypatch.setattr(stop, "wait", lambda pause_s: pauses.append(pause_s) or stop.is_set())
    for frame in camera:
        if frame.index == 3:
            camera.stop()
    assert pauses == [0.0, 0.0, 0.0]


def test_a_camera_that_drops_in_a_storm_logs_a_line_a_minute(capsys):
    with ReconnectingCamera(FakeDevice(), backoff_s=(0.0,)) as camera:
        for frame in camera:
            if frame.index == 500:
                camera.stop()
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_an_absent_camera_is_waited_for_where_that_is_wanted(capsys):
    device = FakeDevice(failures=3)
    device.opened = 1  # the next three tries fail
    with ReconnectingCamera(device, backoff_s=(0.01,), wait=True) as camera:
        assert camera.reconnecting
        assert next(iter(camera)).index == 0 and not camera.reconnecting
    assert capsys.readouterr().err.splitlines() == [
        "facet: fake is not connected, waiting for it",
        "facet: fake is back after 0 s: 2x2, 30 frames/s",
    ]


def test_a_stop_does_not_wait_for_the_first_opening():
    device, stop = FakeDevice(), threading.Event()
    device.hang.clear()
    threading.Timer(0.1, stop.set).start()
    began_s = time.monotonic()
    with pytest.raises(Stopped):
        ReconnectingCamera(device, stopping=stop.is_set)
    assert time.monotonic() - began_s < 10
    device.hang.set()


def picture(level):
    return np.full((64, 64, 3), level, np.uint8)


def test_identical_pictures_for_a_minute_are_frozen():
    now_s = 0.0
    frozen = Frozen(60.0, lambda: now_s)
    noise = np.random.default_rng(0)
    answers = []
    for second in range(200):
        now_s = float(second)
        live = 90 <= second < 100
        answers.append(frozen(noise.integers(0, 9, (64, 64, 3)) if live else picture(7)))
    assert [second for second, answer in enumerate(answers) if answer] == [60, 160]
    assert not any(Frozen(0.0)(picture(7)) for _ in range(3))


@pytest.mark.parametrize("restart", [False, True])
def test_a_frozen_camera_is_told_and_opened_again_on_request(restart, capsys):
    device = FakeDevice()
    device.read = lambda: time.sleep(0.001) or picture(5)
    camera = ReconnectingCamera(device, backoff_s=(0.0,), frozen_s=0.02, frozen_restart=restart)
    began_s = time.monotonic()
    for _ in camera:
        if time.monotonic() - began_s > 0.2:
            camera.stop()
    printed = capsys.readouterr().err
    assert printed.count("gives the same picture for 0 s") == 1
    assert ("it may be frozen" in printed) is not restart
    assert (device.opened > 1) is restart
