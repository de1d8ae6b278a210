"""USB cameras, on a driver in memory (video_driver.py)."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.camera import is_live
from device.camera.device_users import device_users
from device.camera.discovery import no_camera_error, table
from device.camera.newest_frame import NewestFrameReader
from device.camera.open import open_camera
from device.camera.reconnect import ReconnectingCamera
from device.camera.usb import UsbCamera
from device.camera.v4l2 import V4l2
from device.errors import FacetError, SourceError, UsageError
from device.settings import CameraSettings
from tests.device.camera.video_driver import (
    CAPTURE,
    IO_MC,
    M2M,
    META,
    STREAMING,
    CameraInfo,
    Driver,
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
    driver.plug(0, CameraInfo())
    camera = opened(driver, "usb:0", width=1200, height=700, fps=25)
    assert camera.mode == "HD Webcam, 1280x720 MJPG, 25 frames/s"
    assert (camera.name, camera.fps, is_live(camera)) == ("usb:0", 25, True)
    frame = first(camera)
    assert frame.bgr.shape == (720, 1280, 3) and frame.source == "usb:0"


def test_a_camera_without_motion_jpeg_keeps_its_format(driver):
    driver.plug(0, CameraInfo(formats={"YUYV": {(640, 480): [(30, 1)]}}))
    assert "640x480 YUYV" in opened(driver).mode


def test_the_parts_of_a_pis_camera_pipeline_are_no_cameras(driver):
    """A Pi 4 with a CSI camera and a webcam, and a Pi 5's."""
    driver.plug(0, CameraInfo("unicam", "platform:fe801000.csi", "unicam"))
    driver.plug(8, CameraInfo(caps=CAPTURE | STREAMING))
    driver.plug(9, CameraInfo(caps=META | STREAMING))  # the webcam's metadata
    for number in (10, 11, 12):
        driver.plug(
            number, CameraInfo("bcm2835-codec", "platform:bcm2835-codec", "bcm2835-codec", M2M)
        )
    driver.plug(14, CameraInfo("bcm2835-isp", "platform:bcm2835-isp", "bcm2835-isp"))
    driver.plug(19, CameraInfo("rpivid", "platform:rpivid", "rpivid", M2M))
    driver.plug(20, CameraInfo("rp1-cfe", "platform:1f00110000.csi", "rp1-cfe"))
    driver.plug(21, CameraInfo("new-csi", "platform:csi", "new-csi", CAPTURE | IO_MC))
    driver.plug(22, CameraInfo("pispbe", "platform:1000880000.pisp_be", "pispbe"))
    assert [node.name for node in driver.v4l2.cameras()] == ["usb:8"]
    assert opened(driver, "0").name == "usb:8"
    with pytest.raises(SourceError, match=r"video9 is not a capture device \(HD Webcam, uvc"):
        opened(driver, "usb:9")


def test_the_list_of_cameras(driver):
    driver.plug(2, CameraInfo())
    any_size = {"YU12": (32, 2592, 2, 32, 1944, 2)}
    driver.plug(10, CameraInfo("mmal service", "platform:mmal", "bm2835 mmal", formats=any_size))
    assert table(driver.v4l2).splitlines() == [
        "no  --camera  name          kind  modes, at most frames/s",
        "0   usb:2     HD Webcam     USB   YUYV 640x480@30 1280x720@10",
        "                                  MJPG 640x480@30 1280x720@30 1920x1080@30",
        "1   usb:10    mmal service  V4L2  YU12 up to 2592x1944",
    ]


def test_a_number_beyond_the_list_says_how_many_there_are(driver):
    driver.plug(4, CameraInfo())
    with pytest.raises(SourceError, match=r"no camera 1: 1 found, counted from 0. Try: python -m"):
        opened(driver, "1")


KINDS = {
    "camera": CameraInfo(formats={"MJPG": {(640, 480): [(30, 1)]}}),
    "metadata": CameraInfo(caps=META | STREAMING),
    "codec": CameraInfo("bcm2835-codec", "platform:bcm2835-codec", "bcm2835-codec", M2M),
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
    driver.plug(10, CameraInfo(caps=M2M))
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
        driver.plug(0, CameraInfo()).chmod(0)
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
    driver.plug(0, CameraInfo(busy=True))
    driver.plug(2, CameraInfo("Other"))
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
    path = driver.plug(0, CameraInfo(busy=True))
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


def test_it_is_closed_after_each_of_twenty_runs(driver):
    camera = CameraInfo()
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
    webcam = CameraInfo()
    driver.plug(0, webcam)
    with reconnecting(driver, frame_timeout_s=0.1) as camera:
        frames = iter(camera)
        before = next(frames)
        driver.unplug(0)
        driver.plug(1, CameraInfo("Another maker's"))
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
    mine, other = CameraInfo(bus="usb-1"), CameraInfo(bus="usb-2")
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
    mine, other = CameraInfo(bus="usb-1"), CameraInfo(bus="usb-2")
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
    webcam = CameraInfo()
    driver.plug(0, webcam)
    with reconnecting(driver, frame_timeout_s=0.3) as camera, pytest.raises(FacetError) as fault:
        for _ in camera:
            webcam.silent = True
    assert str(fault.value) == "usb:0 gave no frame for 0 s. Try: check the cable"
    assert webcam.opened == 0


def test_a_single_failed_read_is_not_a_drop(driver):
    """A signal that interrupts select() in OpenCV makes one read fail."""
    webcam = CameraInfo()
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


def test_a_camera_without_a_picture_is_closed(driver):
    webcam = CameraInfo(silent=True, silence_s=0.01)
    driver.plug(0, webcam)
    with pytest.raises(SourceError, match=r"usb:0 gives no picture. Try: plug it in again"):
        opened(driver)
    assert webcam.opened == 0


def test_stopping_does_not_wait_for_a_reconnecting_camera(driver):
    driver.plug(0, CameraInfo())
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
