"""A camera that drops is reconnecting, until its driver hangs."""

import threading
import time

from device.camera.reconnect import ReconnectingCamera
from device.errors import SourceError


class HangingDevice:
    """A camera that drops at once, and hangs at the third attempt to open it again."""

    name, fps, mode = "gone", 30.0, ""

    def __init__(self):
        self.attempts, self.hangs, self.release = 0, threading.Event(), threading.Event()

    def open(self):
        self.attempts += 1
        if self.attempts > 3:
            self.hangs.set()
            self.release.wait(30)
        if self.attempts > 1:
            raise SourceError("gone is not there")

    def read(self):
        raise SourceError("gone dropped")

    def close(self):
        pass


def test_a_camera_whose_driver_hangs_is_not_reconnecting():
    device = HangingDevice()
    camera = ReconnectingCamera(device, backoff_s=(0.02,), attempt_timeout_s=0.3)
    assert not camera.reconnecting
    thread = threading.Thread(target=lambda: list(camera))
    thread.start()
    assert device.hangs.wait(10) and camera.reconnecting
    time.sleep(0.35)
    assert not camera.reconnecting
    camera.stop()
    device.release.set()
    thread.join(10)
    assert not thread.is_alive()
