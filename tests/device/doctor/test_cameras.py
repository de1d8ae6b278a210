"""Cameras: none, good and doubtful pictures, permissions."""

import dataclasses

import numpy as np
import pytest

from device.doctor.check_result import Check, CheckResult, examine
from device.doctor.checks import cameras
from device.settings import Settings
from tests.device.camera.video_driver import FakeCamera
from tests.device.doctor.made_up import RUNNING, answering, changed, with_settings


def test_no_camera_is_a_warning(machine):
    finding = cameras.listed(machine)
    assert finding.status == "warning" and "no camera found" in finding.message and finding.fix
    assert cameras.sources(machine, Settings()) == {}


def test_cameras_and_what_else_the_settings_name(machine, driver):
    driver.plug(0, FakeCamera())
    driver.plug(2, FakeCamera("Other Cam"))
    assert cameras.listed(machine) == CheckResult("ok", "usb:0 (HD Webcam), usb:2 (Other Cam)")
    plugged = {"camera usb:0": "usb:0", "camera usb:2": "usb:2"}
    for source in ("auto", "demo", "0", "1", "usb:2"):
        assert cameras.sources(machine, with_settings(camera={"source": source})) == plugged
    stream = "rtsp://user:secret@cam.local/live"
    for source in ("2", stream):
        wanted = with_settings(camera={"source": source})
        assert cameras.sources(machine, wanted) == plugged | {"source": source}


def test_a_good_picture_at_once_and_in_its_true_mode(machine, driver, astronaut):
    driver.plug(0, FakeCamera(picture=astronaut))
    finding = cameras.picture(machine, Settings(), "usb:0")
    assert finding == CheckResult(
        "ok", "HD Webcam, 640x480 MJPG, 30 frames/s: a face of plausible colour"
    )
    driver.plug(1, FakeCamera(picture=astronaut[300:, :200]))
    assert "no face to judge" in cameras.picture(machine, Settings(), "usb:1").message


def test_a_camera_that_wakes_up_is_waited_for(machine, driver, astronaut):
    """Its first frames are black, as long as it seeks its exposure."""
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

    slow = changed(machine, v4l2=dataclasses.replace(driver.v4l2, capture=wake))
    assert cameras.picture(slow, Settings(), "usb:0").status == "ok"


@pytest.mark.parametrize(
    ("make", "status", "said"),
    [
        (lambda portrait: portrait * 0, "warning", "all black"),
        (lambda portrait: portrait * 0 + 130, "failure", "(red 130, green 130, blue 130)"),
        (lambda portrait: portrait[..., ::-1], "warning", "a face bluer than skin"),
    ],
)
def test_a_doubtful_picture(machine, driver, astronaut, make, status, said):
    driver.plug(0, FakeCamera(picture=np.ascontiguousarray(make(astronaut))))
    finding = cameras.picture(machine, Settings(), "usb:0")
    assert (finding.status, said in finding.message) == (status, True), finding
    assert finding.message.startswith("HD Webcam, 640x480 MJPG, 30 frames/s: ") and finding.fix


def test_a_silent_camera_is_a_failure_of_its_own(machine, driver):
    driver.plug(0, FakeCamera(silent=True, silence_s=0.01))
    finding = examine(Check("c", lambda: cameras.picture(machine, Settings(), "usb:0")))
    assert finding.status == "failure" and finding.message == "usb:0 gives no picture"


def test_a_camera_that_the_service_has_is_well_used(machine, driver):
    """One that another program has is not."""
    driver.plug(0, FakeCamera(busy=True))
    finding = cameras.picture(machine, Settings(), "usb:0")
    assert finding.status == "warning" and "in use" in finding.message and finding.fix
    serving = changed(machine, run=answering(systemctl=RUNNING))
    finding = cameras.picture(serving, Settings(), "usb:0")
    assert finding.status == "ok" and finding.message.endswith("the service runs, pid 812")


def test_permission(machine, driver):
    node = driver.plug(0, FakeCamera())
    assert cameras.permission(machine).message == "ada, in group video, may open 1 devices"
    shut = changed(machine, may_open=lambda path: False, groups=frozenset({"ada"}))
    finding = cameras.permission(shut)
    assert finding.status == "failure" and f"ada may not open {node}" in finding.message
    assert finding.fix == "Run: sudo usermod -aG video ada, then log in again"
    added = changed(shut, {"etc/group": "audio:x:29:\nvideo:x:44:bob,ada\n"})
    assert cameras.permission(added).fix == "Log in again"
    odd = cameras.permission(changed(machine, may_open=lambda path: False))
    assert odd.status == "failure" and odd.fix == f"Look: ls -l {node}"


def test_permission_before_a_camera_is_plugged_in(machine):
    outside = changed(machine, groups=frozenset({"ada"}))
    assert cameras.permission(outside).status == "warning"
    assert cameras.permission(machine).status == "ok"
    assert cameras.permission(changed(outside, user="root")).status == "ok"
