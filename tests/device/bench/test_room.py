"""The room of the live probes: its people, its movement, its noise; and the group photo."""

import numpy as np
import pytest

from device.bench.probes import group_photo
from device.bench.probes.portraits import people
from device.bench.probes.room import (
    POSES,
    STILL_FRAMES,
    SWAY_S,
    background,
    pictures_of_room,
    pose_at,
)
from device.camera.image_io import read_photo
from device.faces.blazeface import BlazeFace

FPS = 2.0  # few pictures


def test_nobody_is_in_an_empty_room():
    loop = pictures_of_room([], False, FPS)
    assert len(loop) == STILL_FRAMES and loop[0].shape == (480, 640, 3)
    assert BlazeFace().detect(loop[0]) == []


def test_noise_differs_in_each_picture_by_two_grey_levels():
    loop = pictures_of_room([], False, FPS)
    difference = loop[0].astype(int) - loop[1]
    assert difference.std() == pytest.approx(2 * 2**0.5, abs=0.1)
    assert difference.mean() == pytest.approx(0, abs=0.05)
    assert len({picture.tobytes() for picture in loop}) > STILL_FRAMES - 3


@pytest.mark.parametrize("number", [1, 4])
def test_so_many_people_are_seen_in_each_picture(number):
    loop = pictures_of_room(people(number), True, FPS)
    assert len(loop) == SWAY_S * FPS
    for picture in loop[::5]:
        assert len(BlazeFace().detect(picture)) == number


def test_a_person_moves_a_few_pixels_before_a_background_that_stands_still():
    loop = pictures_of_room(people(1), True, FPS)
    (first,), (later,) = (BlazeFace().detect(loop[number]) for number in (0, 12))  # at 0 and 6 s
    assert later.box[0] - first.box[0] == pytest.approx(-6, abs=4)
    wall = slice(0, 40), slice(0, 640)
    assert loop[0][wall].astype(int).mean() == pytest.approx(loop[12][wall].mean(), abs=0.1)


def test_pictures_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        pictures_of_room([], False, FPS)[0][0] = 0


def test_poses_go_from_rest_to_rest():
    assert pose_at(0) == pose_at(1.4) == pose_at(SWAY_S) == (0, 0, 0)
    assert pose_at(1.9) == pytest.approx((2.5, 0.5, 1.5))  # in the middle of the first movement
    assert pose_at(3) == pose_at(3 + SWAY_S) == (5, 1, 3)
    assert [pose[0] for pose in POSES] == sorted(pose[0] for pose in POSES)
    assert POSES[0][1:] == POSES[-1][1:]  # or the loop would jump


def test_a_background_is_always_the_same():
    assert np.array_equal(background((64, 48)), background((64, 48)))


def test_the_photo_has_nine_faces_and_twelve_megapixels(tmp_path):
    group_photo.main(tmp_path / "photo.jpg")
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.shape == (3000, 4000, 3) and len(group_photo.FACES) == 9
    (largest,) = BlazeFace().detect(photo, (1400, 1300, 3200, 3000))
    assert largest.box[2] == pytest.approx(560, rel=0.2)
