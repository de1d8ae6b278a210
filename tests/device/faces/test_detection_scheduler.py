"""Searches now and then, looks between: who is found, when, and where they are in every frame."""

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.bench.scene import Scene
from device.camera.open import open_camera
from device.faces import detection_scheduler as follow
from device.faces.blazeface import BlazeFace
from device.faces.detection_scheduler import DetectionScheduler, neighbourhood, parts
from device.faces.tracker import Tracker, overlap
from device.frame_budget import FrameBudget
from device.settings import CameraSettings
from device.types import Face, Frame
from tests.conftest import DATA


@pytest.fixture(scope="module")
def detectors():
    return BlazeFace("back"), BlazeFace("short")


def follower(detectors, pace=None, search_hz=5.0):
    return DetectionScheduler(*detectors, Tracker(), search_hz, pace or FrameBudget())


def at(frame_bgr, seconds):
    return Frame(frame_bgr, round(30 * seconds), datetime.now(UTC), seconds, "made")


def test_everybody_is_shown_in_every_frame_with_one_number(detectors):
    one, seen = follower(detectors), []
    for frame in Scene(2, (640, 480), 60):
        seen.append([person.id for person in one.update(frame)])
    assert seen[:2] == [[], []] and all(ids == [1, 2] for ids in seen[4:])


def test_looked_at_or_not_a_face_is_where_a_search_would_find_it(detectors):
    """Six people: in a frame between searches two are looked for, the others are predicted."""
    one = follower(detectors)
    for frame in Scene(6, (960, 640), 50):
        people = one.update(frame)
    searched = {face.box for face in detectors[0].detect(frame.bgr)}
    assert len(people) == len(searched) == 6
    for person in people:
        assert max(overlap(person.at(frame.at_s).box, box) for box in searched) > 0.6


def test_who_leaves_is_gone_in_a_moment_and_back_with_the_number(detectors, astronaut):
    one, empty = follower(detectors), np.full_like(astronaut, 90)
    pictures = [*[astronaut] * 10, *[empty] * 15, *[astronaut] * 15]
    shown = [len(one.update(at(picture, n / 30))) for n, picture in enumerate(pictures)]
    assert shown[3:10] == [1] * 7
    assert shown[13:25] == [0] * 12  # two looks that find nobody
    assert shown[-1] == 1 and one.tracker.ids == {1}


def test_a_newcomer_is_seen_at_the_next_search(detectors, astronaut):
    one, empty = follower(detectors), np.full_like(astronaut, 90)
    pictures = [*[empty] * 7, *[astronaut] * 10]
    shown = [len(one.update(at(picture, n / 30))) for n, picture in enumerate(pictures)]
    assert shown[:14] == [0] * 14 and shown[14] == 1  # the search at 0.4 s, confirmed by two looks


def test_a_slow_machine_searches_less_often(detectors, astronaut):
    pace = FrameBudget(1 / 30)
    pace._expected_s["search"] = 1.0  # as on a small board
    one = follower(detectors, pace)
    one.update(at(astronaut, 0.0))
    expected = pace.expected_s("search")
    assert expected > 0.5
    assert one._next_s == pytest.approx(2 * expected)


def test_photos_have_nothing_to_do_with_each_other(detectors, astronaut, admiral):
    one = DetectionScheduler(*detectors, Tracker(confirm=1), 5.0, FrameBudget())
    for picture in (astronaut, admiral):
        one.forget()
        assert [person.id for person in one.update(at(picture, 0.0))] == [1]


def test_people_too_far_for_the_whole_picture_are_found_in_its_parts(detectors, admiral):
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    small = cv2.resize(admiral, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)
    picture[500:590, 300:377] = small  # a face 25 px wide, of 1920
    assert detectors[0].detect(picture) == []
    one = follower(detectors)
    shown = [len(one.update(at(picture, n / 30))) for n in range(130)]
    assert shown[-1] == 1


def test_small_pictures_have_no_parts():
    assert parts((320, 240), 256) == []


@given(st.integers(400, 4000), st.integers(100, 4000))
def test_parts_cover_the_picture_and_overlap(width, height):
    regions = parts((width, height), 256)
    assert regions and all(0 <= a < c <= width and 0 <= b < d <= height for a, b, c, d in regions)
    for x in (0, width // 3, width // 2, width - 1):
        for y in (0, height // 2, height - 1):
            assert any(a <= x < c and b <= y < d for a, b, c, d in regions)


@given(st.floats(-900, 900), st.floats(-900, 900), st.floats(1, 800))
def test_a_neighbourhood_lies_in_the_picture(x, y, width):
    region = neighbourhood(Face((x, y, width, width), 0.9, np.zeros((4, 2))), (640, 480))
    if region:
        left, top, right, bottom = region
        assert 0 <= left < right <= 640 and 0 <= top < bottom <= 480
        assert right - left <= follow.AROUND * width + follow.BEYOND_PX + 2


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "ids", "usual"),
    [
        ("webcam-one-a.mkv", (1, 1), 1),
        ("webcam-one-b.mkv", (1, 1), 1),
        ("smile-appears.mp4", (1, 1), 1),
        ("man-and-child.mp4", (2, 3), 2),
        ("two-heads-tilting.gif", (2, 3), 2),
        ("three-walking-glasses.gif", (3, 4), 3),
        ("classroom-four-small.gif", (3, 5), 3),
        ("bottles-no-face.mp4", (0, 0), 0),
    ],
)
def test_people_in_clips_are_found_and_keep_their_numbers(detectors, clip, ids, usual):
    one, seen, counts = follower(detectors), set(), []
    with open_camera(CameraSettings(source=str(DATA / "videos" / clip))) as camera:
        for frame in camera:
            people = one.update(frame)
            seen |= {person.id for person in people}
            counts.append(len(people))
    assert ids[0] <= len(seen) <= ids[1]
    assert np.median(counts) >= usual
