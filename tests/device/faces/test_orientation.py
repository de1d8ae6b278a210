"""Faces upside down or sideways: the advice in the log and of the doctor's check."""

from datetime import UTC, datetime

import numpy as np
import pytest

from device.camera.orientation import Orientation
from device.faces.blazeface import BlazeFace
from device.faces.detection_scheduler import DetectionScheduler
from device.faces.orientation import advice, picture_turn, turned
from device.faces.tracker import Tracker
from device.frame_budget import FrameBudget
from device.settings import CameraSettings
from device.types import Frame

DEGREES = [0, 90, 180, 270]


@pytest.fixture(scope="module")
def detector():
    return BlazeFace()


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("person", ["astronaut", "admiral"])
def test_the_turn_of_a_picture(request, detector, person, degrees):
    portrait = request.getfixturevalue(person)
    assert picture_turn(detector, turned(portrait, degrees)) == -degrees % 360


def test_a_picture_without_faces_or_with_an_upright_one_needs_no_turn(detector, astronaut, admiral):
    assert picture_turn(detector, np.full((200, 300, 3), 90, np.uint8)) == 0
    both = np.hstack([turned(admiral, 180)[:512], astronaut])
    assert picture_turn(detector, both) == 0


@pytest.mark.parametrize("rotate", DEGREES)
@pytest.mark.parametrize("flip", ["", "horizontal", "vertical"])
@pytest.mark.parametrize("turn", DEGREES)
def test_the_advised_setting_does_the_turn_after_what_is_set_already(rotate, flip, turn):
    picture = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    now = Orientation(rotate, flip).apply(picture)
    _, setting = advice(turn, CameraSettings(rotate=rotate, flip=flip))
    advised = int(setting.removeprefix("rotate = ").removesuffix(" in [camera]"))
    assert np.array_equal(Orientation(advised, flip).apply(picture), turned(now, turn))


def watched(detector, pictures, rotate=0):
    """Track a film of one picture every two seconds."""
    tracker = Tracker(min_hits=1, max_lost_s=4.0, interval_s=2.0)
    scheduler = DetectionScheduler(
        detector, detector, tracker, 5.0, FrameBudget(None), CameraSettings(rotate=rotate)
    )
    for index, bgr in enumerate(pictures):
        scheduler.track(Frame(bgr, index, datetime.now(UTC), 2.0 * index, "film"))


@pytest.mark.parametrize(
    "degrees, rotate, line",
    [
        (180, 0, "upside down. Try: rotate = 180 in [camera]"),
        (90, 0, "sideways. Try: rotate = 270 in [camera]"),
        pytest.param(270, 0, "sideways. Try: rotate = 90 in [camera]", marks=pytest.mark.slow),
        pytest.param(180, 180, "upside down. Try: rotate = 0 in [camera]", marks=pytest.mark.slow),
        pytest.param(90, 180, "sideways. Try: rotate = 90 in [camera]", marks=pytest.mark.slow),
    ],
)
def test_one_line_tells_how_to_turn_the_camera(astronaut, detector, capsys, degrees, rotate, line):
    picture = turned(astronaut, degrees)
    watched(detector, [picture] * 10, rotate)
    assert capsys.readouterr().err == f"facet: faces are found only {line}\n"


def test_no_line_for_upright_faces_nor_for_one_who_turns_later(detector, capsys, astronaut):
    watched(detector, [astronaut] * 2 + [turned(astronaut, 180)] * 6)
    watched(detector, [np.full((200, 300, 3), 90, np.uint8)] * 6)
    assert not capsys.readouterr().err
