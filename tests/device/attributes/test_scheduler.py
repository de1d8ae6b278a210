"""Whose attributes are told when: newcomers at once, the others in turn, a changed face first."""

import time
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.attributes.scheduler import AttributeScheduler
from device.bench.scene import Scene
from device.faces.blazeface import BlazeFace
from device.faces.detection_scheduler import DetectionScheduler
from device.faces.quality_gate import quality_limits
from device.faces.tracker import Tracker
from device.frame_budget import FrameBudget
from device.settings import FacesSettings, TracksSettings
from device.types import OK, TURNED_AWAY, Frame
from tests.conftest import CARD


class Counting(Classifier):
    """A classifier that counts what it is asked."""

    asked = 0

    def classify(self, crop_rgb):
        self.asked += 1
        return super().classify(crop_rgb)


@pytest.fixture
def classifier():
    return Counting(CARD)


def room(classifier, refresh_hz=5.0, pace=None, shown=None):
    pace = pace or FrameBudget()
    follower = DetectionScheduler(BlazeFace("back"), BlazeFace("short"), Tracker(), 5.0, pace)
    names = shown or classifier.card.names
    limits = quality_limits(FacesSettings())
    return follower, AttributeScheduler(
        classifier, names, limits, TracksSettings(), refresh_hz, pace
    )


def follow(frames, follower, teller):
    """Return what is told in each frame."""
    told = []
    for frame in frames:
        people = follower.update(frame)
        teller.update(frame, people, follower.tracker.renew)
        told.append(teller.tracks(frame, people))
    return told


@pytest.mark.parametrize("refresh_hz", [2.0, 5.0])
def test_each_face_is_told_at_its_rate_and_shown_in_every_frame(classifier, refresh_hz):
    told = follow(Scene(3, (640, 480), 300), *room(classifier, refresh_hz))
    assert all(len(one) == 3 for one in told[10:])
    assert all(track.state == OK and said for one in told[10:] for track, said in one)
    assert classifier.asked == pytest.approx(3 * 10 * refresh_hz, rel=0.4)


def test_a_newcomer_is_told_in_the_frame_that_confirms_it(classifier):
    told = follow(Scene(2, (640, 480), 3), *room(classifier, refresh_hz=0.1))
    assert len(told[2]) == classifier.asked == 2


def test_no_frame_waits_for_many_faces(classifier):
    scene, (follower, teller) = Scene(8, (1280, 720), 90), room(classifier)
    most = 0
    for n, frame in enumerate(scene):
        before = classifier.asked
        people = follower.update(frame)
        teller.update(frame, people, follower.tracker.renew)
        most = max(most, classifier.asked - before if n > 40 else 0)
    assert 1 <= most <= 3


def test_another_face_in_the_same_place_is_told_at_once(classifier, astronaut, admiral):
    """A cut from one portrait to the other, their faces brought to the same place and size."""
    (one,), (other,) = (BlazeFace().detect(picture) for picture in (astronaut, admiral))
    scale = one.box[2] / other.box[2]
    matrix = np.array([(scale, 0, 0), (0, scale, 0)])
    centres = [np.array(face.box[:2]) + np.array(face.box[2:]) / 2 for face in (one, other)]
    matrix[:, 2] = centres[0] - scale * centres[1]
    moved = cv2.warpAffine(admiral, matrix, astronaut.shape[1::-1])
    pictures = [*[astronaut] * 20, *[moved] * 2]
    frames = (
        Frame(picture, n, datetime.now(UTC), n / 30, "made") for n, picture in enumerate(pictures)
    )
    told = follow(frames, *room(classifier, refresh_hz=0.1))
    assert told[19][0][0].id == 1 and told[20][0][0].id == 2
    glasses = classifier.card.names.index("Eyeglasses")
    assert told[19][0][0].probabilities[glasses] < 0.2 < told[20][0][0].probabilities[glasses]


def test_a_face_that_cannot_be_told_has_a_number_and_no_labels(classifier):
    ((track, said),) = follow(Scene(1, (640, 480), 30), *room(classifier))[-1]
    assert track.state == OK and said
    limits = quality_limits(FacesSettings(max_turn=0.0))
    strict = AttributeScheduler(
        classifier, classifier.card.names, limits, TracksSettings(), 5.0, FrameBudget()
    )
    ((track, said),) = follow(Scene(1, (640, 480), 30), room(classifier)[0], strict)[-1]
    assert track.state == TURNED_AWAY and track.probabilities is None and said == []
    assert track.id == 1


def test_only_what_is_shown_is_said(classifier):
    told = follow(Scene(1, (640, 480), 10), *room(classifier, shown=["Male"]))
    ((_, said),) = told[-1]
    assert said in (["man"], ["woman"])


def test_a_hurried_camera_tells_nobody_twice_in_a_frame(classifier):
    """Where one frame's time is gone, only those are told for whom there was time."""
    hurried = FrameBudget(1e-9)
    told = follow(Scene(4, (640, 480), 30), *room(classifier, pace=hurried))
    assert classifier.asked <= 30 and told


def test_a_face_near_a_limit_does_not_come_and_go(classifier):
    """Widths around the least one: told once it is reached, and until it is clearly missed."""
    scene = Scene(1, (320, 240), 90)
    width = BlazeFace().detect(next(iter(scene)).bgr)[0].box[2]
    limits = quality_limits(FacesSettings(min_face=width))
    follower = room(classifier)[0]
    teller = AttributeScheduler(
        classifier, classifier.card.names, limits, TracksSettings(), 1000, FrameBudget()
    )
    told = follow(scene, follower, teller)
    states = [track.state for one in told for track, _ in one]
    assert OK in states
    after = states[states.index(OK) :]
    assert set(after) == {OK} and len(after) > 60


class Moody:
    """A classifier of two attributes that says the opposite every time."""

    def __init__(self):
        self._real = Classifier(CARD, wanted=("Smiling", "Mouth_Slightly_Open"))
        self.card, self.template, self.cut = self._real.card, self._real.template, self._real.cut
        self._smiles = False

    def classify(self, crop_rgb):
        self._smiles = not self._smiles
        return np.full(2, 0.95 if self._smiles else 0.05, np.float32)


def test_where_few_attributes_are_computed_a_smile_makes_nobody_somebody_else():
    told = follow(Scene(1, (640, 480), 90), *room(Moody()))
    tracks = [track for one in told for track, _ in one]
    assert {track.id for track in tracks} == {1}
    assert {len(track.probabilities) for track in tracks if track.state == OK} == {2}


class Stalling(Counting):
    """A classifier that is held up for a third of a second, once."""

    def classify(self, crop_rgb):
        if self.asked == 2:
            time.sleep(0.3)
        return super().classify(crop_rgb)


def test_one_hiccup_of_a_live_camera_does_not_silence_it_for_ever():
    classifier = Stalling(CARD)
    pace = FrameBudget(1 / 30)
    follower, teller = room(classifier, refresh_hz=30, pace=pace)
    until = time.monotonic() + 30.0
    while classifier.asked < 6 and time.monotonic() < until:
        for frame in Scene(1, (320, 240), 5):
            pace.begin()
            moved = Frame(frame.bgr, frame.index, frame.time, time.monotonic(), frame.source)
            people = follower.update(moved)
            teller.update(moved, people, follower.tracker.renew)
            time.sleep(0.01)
    assert classifier.asked >= 6
