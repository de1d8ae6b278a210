"""USB cameras, on a driver in memory (video_driver.py)."""

import dataclasses
import errno
import os
import re
import threading
import time

import cv2
import pytest

from device.camera import is_live
from device.camera.newest_frame import NewestFrameReader
from device.camera.open import open_camera
from device.camera.reconnect import ReconnectingCamera
from device.camera.usb import UsbCamera
from device.errors import FacetError, SourceError, Stopped
from device.settings import CameraSettings
from tests.device.camera.video_driver import (
    Driver,
    FakeCamera,
)


@pytest.fixture
def driver(tmp_path):
    folder = tmp_path / "dev"
    folder.mkdir()
    return Driver(folder)


def opened(driver, source="0", **settings):
    return open_camera(CameraSettings(source=str(source), **settings), v4l2=driver.v4l2)


def first(camera):
    with camera:
        return next(iter(camera))


def test_the_mode_is_what_the_camera_delivers(driver):
    driver.plug(0, FakeCamera())
    camera = opened(driver, "usb:0", width=1200, height=700, fps=25)
    assert camera.mode == "HD Webcam, 1280x720 MJPG, 25 frames/s"
    assert (camera.name, camera.fps, is_live(camera)) == ("usb:0", 25, True)
    frame = first(camera)
    assert frame.bgr.shape == (720, 1280, 3) and frame.source == "usb:0"


def test_a_camera_without_motion_jpeg_keeps_its_format(driver):
    driver.plug(0, FakeCamera(formats={"YUYV": {(640, 480): [(30, 1)]}}))
    assert "640x480 YUYV" in opened(driver).mode


def test_it_is_closed_after_each_of_twenty_runs(driver):
    camera = FakeCamera()
    driver.plug(0, camera)
    before, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        assert first(opened(driver)).source == "usb:0"
        assert camera.opened == 0 and threading.active_count() == before
    assert len(os.listdir("/proc/self/fd")) == files


def reconnecting(driver, number=0, frame_timeout_s=10.0):
    camera = UsbCamera(driver.v4l2.path(number), CameraSettings(), driver.v4l2)
    return NewestFrameReader(
        ReconnectingCamera(camera, backoff_s=(0.01, 0.02)), frame_timeout_s=frame_timeout_s
    )


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_camera_reconnects_under_another_number(driver, capsys):
    webcam = FakeCamera()
    driver.plug(0, webcam)
    with reconnecting(driver, frame_timeout_s=0.1) as camera:
        frames = iter(camera)
        before = next(frames)
        driver.unplug(0)
        driver.plug(1, FakeCamera("Another maker's"))
        threading.Timer(0.5, driver.plug, (2, webcam)).start()  # longer than the frame timeout
        wait_for(lambda: webcam.opened == 0)
        while webcam.opened == 0:
            after = next(frames)  # the first may be one from before
        after = next(frames)
        assert after.source == before.source == "usb:0" and after.index > before.index
    printed = capsys.readouterr().err
    assert printed.count("usb:0 dropped, trying to open it again") == 1
    assert re.search(r"usb:0 is back after \d s: HD Webcam, 640x480 MJPG, 30 frames/s", printed)
    assert webcam.opened == 0


@pytest.mark.parametrize("same_port_is_back", [True, False])
def test_of_two_cameras_of_a_model_the_one_on_the_same_port_is_preferred(driver, same_port_is_back):
    mine, other = FakeCamera(bus="usb-1"), FakeCamera(bus="usb-2")
    driver.plug(0, mine)
    driver.plug(1, other)
    camera = UsbCamera(driver.v4l2.path(0), CameraSettings(), driver.v4l2)
    camera.open()
    camera.close()
    driver.unplug(0)
    if same_port_is_back:
        driver.plug(7, mine)
    camera.open()
    assert (mine.opened, other.opened) == ((1, 0) if same_port_is_back else (0, 1))
    camera.close()


def test_its_port_is_remembered_while_another_of_the_model_is_in_use(driver):
    mine, other = FakeCamera(bus="usb-1"), FakeCamera(bus="usb-2")
    driver.plug(0, mine)
    camera = UsbCamera(driver.v4l2.path(0), CameraSettings(), driver.v4l2)
    camera.open()
    camera.close()
    driver.unplug(0)
    other.busy = True
    driver.plug(1, other)
    with pytest.raises(SourceError, match="in use"):
        camera.open()
    driver.plug(2, mine)
    camera.open()
    assert mine.opened == 1
    camera.close()


def test_a_camera_that_stops_giving_frames_is_a_fault_and_is_closed(driver):
    webcam = FakeCamera()
    driver.plug(0, webcam)
    with reconnecting(driver, frame_timeout_s=0.3) as camera, pytest.raises(FacetError) as fault:
        for _ in camera:
            webcam.silent = True
    assert str(fault.value) == "usb:0 gave no frame for 0 s. Try: check the cable"
    assert webcam.opened == 0


