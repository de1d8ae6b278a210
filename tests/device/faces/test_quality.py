"""Which faces are too small, blurred or turned away to be classified."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.attributes.model_card import read_card
from device.faces.blazeface import BlazeFace
from device.faces.quality import pose_error, sharpness
from device.faces.quality_gate import MIN_WEIGHT, NO_LIMITS, QualityLimits, assess_quality
from device.types import BLURRED, OK, TOO_SMALL, TURNED_AWAY
from tests.conftest import CARD

LIMITS = QualityLimits(min_face=24, max_turn=0.22, min_sharpness=0.1)
FRONTAL = np.array([(69.0, 113.0), (108.0, 113.0), (88.5, 138.0), (88.5, 156.0)])


@pytest.fixture(scope="module")
def geometry():
    return read_card(CARD).geometry


@pytest.fixture(scope="module")
def face(astronaut):
    (detection,) = BlazeFace("back").detect(astronaut)
    return detection


def landmarks_at(yaw_deg):
    """Return a turned head's landmarks, px, made of points in three dimensions."""
    head = np.array([(-32, 0, 0), (32, 0, 0), (0, 38, 30), (0, 70, 5)], float)  # mm
    yaw = np.radians(yaw_deg)
    x = head[:, 0] * np.cos(yaw) + head[:, 2] * np.sin(yaw)
    return np.stack([x, head[:, 1]], axis=1)


def test_the_pose_error_is_0_for_a_frontal_face_and_grows_with_the_yaw():
    frontal = landmarks_at(0)
    errors = [pose_error(landmarks_at(yaw) + 200, frontal) for yaw in (0, 15, 30, 45, 60)]
    assert errors[0] == pytest.approx(0, abs=1e-9) and errors == sorted(errors)
    assert pose_error(landmarks_at(-30), frontal) == pytest.approx(errors[2])
    assert errors[1] < 0.1 and errors[3] > 0.15


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(0.2, 10), st.floats(-500, 500))
def test_the_pose_error_does_not_depend_on_tilt_scale_or_place(angle, scale, shift):
    turned, frontal = landmarks_at(25), landmarks_at(0)
    matrix = cv2.getRotationMatrix2D((0.0, 0.0), angle, scale)
    moved = turned @ matrix[:, :2].T + shift
    assert pose_error(moved, frontal) == pytest.approx(pose_error(turned, frontal), abs=1e-6)


def test_sharpness_falls_with_blur_and_not_with_light(geometry, astronaut, face):
    def of(picture):
        return sharpness(geometry.crop(picture, face.landmarks))

    values = [of(cv2.GaussianBlur(astronaut, (0, 0), sigma)) for sigma in (0.5, 2, 4, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 2 * values[-1]
    dark = (astronaut * 0.4).astype(np.uint8)
    assert of(dark) == pytest.approx(of(astronaut), rel=0.1)


def test_fog_has_no_sharpness():
    assert sharpness(np.full((160, 128, 3), 90, np.uint8)) == 0


def test_a_clear_face_is_accepted_with_its_crop(geometry, astronaut, face):
    quality = assess_quality(astronaut, face, geometry, LIMITS)
    assert quality.state == OK and MIN_WEIGHT <= quality.weight <= 1
    np.testing.assert_array_equal(quality.crop, geometry.crop(astronaut, face.landmarks))


def test_a_rejected_face_has_its_reason_and_no_crop(geometry, astronaut, face):
    def state(picture, detection, limits):
        quality = assess_quality(picture, detection, geometry, limits)
        assert quality.crop is None and quality.weight == 0
        return quality.state

    fog = cv2.GaussianBlur(astronaut, (0, 0), 12)
    assert state(fog, face, LIMITS) == BLURRED
    small = replace(LIMITS, min_face=face.box[2] + 1)
    assert state(astronaut, face, small) == TOO_SMALL
    turned = pose_error(face.landmarks, geometry.template_array)
    assert state(astronaut, face, replace(LIMITS, max_turn=turned - 0.001)) == TURNED_AWAY
    # Eyes three pixels apart give no crop, however wide the box is.
    together = replace(face, landmarks=(FRONTAL - FRONTAL.mean(0)) * 3 / 39 + 100)
    assert state(astronaut, together, LIMITS) == TOO_SMALL


def test_no_limits_accept_every_face_that_can_be_aligned(geometry, astronaut, face):
    fog = cv2.GaussianBlur(astronaut, (0, 0), 12)
    assert assess_quality(fog, face, geometry, NO_LIMITS).state == OK


def test_relaxed_limits_accept_more():
    relaxed = LIMITS.relaxed()
    assert (relaxed.min_face, relaxed.min_sharpness) == pytest.approx((19.2, 0.08))
    assert relaxed.max_turn == pytest.approx(0.275)


def test_a_blurred_crop_has_less_weight(geometry, astronaut, face):
    weights = [
        assess_quality(cv2.GaussianBlur(astronaut, (0, 0), sigma), face, geometry, LIMITS).weight
        for sigma in (0.5, 2.5)
    ]
    assert weights[0] > weights[1] > 0


@pytest.mark.parametrize(
    ("gain", "expected"), [(0.02, "too dark"), (1, OK), (1.3, OK), (9, "too bright")]
)
def test_a_face_without_light_or_burnt_out_is_not_classified(
    geometry, astronaut, face, gain, expected
):
    limits = replace(LIMITS, min_brightness=60.0, max_overexposed=0.3)
    picture = np.clip(astronaut * float(gain), 0, 255).astype(np.uint8)
    assert assess_quality(picture, face, geometry, limits).state == expected


def test_a_face_that_stands_on_its_head_is_recognized(admiral):
    from device.faces.orientation import is_upside_down, turned

    for detector in (BlazeFace("back"), BlazeFace("short")):
        head = turned(admiral, 180)
        found = BlazeFace("back").detect(head)
        assert found and all(is_upside_down(detector, head, face) for face in found)
        assert not any(is_upside_down(detector, admiral, f) for f in detector.detect(admiral))
