"""CSI cameras, on a double of Picamera2 (doubles/picamera2); none was ever plugged in here."""

import re
import subprocess
import sys
import threading

import pytest

from device.camera.csi import CsiCamera, open_error
from device.camera.discovery import table
from device.camera.newest_frame import NewestFrameReader
from device.camera.open import open_camera
from device.camera.reconnect import ReconnectingCamera
from device.camera.v4l2 import V4l2
from device.errors import FacetError, SourceError
from device.settings import CameraSettings
from tests.device.camera.video_driver import Driver, FakeCamera


def opened(source="csi:0", v4l2=None, **settings):
    return open_camera(CameraSettings(source=source, **settings), v4l2=v4l2)


def first(camera):
    with camera:
        return next(iter(camera))


def test_red_is_red_and_the_mode_is_read_back(pi):
    camera = opened(width=801, height=600, fps=200)
    assert camera.mode == "imx708, 800x600 RGB888, 120 frames/s"
    assert round(camera.fps) == 120 and camera.name == "csi:0"
    frame = first(camera)
    assert frame.bgr.shape == (600, 800, 3) and frame.source == "csi:0"
    assert tuple(frame.bgr[0, 0]) == pi.RED_RGB[::-1]


def test_it_is_closed_after_each_of_twenty_runs(pi):
    before = threading.active_count()
    for _ in range(20):
        assert first(opened()).source == "csi:0"
        assert pi.STATE["open"] == set() and threading.active_count() == before


def test_cameras_that_picamera2_lists_as_usb_are_not_csi(pi):
    with pytest.raises(
        SourceError, match=r"no camera csi:1: Picamera2 finds csi:0 imx708. Try: check"
    ):
        opened("csi:1")
    pi.CAMERAS[:] = [pi.USB]
    with pytest.raises(SourceError, match="no camera csi:0: Picamera2 finds none"):
        opened()


def test_a_busy_camera_is_an_error(pi):
    pi.STATE["busy"] = True
    with pytest.raises(SourceError, match=r"cannot open csi:0: Failed to acquire .* busy"):
        opened()


def test_the_program_that_uses_the_camera_is_named(tmp_path):
    (tmp_path / "media0").touch()
    code = f"import sys; f = open({str(tmp_path / 'media0')!r}); print(); sys.stdin.read()"
    command = [sys.executable, "-uc", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        named = open_error("csi:0", RuntimeError("Device or resource busy"), tmp_path)
        assert re.match(rf"csi:0 is in use by \S+ \(pid {other.pid}\)", str(named))
        other.stdin.close()


@pytest.mark.parametrize(
    "state, message",
    [("fail_start", "cannot open csi:0: Camera did not start"), ("frames", "no picture")],
)
def test_a_camera_that_does_not_start_is_closed(pi, state, message):
    before = threading.active_count()
    pi.STATE[state] = not pi.STATE[state]
    with pytest.raises(SourceError, match=message):
        CsiCamera(0, CameraSettings(), first_frame_timeout_s=0.05).open()
    assert pi.STATE["open"] == set() and threading.active_count() == before


def test_a_camera_that_stops_giving_frames_is_a_fault_and_is_closed(pi):
    camera = NewestFrameReader(
        ReconnectingCamera(CsiCamera(0, CameraSettings())), frame_timeout_s=0.2
    )
    with camera, pytest.raises(FacetError, match="csi:0 gave no frame"):
        for _ in camera:
            pi.STATE["frames"] = False
    assert pi.STATE["open"] == set()


def test_a_camera_that_drops_is_reopened(pi, capsys):
    with ReconnectingCamera(CsiCamera(0, CameraSettings()), backoff_s=(0.01,)) as camera:
        frames = iter(camera)
        next(frames)
        pi.STATE["drops"] = True
        assert next(frames).index == 1
        camera.stop()
    printed = capsys.readouterr().err
    assert "csi:0 dropped (Camera frontend has timed out!), trying to open it again" in printed
    assert "csi:0 is back after 0 s: imx708, 640x480 RGB888, 30 frames/s" in printed
    assert pi.STATE["open"] == set()


def test_csi_cameras_are_numbered_after_the_usb_cameras(pi, tmp_path):
    driver = Driver(tmp_path)
    driver.plug(8, FakeCamera(formats={"MJPG": {(640, 480): [(30, 1)]}}))
    assert opened("0", driver.v4l2).name == "usb:8"
    with opened("1", driver.v4l2) as camera:
        assert camera.name == "csi:0"
    assert table(driver.v4l2).splitlines() == [
        "no  --camera  name       kind  modes, at most frames/s",
        "0   usb:8     HD Webcam  USB   MJPG 640x480@30",
        "1   csi:0     imx708     CSI   1536x864@120.1 2304x1296@56.03 4608x2592@14.35",
    ]
    driver.unplug(8)
    pi.STATE["busy"] = True
    assert "1   csi:0" not in (text := table(driver.v4l2)) and "cannot open csi:0: Failed" in text
    pi.STATE["busy"] = False
    assert opened("auto", driver.v4l2).name == "csi:0"


def test_without_picamera2_the_error_names_its_package(tmp_path):
    with pytest.raises(SourceError, match=r"sudo apt install python3-picamera2.*--system-site-pac"):
        opened()
    with pytest.raises(SourceError, match=r"and CSI cameras need Picamera2"):
        table(V4l2(tmp_path))


@pytest.mark.parametrize(
    "code, hint",
    [
        ("raise ValueError('numpy.dtype size changed')", "pip install --force-reinstall"),
        ("import libcamera_of_another_python", "apt install --reinstall python3-picamera2"),
    ],
)
def test_a_picamera2_that_does_not_load(tmp_path, monkeypatch, capsys, code, hint):
    (tmp_path / "picamera2.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError, match=f"Picamera2 does not load: .*{hint}"):
        opened()
    assert opened("auto", V4l2(tmp_path)).name == "demo"
    assert "Picamera2 does not load" in capsys.readouterr().err
