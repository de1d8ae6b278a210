"""Finding cameras: the list, its numbers, auto, and what the errors say."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.camera.device_users import device_users
from device.camera.discovery import no_camera_error, table
from device.camera.open import open_camera
from device.camera.v4l2 import V4l2
from device.errors import SourceError, UsageError
from device.settings import CameraSettings
from tests.device.camera.video_driver import (
    CAPTURE,
    IO_MC,
    M2M,
    META,
    STREAMING,
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


def test_the_parts_of_a_pis_camera_pipeline_are_no_cameras(driver):
    """A Pi 4 with a CSI camera and a webcam, and a Pi 5's."""
    driver.plug(0, FakeCamera("unicam", "platform:fe801000.csi", "unicam"))
    driver.plug(8, FakeCamera(caps=CAPTURE | STREAMING))
    driver.plug(9, FakeCamera(caps=META | STREAMING))  # the webcam's metadata
    for number in (10, 11, 12):
        driver.plug(
            number, FakeCamera("bcm2835-codec", "platform:bcm2835-codec", "bcm2835-codec", M2M)
        )
    driver.plug(14, FakeCamera("bcm2835-isp", "platform:bcm2835-isp", "bcm2835-isp"))
    driver.plug(19, FakeCamera("rpivid", "platform:rpivid", "rpivid", M2M))
    driver.plug(20, FakeCamera("rp1-cfe", "platform:1f00110000.csi", "rp1-cfe"))
    driver.plug(21, FakeCamera("new-csi", "platform:csi", "new-csi", CAPTURE | IO_MC))
    driver.plug(22, FakeCamera("pispbe", "platform:1000880000.pisp_be", "pispbe"))
    assert [node.name for node in driver.v4l2.cameras()] == ["usb:8"]
    assert opened(driver, "0").name == "usb:8"
    with pytest.raises(SourceError, match=r"video9 is not a capture device \(HD Webcam, uvc"):
        opened(driver, "usb:9")


def test_the_list_of_cameras(driver):
    driver.plug(2, FakeCamera())
    any_size = {"YU12": (32, 2592, 2, 32, 1944, 2)}
    driver.plug(10, FakeCamera("mmal service", "platform:mmal", "bm2835 mmal", formats=any_size))
    assert table(driver.v4l2).splitlines() == [
        "no  --camera  name          kind  modes, at most frames/s",
        "0   usb:2     HD Webcam     USB   YUYV 640x480@30 1280x720@10",
        "                                  MJPG 640x480@30 1280x720@30 1920x1080@30",
        "1   usb:10    mmal service  V4L2  YU12 up to 2592x1944",
    ]


def test_a_number_beyond_the_list_says_how_many_there_are(driver):
    driver.plug(4, FakeCamera())
    with pytest.raises(SourceError, match=r"no camera 1: 1 found, counted from 0. Try: python -m"):
        opened(driver, "1")


KINDS = {
    "camera": FakeCamera(formats={"MJPG": {(640, 480): [(30, 1)]}}),
    "metadata": FakeCamera(caps=META | STREAMING),
    "codec": FakeCamera("bcm2835-codec", "platform:bcm2835-codec", "bcm2835-codec", M2M),
}


@given(st.dictionaries(st.integers(0, 63), st.sampled_from(list(KINDS)), max_size=9))
@settings(max_examples=30, deadline=None)
def test_every_number_of_the_list_opens_the_camera_beside_it(plugged):
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(Path(folder))
        for number, kind in plugged.items():
            driver.plug(number, KINDS[kind])
        names = [f"usb:{n}" for n in sorted(plugged) if plugged[n] == "camera"]
        assert [opened(driver, n).name for n in range(len(names))] == names
        with pytest.raises(SourceError, match="no camera"):
            opened(driver, len(names))


def test_without_a_camera_the_error_says_what_was_searched(driver):
    with pytest.raises(SourceError, match=r"there is no \S+/dev/video\*, and CSI cameras"):
        table(driver.v4l2)
    driver.plug(10, FakeCamera(caps=M2M))
    assert "none of the 1 /" in str(no_camera_error(driver.v4l2))


@contextlib.contextmanager
def unprivileged():
    """Be a user outside the group `video`, also where the tests run as root."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_without_permission_the_hint_names_the_group():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        driver = Driver(Path(folder))
        driver.plug(0, FakeCamera()).chmod(0)
        with unprivileged():
            for source in ("usb:0", "0"):
                with pytest.raises(
                    SourceError, match=r"this user may not open .* Try: sudo usermod"
                ):
                    opened(driver, source)


def test_a_file_that_is_no_device(tmp_path):
    (tmp_path / "video0").touch()
    with pytest.raises(SourceError, match=r"video0 is not a video device: Inappropriate ioctl"):
        V4l2(tmp_path).node(tmp_path / "video0")


def test_auto_skips_a_camera_that_is_in_use(driver, capsys):
    driver.plug(0, FakeCamera(busy=True))
    driver.plug(2, FakeCamera("Other"))
    assert opened(driver, "auto").name == "usb:2"
    assert "usb:0 is in use by" in capsys.readouterr().err
    driver.unplug(2)
    assert opened(driver, "auto").name == "demo"


def test_names_that_mean_no_camera(driver):
    with pytest.raises(UsageError, match=r"'usb:first' is not a camera. Try: usb:0"):
        opened(driver, "usb:first")
    with pytest.raises(UsageError, match=r"'csi:' is not a camera. Try: csi:0"):
        opened(driver, "csi:")
    with pytest.raises(UsageError, match="is not a camera"):
        opened(driver, "usb:" + "9" * 5000)


def test_the_program_that_uses_the_camera_is_named(driver):
    path = driver.plug(0, FakeCamera(busy=True))
    code = f"import sys; f = open({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        other.stdout.readline()
        with pytest.raises(
            SourceError, match=rf"usb:0 is in use by \S+ \(pid {other.pid}\). Try: stop"
        ):
            opened(driver)
        assert driver.v4l2.node(path).title == "HD Webcam"  # a query is still allowed
    assert device_users(path) == []
    with pytest.raises(SourceError, match=r"of another user. Try: sudo fuser -v /"):
        opened(driver)


def test_this_program_is_not_among_the_users(tmp_path):
    with (tmp_path / "video0").open("w"):
        assert device_users(tmp_path / "video0") == []
