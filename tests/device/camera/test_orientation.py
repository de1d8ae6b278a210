"""Pictures are turned and mirrored where frames enter, and left alone by default."""

import cv2
import numpy as np
import pytest

from device.camera.open import open_camera
from device.camera.orientation import Orientation
from device.config import merge
from device.errors import UsageError
from device.settings import CameraSettings, Settings

PICTURE = np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["", "horizontal", "vertical"])
def test_a_photo_is_turned_clockwise_then_mirrored(tmp_path, rotate, flip):
    cv2.imwrite(str(tmp_path / "photo.png"), PICTURE)
    source = str(tmp_path / "photo.png")
    with open_camera(CameraSettings(source=source, rotate=rotate, flip=flip)) as camera:
        (frame,) = camera
    expected = np.rot90(PICTURE, -rotate // 90)
    expected = {"": expected, "horizontal": expected[:, ::-1], "vertical": expected[::-1]}[flip]
    assert np.array_equal(frame.bgr, expected)


def test_without_a_turn_nothing_is_copied():
    assert Orientation().apply(PICTURE) is PICTURE


def test_another_angle_is_refused():
    with pytest.raises(UsageError, match=r"rotate = 45\. Try: 0, 90, 180 or 270"):
        merge(Settings(), {"camera": {"rotate": 45}}, "f")
