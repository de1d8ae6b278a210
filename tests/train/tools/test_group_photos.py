"""Made-up group photos, and what is found in them."""

import cv2
import numpy as np
import pytest

from device.errors import SourceError
from device.faces.blazeface import BlazeFace
from train.tools import group_photos


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(group_photos, "SIZE_WH", (1600, 1200))
    monkeypatch.setattr(group_photos, "WIDTHS", (64,))


def test_the_faces_of_a_made_up_photo_are_where_it_says(tmp_path, astronaut):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    detector = BlazeFace()
    people = group_photos.sources(tmp_path, detector)
    picture, boxes = group_photos.group_photo(people, 64, np.random.default_rng(0))
    assert picture.shape == (1200, 1600, 3) and len(boxes) == 35
    assert group_photos.measure(detector, picture, boxes, 48.0).share > 0.9
    _, _, few, many = group_photos.table(people, detector, 48.0)
    assert few.startswith("| 64 | 10 | ") and many.startswith("| 64 | 35 | ")


def test_backgrounds_are_enlarged_and_measured_without_people(astronaut):
    wall = np.zeros((300, 500, 3), np.uint8)
    wall[:, 250:] = 200
    picture, boxes = group_photos.group_photo([], 64, np.random.default_rng(0), 0, wall)
    assert picture.shape == (1200, 1600, 3) and picture[0, -1, 0] == 200 and not boxes
    lines = group_photos.false_alarms([wall, astronaut], BlazeFace(), 48.0)
    assert lines[2] == "| as they are | 2 | 1 | 1 |" and lines[3].startswith("| enlarged | 2 | ")


def test_a_folder_without_faces_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no photo in"):
        group_photos.sources(tmp_path, BlazeFace())
