"""The picture that --snapshot saves."""

import cv2
import numpy as np
import pytest

from device.doctor.check_result import CheckResult
from device.doctor.snapshot import save
from device.errors import FacetError, SourceError
from device.settings import Settings
from tests.device.camera.video_driver import FakeCamera
from tests.device.doctor.made_up import with_settings


def test_a_snapshot_of_the_camera(system, driver, astronaut, tmp_path):
    driver.plug(0, FakeCamera(picture=astronaut))
    path = tmp_path / "new" / "picture.jpg"
    first = save(system, Settings(), path)
    assert first == CheckResult("ok", f"{path}: usb:0, 1 face")
    saved = cv2.imread(str(path))
    assert saved.shape == (480, 640, 3)
    plain = cv2.resize(astronaut, (640, 480))
    assert np.abs(saved.astype(int) - plain).max(axis=2).mean() > 5  # a box and a label
    second = save(system, Settings(), path)
    assert "is now" in second.message
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["picture.1.jpg", "picture.jpg"]


def test_a_snapshot_without_a_camera_is_of_the_demo(system, tmp_path):
    result = save(system, Settings(), tmp_path / "demo.png")
    assert result.status == "warning" and "this is the demo" in result.message
    wanted = with_settings(camera={"source": "demo"})
    assert save(system, wanted, tmp_path / "demo.png").status == "ok"


def test_a_snapshot_that_cannot_be_saved(system, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FacetError, match="cannot save"):
        save(system, with_settings(camera={"source": "demo"}), tmp_path / "file" / "a.jpg")
    with pytest.raises(SourceError, match="no camera usb:7"):
        save(system, with_settings(camera={"source": "usb:7"}), tmp_path / "a.jpg")
    assert not (tmp_path / "a.jpg").exists()
