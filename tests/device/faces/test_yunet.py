"""YuNet, if its network is there: it finds the faces that BlazeFace finds, and their landmarks."""

import numpy as np
import pytest

from device.errors import ModelError
from device.faces.blazeface import BlazeFace
from device.faces.yunet import YuNet
from device.models import load_full_detector
from device.settings import FacesSettings, Settings
from tests.conftest import DATA

NETWORK = DATA.parent / "weights" / "face_detection_yunet_2023mar.onnx"


@pytest.mark.data
@pytest.mark.parametrize("shift", [0, 700])
def test_it_finds_what_blazeface_finds(astronaut, shift):
    picture = np.full((600, 512 + shift, 3), 90, np.uint8)
    picture[:512, shift:] = astronaut
    (yunet,), (blazeface,) = YuNet(NETWORK).detect(picture), BlazeFace().detect(picture)
    width = blazeface.box[2]
    assert (np.hypot(*(yunet.landmarks - blazeface.landmarks).T) / width).max() < 0.12
    assert yunet.box[0] == pytest.approx(blazeface.box[0], abs=0.25 * width)


@pytest.mark.data
def test_a_region_gives_faces_in_the_pictures_own_pixels(astronaut):
    (whole,) = YuNet(NETWORK).detect(astronaut)
    (part,) = YuNet(NETWORK).detect(astronaut, (100, 20, 400, 320))
    np.testing.assert_allclose(part.landmarks, whole.landmarks, atol=4)
    assert YuNet(NETWORK).detect(np.zeros((100, 300, 3), np.uint8)) == []


@pytest.mark.data
def test_the_settings_choose_it():
    faces = FacesSettings(detector="yunet", yunet=NETWORK)
    assert isinstance(load_full_detector(Settings(faces=faces)), YuNet)


def test_a_missing_or_other_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no YuNet network .*opencv_zoo"):
        load_full_detector(Settings(faces=FacesSettings(detector="yunet")))
    other = tmp_path / "other.onnx"
    other.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="is not a YuNet network"):
        YuNet(other)
