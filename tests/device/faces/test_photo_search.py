"""Large photos are searched in tiles, and each face is found once."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.analyzer import FaceAnalyzer
from device.faces.blazeface import BlazeFace
from device.faces.photo_search import merged, photo_tiles, search_photo
from device.settings import FacesSettings, Settings
from device.types import Detection


@pytest.fixture(scope="module")
def detector():
    return BlazeFace()


def group(portrait, face_px, size_wh, places):
    """A picture with the astronaut's face, so many px wide, at each place; and the boxes."""
    picture = np.full((size_wh[1], size_wh[0], 3), 110, np.uint8)
    scale = face_px / 100  # the width of her face in the portrait, about
    small = cv2.resize(portrait[:300, 80:380], None, fx=scale, fy=scale)
    high, wide = small.shape[:2]
    for x, y in places:
        picture[y : y + high, x : x + wide] = small
    return picture, [(x + wide / 2, y + high * 0.4) for x, y in places]


@pytest.mark.parametrize("face_px", [48, 64, 120, 240])
def test_the_faces_of_a_group_are_found_once_each(detector, astronaut, face_px):
    step = round(face_px * 3.2)
    places = [(x, y) for y in range(0, 1500 - step, step) for x in range(0, 2000 - step, step)]
    picture, centres = group(astronaut, face_px, (2000, 1500), places[:40])
    found = search_photo(detector, picture, 48.0)
    assert 0.9 * len(centres) <= len(found) <= len(centres)
    for a, b, w, h in (face.box for face in found):
        assert sum(a <= x <= a + w and b <= y <= b + h for x, y in centres) == 1
    if face_px < 100:
        assert len(search_photo(detector, picture, 0)) < len(found)


def test_a_small_photo_is_searched_as_a_whole(detector, astronaut):
    (whole,), (searched,) = detector.detect(astronaut), search_photo(detector, astronaut, 48.0)
    assert searched.box == whole.box and photo_tiles((384, 384), 256, 48.0) == ()


def test_a_photo_of_few_tiles_is_searched_for_smaller_faces():
    """768 px tiles would find faces of 48 px; 12 of 256 px find those of 16 px as quickly."""
    assert len(photo_tiles((768, 512), 256, 48.0)) == 12
    assert {right - left for left, _, right, _ in photo_tiles((4000, 3000), 256, 48.0)} >= {768}


def test_a_face_that_fills_the_picture_is_found_once(detector, astronaut):
    """In the whole picture the detector sees an eye; with a border around it, the face."""
    for side in (100, 90, 80):
        x, y = 224 - side // 2, 125 - side // 2
        close = cv2.resize(astronaut[y : y + side, x : x + side], (200, 200))
        (face,) = search_photo(detector, close, 48.0)
        assert face.box[2] > 120
        assert np.ptp(face.landmarks[:2, 0]) > 60  # px, between the eyes


def test_doubtful_detections_are_verified(detector, astronaut):
    class Rejecting:
        def detect(self, detector, image_bgr, region=None):
            return []

    assert search_photo(detector, astronaut, 48.0, verifier=Rejecting()) == []


def test_a_large_face_is_not_found_in_parts(detector, astronaut):
    picture = cv2.resize(astronaut[:300, 80:380], (3000, 3000))
    assert len(search_photo(detector, picture, 48.0)) == 1


@given(st.integers(1, 9000), st.integers(1, 9000), st.floats(0, 500))
def test_tiles_cover_the_photo_and_lie_in_it(width, height, search_face):
    tiles = photo_tiles((width, height), 256, search_face)
    for left, top, right, bottom in tiles:
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
    if tiles:
        assert {min(t[n] for t in tiles) for n in (0, 1)} == {0}
        assert (max(t[2] for t in tiles), max(t[3] for t in tiles)) == (width, height)
        smallest = min(max(t[2] - t[0], t[3] - t[1]) for t in tiles)
        assert smallest >= min(256, max(width, height)) - 1


def made(*box, score=0.9):
    return Detection(box, score, np.zeros((4, 2)))


def test_of_several_detections_of_a_face_the_best_is_kept():
    found = [made(10, 10, 50, 50, score=0.7), made(12, 11, 50, 50), made(200, 10, 50, 50)]
    assert merged([], found) == found[1:]
    assert merged(found[:1], found[1:]) == [found[0], found[2]]
    inside = made(20, 20, 15, 15, score=0.7)
    assert merged([], [*found, inside]) == found[1:]


def test_photos_of_the_library_and_the_command_are_searched_in_tiles(astronaut):
    picture, _ = group(astronaut, 32, (1600, 1200), [(200, 200), (900, 700)])
    assert len(FaceAnalyzer.from_settings(Settings()).analyze(picture)) == 2
    settings = Settings(faces=FacesSettings(search_face=0.0))
    assert len(FaceAnalyzer.from_settings(settings).analyze(picture)) < 2
