"""What --camera names, and what it cannot name."""

import cv2
import numpy as np
import pytest

from device.camera.demo import Demo
from device.camera.open import open_camera
from device.camera.photos import Photos
from device.camera.video import VideoFile
from device.errors import SourceError, UsageError
from device.settings import CameraSettings


def opened(source):
    return open_camera(CameraSettings(source=str(source)))


def test_a_file_is_opened_by_its_kind(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((1, 1), np.uint8))
    assert isinstance(opened(tmp_path / "a.avi"), VideoFile)
    assert isinstance(opened(tmp_path / "b.png"), Photos)
    assert isinstance(opened(tmp_path), Photos)
    assert isinstance(opened("demo"), Demo)


@pytest.mark.parametrize("source", ["usb:97", "/dev/video97"])
def test_a_camera_that_does_not_exist(source):
    with pytest.raises(
        SourceError, match=r"no camera usb:97: /dev/video97 does not exist. Try: python"
    ):
        opened(source)


def test_a_file_that_does_not_exist():
    with pytest.raises(
        SourceError, match=r"no camera and no file is called nowhere.mp4. Try: one of 0,"
    ):
        opened("nowhere.mp4")


def test_a_malformed_name():
    with pytest.raises(UsageError, match="Try: usb:0"):
        opened("usb:first")
    with pytest.raises(UsageError, match="--camera is empty"):
        opened("")


def test_an_unknown_protocol():
    with pytest.raises(SourceError, match="unknown protocol"):
        opened("ftp://camera/stream")


def test_a_name_too_long_for_a_file():
    with pytest.raises(SourceError):
        opened("x" * 5000)
