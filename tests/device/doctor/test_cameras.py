"""Cameras: none, plausible and doubtful pictures, permissions."""

import dataclasses

import numpy as np
import pytest

from device.doctor.check_result import Check, CheckResult, run_check
from device.doctor.checks import cameras
from device.faces.orientation import turned
from device.settings import Settings
from tests.device.camera.video_driver import FakeCamera
from tests.device.doctor.made_up import RUNNING, answering, changed, with_settings


def test_no_camera_is_a_warning(system):
    result = cameras.listed(system)
    assert result.status == "warning" and "no camera found" in result.message and result.fix
    assert cameras.sources(system, Settings()) == {}


def test_cameras_and_what_else_the_settings_name(system, driver):
    driver.plug(0, FakeCamera())
    driver.plug(2, FakeCamera("Other Cam"))
    assert cameras.listed(system) == CheckResult("ok", "usb:0 (HD Webcam), usb:2 (Other Cam)")
    plugged = {"camera usb:0": "usb:0", "camera usb:2": "usb:2"}
    for source in ("auto", "demo", "0", "1", "usb:2"):
        assert cameras.sources(system, with_settings(camera={"source": source})) == plugged
    stream = "rtsp://user:secret@cam.local/live"
    for source in ("2", stream):
        wanted = with_settings(camera={"source": source})
        assert cameras.sources(system, wanted) == plugged | {"source": source}
    several = with_settings(camera={"source": ["0", "usb:2", "2", stream]})
    other = {"source 1": "2", "source 2": stream}
    assert cameras.sources(system, several) == plugged | other


def test_a_good_picture_at_once_and_in_its_true_mode(system, driver, astronaut):
    driver.plug(0, FakeCamera(picture=astronaut))
    result = cameras.picture(system, Settings(), "usb:0")
    assert result == CheckResult(
        "ok", "HD Webcam, 640x480 MJPG, 30 frames/s: a face of plausible colour"
    )
    driver.plug(1, FakeCamera(picture=astronaut[300:, :200]))
    assert "no face to judge" in cameras.picture(system, Settings(), "usb:1").message


def test_a_camera_that_sets_its_exposure_is_waited_for(system, driver, astronaut):
    """Its first frames are black."""
    waking = FakeCamera(picture=np.zeros_like(astronaut))
    driver.plug(0, waking)

    def wake(path, backend):
        waking.picture = np.zeros_like(astronaut)
        capture = driver.capture(path, backend)
        reads = iter(range(1000))
        retrieve = capture.retrieve

        def later():
            if next(reads) == 5:
                waking.picture = astronaut
            return retrieve()

        capture.retrieve = later
        return capture

    slow = changed(system, v4l2=dataclasses.replace(driver.v4l2, capture=wake))
    assert cameras.picture(slow, Settings(), "usb:0").status == "ok"


@pytest.mark.parametrize(
    ("make", "status", "message"),
    [
        (lambda portrait: portrait * 0, "warning", "all black"),
        (lambda portrait: portrait * 0 + 130, "failure", "(red 130, green 130, blue 130)"),
        (lambda portrait: portrait[..., ::-1], "warning", "a face bluer than skin:"),
    ],
)
def test_a_doubtful_picture(system, driver, astronaut, make, status, message):
    driver.plug(0, FakeCamera(picture=np.ascontiguousarray(make(astronaut))))
    result = cameras.picture(system, Settings(), "usb:0")
    assert (result.status, message in result.message) == (status, True), result
    assert result.message.startswith("HD Webcam, 640x480 MJPG, 30 frames/s: ") and result.fix


def test_a_silent_camera_is_a_failure_of_its_own(system, driver):
    driver.plug(0, FakeCamera(silent=True, silence_s=0.01))
    result = run_check(Check("c", lambda: cameras.picture(system, Settings(), "usb:0")))
    assert result.status == "failure" and result.message == "usb:0 gives no picture"


def test_a_camera_that_the_service_uses_is_ok(system, driver):
    """One that another program uses is a warning."""
    driver.plug(0, FakeCamera(busy=True))
    result = cameras.picture(system, Settings(), "usb:0")
    assert result.status == "warning" and "in use" in result.message and result.fix
    serving = changed(system, run=answering(systemctl=RUNNING))
    result = cameras.picture(serving, Settings(), "usb:0")
    assert result.status == "ok" and result.message.endswith("the service runs, pid 812")


def test_permission(system, driver):
    node = driver.plug(0, FakeCamera())
    assert cameras.permission(system).message == "ada, in group video, may open 1 device"
    shut = changed(system, may_open=lambda path: False, groups=frozenset({"ada"}))
    result = cameras.permission(shut)
    assert result.status == "failure" and f"ada may not open {node}" in result.message
    assert result.fix == "sudo usermod -aG video ada, then log in again"
    added = changed(shut, {"etc/group": "audio:x:29:\nvideo:x:44:bob,ada\n"})
    assert cameras.permission(added).fix == "log in again"
    odd = cameras.permission(changed(system, may_open=lambda path: False))
    assert odd.status == "failure" and odd.fix == f"ls -l {node}"


def test_permission_before_a_camera_is_plugged_in(system):
    outside = changed(system, groups=frozenset({"ada"}))
    assert cameras.permission(outside).status == "warning"
    assert cameras.permission(system).status == "ok"
    assert cameras.permission(changed(outside, user="root")).status == "ok"


@pytest.mark.parametrize(
    ("degrees", "rotate", "message", "fix"),
    [
        (180, 0, "faces are found only upside down", "rotate = 180 in [camera]"),
        (90, 0, "faces are found only sideways", "rotate = 270 in [camera]"),
        (270, 0, "faces are found only sideways", "rotate = 90 in [camera]"),
        (0, 180, "faces are found only upside down", "rotate = 0 in [camera]"),
    ],
)
def test_a_camera_that_is_not_upright(system, driver, astronaut, degrees, rotate, message, fix):
    driver.plug(0, FakeCamera(picture=turned(astronaut, degrees)))
    settings = with_settings(camera={"rotate": rotate})
    result = cameras.picture(system, settings, "usb:0")
    assert (result.status, result.fix) == ("warning", fix) and message in result.message
    upright = with_settings(camera={"rotate": int(fix.split()[2])})
    assert cameras.picture(system, upright, "usb:0").status == "ok"
