"""What is too small, blurred or turned away to be told."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.attributes.classifier import Classifier
from device.faces.blazeface import BlazeFace
from device.faces.quality import sharpness, turn
from device.faces.quality_gate import Limits, look
from device.types import BLURRED, OK, TOO_SMALL, TURNED_AWAY
from tests.conftest import CARD

LIMITS = Limits(min_face=24, max_turn=0.22, min_sharpness=0.1)
FRONTAL = np.array([(69.0, 113.0), (108.0, 113.0), (88.5, 138.0), (88.5, 156.0)])


@pytest.fixture(scope="module")
def classifier():
    return Classifier(CARD)


@pytest.fixture(scope="module")
def face(astronaut):
    (one,) = BlazeFace("back").detect(astronaut)
    return one


def seen_from(yaw_deg):
    """Return a head's landmarks, px, when it has turned; made of points in three dimensions."""
    head = np.array([(-32, 0, 0), (32, 0, 0), (0, 38, 30), (0, 70, 5)], float)  # mm
    yaw = np.radians(yaw_deg)
    x = head[:, 0] * np.cos(yaw) + head[:, 2] * np.sin(yaw)
    return np.stack([x, head[:, 1]], axis=1)


def test_a_frontal_face_fits_and_a_turn_grows_with_the_yaw():
    frontal = seen_from(0)
    turns = [turn(seen_from(yaw) + 200, frontal) for yaw in (0, 15, 30, 45, 60)]
    assert turns[0] == pytest.approx(0, abs=1e-9) and turns == sorted(turns)
    assert turn(seen_from(-30), frontal) == pytest.approx(turns[2])
    assert turns[1] < 0.1 and turns[3] > 0.15


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(0.2, 10), st.floats(-500, 500))
def test_a_turn_does_not_depend_on_tilt_scale_or_place(angle, scale, shift):
    turned, frontal = seen_from(25), seen_from(0)
    matrix = cv2.getRotationMatrix2D((0.0, 0.0), angle, scale)
    moved = turned @ matrix[:, :2].T + shift
    assert turn(moved, frontal) == pytest.approx(turn(turned, frontal), abs=1e-6)


def test_sharpness_falls_with_blur_and_not_with_light(classifier, astronaut, face):
    def seen(picture):
        return sharpness(classifier.crop(picture, face.landmarks))

    values = [seen(cv2.GaussianBlur(astronaut, (0, 0), sigma)) for sigma in (0.5, 2, 4, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 2 * values[-1]
    dark = (astronaut * 0.4).astype(np.uint8)
    assert seen(dark) == pytest.approx(seen(astronaut), rel=0.1)


def test_fog_has_no_sharpness():
    assert sharpness(np.full((160, 128, 3), 90, np.uint8)) == 0


def test_a_clear_face_is_told(classifier, astronaut, face):
    seen = look(astronaut, face, classifier, LIMITS)
    assert seen.state == OK and 0.25 <= seen.worth <= 1
    np.testing.assert_array_equal(seen.crop, classifier.crop(astronaut, face.landmarks))


def test_what_cannot_be_told_says_why(classifier, astronaut, face):
    def state(picture, one, limits):
        seen = look(picture, one, classifier, limits)
        assert seen.crop is None
        return seen.state

    fog = cv2.GaussianBlur(astronaut, (0, 0), 12)
    assert state(fog, face, LIMITS) == BLURRED
    small = replace(LIMITS, min_face=face.box[2] + 1)
    assert state(astronaut, face, small) == TOO_SMALL
    frontal_only = replace(LIMITS, max_turn=turn(face.landmarks, classifier.template) - 0.001)
    assert state(astronaut, face, frontal_only) == TURNED_AWAY
    # Eyes three pixels apart give no crop, whatever the box says.
    together = replace(face, landmarks=(FRONTAL - FRONTAL.mean(0)) * 3 / 39 + 100)
    assert state(astronaut, together, LIMITS) == TOO_SMALL


def test_limits_wide_open_tell_everything(classifier, astronaut, face):
    open_limits = Limits(min_face=0, max_turn=np.inf, min_sharpness=0)
    fog = cv2.GaussianBlur(astronaut, (0, 0), 12)
    assert look(fog, face, classifier, open_limits).state == OK


def test_a_blurred_crop_is_worth_less(classifier, astronaut, face):
    worths = [
        look(cv2.GaussianBlur(astronaut, (0, 0), sigma), face, classifier, LIMITS).worth
        for sigma in (0.5, 2.5)
    ]
    assert worths[0] > worths[1] > 0
