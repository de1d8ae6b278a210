"""A device that drops: reopened with growing pauses, until it is back or stopped."""

import threading
import time

import numpy as np
import pytest

from device.camera.reconnect import ReconnectingCamera
from device.errors import SourceError


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