def test_a_single_failed_read_is_not_a_drop(driver):
    """A signal that interrupts select() in OpenCV makes one read fail."""
    webcam = FakeCamera()
    driver.plug(0, webcam)
    camera = UsbCamera(driver.v4l2.path(0), CameraSettings(), driver.v4l2)
    camera.open()
    webcam.busy = True
    assert camera.read() is None
    webcam.busy = False
    assert camera.read().shape == (480, 640, 3)
    webcam.busy = True
    assert camera.read() is None
    with pytest.raises(SourceError, match="usb:0 dropped"):
        camera.read()
    camera.close()


def test_broken_frames_are_dropped_and_logged_once(driver, capsys, monkeypatch):
    """OpenCV raises for a JPEG of zero bytes, and for one beyond its limit."""
    driver.plug(0, FakeCamera())
    camera = UsbCamera(driver.v4l2.path(0), CameraSettings(), driver.v4l2)
    camera.open()
    good, answers = camera._capture.retrieve, [cv2.error("empty"), (False, None)] * 10

    def retrieve():
        answer = answers.pop(0) if answers else good()
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(camera._capture, "retrieve", retrieve)
    assert [camera.read() for _ in range(20)] == [None] * 20
    assert camera.read().shape == (480, 640, 3)
    assert capsys.readouterr().err == "facet: usb:0: a broken frame was dropped\n"
    camera.close()


def test_a_camera_that_is_absent_at_the_start_is_waited_for_if_wanted(driver, capsys):
    with pytest.raises(SourceError):
        opened(driver)
    with opened(driver, "0", wait=True) as camera:
        assert (camera.name, camera.reconnecting, is_live(camera)) == ("0", True, True)
        threading.Timer(0.3, driver.plug, (3, FakeCamera())).start()
        frame = next(iter(camera))
        assert frame.source == camera.name == "usb:3" and camera.mode.startswith("HD Webcam")
    printed = capsys.readouterr().err
    assert printed.count("no camera found") == 1 and printed.count("waiting for it") == 1
    assert "usb:3 is back after" in printed


def test_a_stop_ends_the_wait_for_an_absent_camera(driver):
    stop = threading.Event()
    with open_camera(CameraSettings(source="usb:0", wait=True), stop.is_set, driver.v4l2) as camera:
        threading.Timer(0.2, stop.set).start()
        began_s = time.monotonic()
        assert list(camera) == [] and time.monotonic() - began_s < 10


def test_a_camera_without_a_picture_is_closed(driver):
    webcam = FakeCamera(silent=True, silence_s=0.01)
    driver.plug(0, webcam)
    with pytest.raises(SourceError, match=r"usb:0 gives no picture. Try: plug it in again"):
        opened(driver)
    assert webcam.opened == 0


def test_stopping_does_not_wait_for_a_reconnecting_camera(driver):
    driver.plug(0, FakeCamera())
    stop = threading.Event()
    camera = UsbCamera(driver.v4l2.path(0), CameraSettings(), driver.v4l2)
    with NewestFrameReader(
        ReconnectingCamera(camera, backoff_s=(60.0,)), stop.is_set, frame_timeout_s=1.0
    ) as latest:
        frames = iter(latest)
        next(frames)
        driver.unplug(0)
        threading.Timer(0.3, stop.set).start()
        assert len(list(frames)) < 100


@pytest.mark.parametrize("call", ["ioctl", "capture"])
@pytest.mark.parametrize("source", ["0", "usb:0", "auto"])
@pytest.mark.parametrize("wait", [False, True])
def test_a_driver_that_hangs_does_not_delay_a_stop(driver, monkeypatch, call, source, wait):
    driver.plug(0, FakeCamera())
    stop, hangs, released = threading.Event(), threading.Event(), threading.Event()

    def hang(*_):
        hangs.set()
        released.wait(60)
        raise OSError(errno.ENODEV, "gone")

    v4l2 = dataclasses.replace(driver.v4l2, **{call: hang})
    threading.Thread(target=lambda: hangs.wait(30) and stop.set()).start()
    settings = CameraSettings(source=source, wait=wait)
    with pytest.raises(Stopped, match="stopped while opening"):
        open_camera(settings, stop.is_set, v4l2)
    assert hangs.is_set()
    released.set()


def test_a_camera_is_not_found_at_the_port_of_another_one_of_the_run(driver):
    """Two of the same model: the first comes back at a new number, at its own port or a new one."""
    driver.plug(0, FakeCamera(bus="usb-1"))
    driver.plug(2, FakeCamera(bus="usb-2"))
    first, second = (
        UsbCamera(driver.v4l2.path(number), CameraSettings(), driver.v4l2) for number in (0, 2)
    )
    first.open()
    second.open()
    first.close()
    driver.unplug(0)
    with pytest.raises(SourceError, match="usb:0 is not connected"):
        first.open()
    second.close()  # now both are gone
    driver.unplug(2)
    driver.plug(4, FakeCamera(bus="usb-2"))
    with pytest.raises(SourceError, match="usb:0 is not connected"):
        first.open()
    driver.plug(6, FakeCamera(bus="usb-3"))
    first.open()
    second.open()
    assert driver.v4l2.ports == {"usb:0": "usb-3", "usb:2": "usb-2"}
    assert {name: path.name for name, path in driver.v4l2.open_paths.items()} == {
        "usb:0": "video6",
        "usb:2": "video4",
    }
    first.close()
    second.close()
