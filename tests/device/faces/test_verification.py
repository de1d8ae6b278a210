"""Doubtful detections: three detections decide together, sure ones need no further one."""

import math

import numpy as np
import pytest

from device.faces.blazeface import BlazeFace
from device.faces.verification import CLOSE, SURE_SCORE, WIDE, Verifier, log_odds
from device.types import Detection

BLACK = np.zeros((100, 200, 3), np.uint8)


def made(score, x=50.0, width=20.0):
    points = np.array([(x + 5, 45.0), (x + 15, 45.0), (x + 10, 50.0), (x + 10, 55.0)])
    return Detection((x, 40.0, width, width), score, points)


class Fixed:
    """A detector of the same faces in every picture, which notes the regions."""

    side, min_score = 128, 0.6

    def __init__(self, *faces):
        self.faces, self.regions = list(faces), []

    def detect(self, frame_bgr, region=None, else_score=None):
        return self.candidates(frame_bgr, region, self.min_score)

    def candidates(self, frame_bgr, region=None, min_score=0.0):
        self.regions.append(region)
        return [face for face in self.faces if face.score >= min_score]


def test_a_sure_detection_needs_no_other():
    close = Fixed()
    assert Verifier(close, Fixed(), 0.6).is_face(BLACK, made(SURE_SCORE))
    assert close.regions == []


@pytest.mark.parametrize(
    "scores, confirmed",
    [
        ((0.6, 0.6, 0.6), True),  # the mean of the log-odds is that of 0.6
        ((0.5, 0.6, 0.7), True),
        ((0.5, 0.6, 0.65), False),
        ((0.84, 0.3, 0.6), True),
        ((0.7, 0.02, 0.9999), False),  # none decides by itself
        ((0.42, 0.85, 0.85), True),
    ],
)
def test_the_mean_log_odds_of_three_detections_decide(scores, confirmed):
    first, close, wide = (made(score + 1e-6) for score in scores)
    mean = sum(log_odds(face.score) for face in (first, close, wide)) / 3
    assert (mean >= log_odds(0.6)) == confirmed
    assert Verifier(Fixed(close), Fixed(wide), 0.6).is_face(BLACK, first) == confirmed


def test_the_other_detections_are_made_in_squares_around_the_first():
    close, wide = Fixed(made(0.9)), Fixed(made(0.9))
    assert Verifier(close, wide, 0.6).is_face(BLACK, made(0.5))
    ((left, top, right, bottom),) = close.regions
    assert (left, top, right, bottom) == (30, 20, 90, 80) and right - left == CLOSE * 20
    ((left, top, right, bottom),) = wide.regions
    assert (left, top) == (20, 10) and bottom - top == WIDE * 20


def test_a_face_beside_or_of_another_size_confirms_nothing():
    beside, larger = made(0.98, x=65.0), made(0.98, width=60.0)
    for other in (beside, larger):
        assert not Verifier(Fixed(other), Fixed(other), 0.6).is_face(BLACK, made(0.7))


def test_weak_detections_are_candidates():
    verifier = Verifier(Fixed(made(0.9)), Fixed(made(0.9)), 0.6)
    detector = Fixed(made(0.42), made(0.3, x=120.0))
    assert [face.score for face in verifier.detect(detector, BLACK)] == [0.42]
    cut = (52, 0, 200, 100)  # the face begins left of this tile
    assert verifier.detect(detector, BLACK, cut) == []


def test_the_log_odds_are_limited():
    assert log_odds(0.0) == pytest.approx(math.log(0.02 / 0.98)) == pytest.approx(-log_odds(1.0))


def test_a_portrait_is_confirmed_and_its_parts_are_not(astronaut):
    verifier = Verifier(BlazeFace("short"), BlazeFace("full"), 0.6)
    (face,) = BlazeFace().detect(astronaut)
    doubtful = Detection(face.box, 0.5, face.landmarks)
    assert verifier.is_face(astronaut, doubtful)
    shifted = Detection((10.0, 380.0, 90.0, 90.0), 0.8, face.landmarks + np.array((-180, 300)))
    assert not verifier.is_face(astronaut, shifted)  # her suit
