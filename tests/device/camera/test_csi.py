"""CSI cameras, on a double of Picamera2 (doubles/picamera2); none was ever plugged in here."""

import importlib
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from device.camera.csi import CsiCamera, _refused
from device.camera.discovery import table
from device.camera.newest_frame import NewestFrameReader
from device.camera.open import open_camera
from device.camera.reconnect import ReconnectingCamera
from device.camera.v4l2 import V4l2
from device.doctor.checks import cameras
from device.doctor.system import Machine
from device.errors import FacetError, SourceError
from device.settings import CameraSettings, Settings
from tests.device.camera.video_driver import CameraInfo, Driver

DOUBLES = Path(__file__).parent / "doubles"


@pytest.fixture
def pi(monkeypatch):
    """The double, as freshly loaded as a Pi is booted."""
    monkeypatch.syspath_prepend(str(DOUBLES))
    sys.modules.pop("picamera2", None)
    yield importlib.import_module("picamera2")
    sys.modules.pop("picamera2", None)


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


def test_it_is_free_for_the_next_start_twenty_times(pi):
    before = threading.active_count()
    for _ in range(20):
        assert first(opened()).source == "csi:0"
        assert pi.STATE["open"] == set() and threading.active_count() == before


def test_what_picamera2_lists_as_usb_is_not_csi(pi):
    with pytest.raises(SourceError, match=r"no camera csi:1: Picamera2 finds csi:0 imx708. Check"):
        opened("csi:1")
    pi.CAMERAS[:] = [pi.USB]
    with pytest.raises(SourceError, match="no camera csi:0: Picamera2 finds none"):
        opened()


def test_an_occupied_camera_says_so(pi):
    pi.STATE["busy"] = True
    with pytest.raises(SourceError, match=r"csi:0 cannot be opened: Failed to acquire .* busy"):
        opened()


def test_another_program_that_has_the_camera_is_named(tmp_path):
    (tmp_path / "media0").touch()
    code = f"import sys; f = open({str(tmp_path / 'media0')!r}); print(); sys.stdin.read()"
    command = [sys.executable, "-uc", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        named = _refused("csi:0", RuntimeError("Device or resource busy"), tmp_path)
        assert re.match(rf"csi:0 is in use by \S+ \(pid {other.pid}\)", str(named))
        other.stdin.close()


@pytest.mark.parametrize(
    "state, message",
    [("fail_start", "csi:0 cannot be opened: Camera did not start"), ("frames", "no picture")],
)
def test_a_camera_that_does_not_start_is_left_free(pi, state, message):
    before = threading.active_count()
    pi.STATE[state] = not pi.STATE[state]
    with pytest.raises(SourceError, match=message):
        CsiCamera(0, CameraSettings(), wake_s=0.05).open()
    assert pi.STATE["open"] == set() and threading.active_count() == before


def test_a_camera_that_falls_silent_is_a_fault_and_is_left_free(pi):
    camera = NewestFrameReader(ReconnectingCamera(CsiCamera(0, CameraSettings())), patience_s=0.2)
    with camera, pytest.raises(FacetError, match="csi:0 gave no frame"):
        for _ in camera:
            pi.STATE["frames"] = False
    assert pi.STATE["open"] == set()


def test_a_camera_that_drops_is_opened_again(pi, capsys):
    with ReconnectingCamera(CsiCamera(0, CameraSettings()), pauses_s=(0.01,)) as camera:
        frames = iter(camera)
        next(frames)
        pi.STATE["drops"] = True
        assert next(frames).index == 1
        camera.stop()
    said = capsys.readouterr().err
    assert "csi:0 dropped (Camera frontend has timed out!), trying to open it again" in said
    assert "csi:0 is back after 0 s: imx708, 640x480 RGB888, 30 frames/s" in said
    assert pi.STATE["open"] == set()


def test_after_the_usb_cameras_the_csi_cameras_are_counted(pi, tmp_path):
    driver = Driver(tmp_path)
    driver.plug(8, CameraInfo(formats={"MJPG": {(640, 480): [(30, 1)]}}))
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
    assert "1   csi:0" not in (text := table(driver.v4l2)) and "opened: Failed" in text
    pi.STATE["busy"] = False
    assert opened("auto", driver.v4l2).name == "csi:0"


def test_without_picamera2_the_packages_name_is_told(tmp_path):
    with pytest.raises(SourceError, match=r"sudo apt install python3-picamera2.*--system-site-pac"):
        opened()
    with pytest.raises(SourceError, match=r"and CSI cameras need Picamera2"):
        table(V4l2(tmp_path))


@pytest.mark.parametrize(
    "code, mend",
    [
        ("raise ValueError('numpy.dtype size changed')", "pip install --force-reinstall"),
        ("import libcamera_of_another_python", "apt install --reinstall python3-picamera2"),
    ],
)
def test_a_picamera2_that_does_not_load(tmp_path, monkeypatch, capsys, code, mend):
    (tmp_path / "picamera2.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError, match=f"Picamera2 does not load: .*{mend}"):
        opened()
    assert opened("auto", V4l2(tmp_path)).name == "demo"
    assert "Picamera2 does not load" in capsys.readouterr().err


def test_the_doctor_opens_it(pi, tmp_path):
    """The double sees one red and nothing else: a fault that the doctor names."""
    machine = Machine(v4l2=V4l2(tmp_path))
    assert cameras.listed(machine).found == "csi:0 (imx708)"
    assert cameras.sources(machine, Settings()) == {"camera csi:0": "csi:0"}
    finding = cameras.picture(machine, Settings(), "csi:0")
    assert finding.found.startswith("imx708, 640x480 RGB888, ")
    assert "one colour everywhere (red 200, green 20, blue 10)" in finding.found
