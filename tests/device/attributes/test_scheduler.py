"""When each track is classified: new tracks at once, others in turn, a changed face first."""

import dataclasses
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
    """A classifier that counts its calls."""

    calls = 0

    def classify(self, crop_rgb):
        self.calls += 1
        return super().classify(crop_rgb)


@pytest.fixture
def classifier():
    return Counting(CARD)


def schedulers(classifier, classify_hz=5.0, budget=None, shown=None, **faces):
    """Return a detection and an attribute scheduler; faces: settings of [faces]."""
    budget = budget or FrameBudget()
    detection = DetectionScheduler(BlazeFace("back"), BlazeFace("short"), Tracker(), 5.0, budget)
    names = shown or classifier.card.names
    limits = quality_limits(FacesSettings(**faces))
    attributes = AttributeScheduler(
        classifier, names, limits, TracksSettings(), classify_hz, budget
    )
    return detection, attributes


def analyze(frame, detection, attributes):
    """Return one frame's faces, as the pipeline does."""
    tracks = detection.track(frame)
    for track in attributes.classify(frame, tracks):
        detection.tracker.assign_new_id(track)
    return attributes.faces(frame, tracks)


def analyze_all(frames, detection, attributes):
    return [analyze(frame, detection, attributes) for frame in frames]


@pytest.mark.parametrize("classify_hz", [2.0, pytest.param(5.0, marks=pytest.mark.slow)])
def test_each_track_is_classified_at_its_rate_and_in_every_result(classifier, classify_hz):
    results = analyze_all(Scene(3, (640, 480), 150), *schedulers(classifier, classify_hz))
    assert all(len(faces) == 3 for faces in results[10:])
    assert all(face.state == OK and face.labels for faces in results[10:] for face in faces)
    assert classifier.calls == pytest.approx(3 * 5 * classify_hz, rel=0.4)


def test_a_new_track_is_classified_in_the_frame_that_confirms_it(classifier):
    results = analyze_all(Scene(2, (640, 480), 3), *schedulers(classifier, classify_hz=0.1))
    assert len(results[2]) == classifier.calls == 2


def test_no_frame_waits_for_many_classifications(classifier):
    detection, attributes = schedulers(classifier)
    most = 0
    for n, frame in enumerate(Scene(8, (1280, 720), 90)):
        before = classifier.calls
        analyze(frame, detection, attributes)
        most = max(most, classifier.calls - before if n > 40 else 0)
    assert 1 <= most <= 3


def swapped_portraits(astronaut, admiral):
    """Return frames of a cut from one portrait to the other, faces of one size in one place."""
    one, other = (BlazeFace().detect(picture)[0] for picture in (astronaut, admiral))
    scale = one.box[2] / other.box[2]
    matrix = np.array([(scale, 0, 0), (0, scale, 0)])
    centres = [np.array(face.box[:2]) + np.array(face.box[2:]) / 2 for face in (one, other)]
    matrix[:, 2] = centres[0] - scale * centres[1]
    moved = cv2.warpAffine(admiral, matrix, astronaut.shape[1::-1])
    pictures = [*[astronaut] * 20, *[moved] * 2]
    return [Frame(bgr, n, datetime.now(UTC), n / 30, "made") for n, bgr in enumerate(pictures)]


def test_another_face_in_the_same_place_is_an_identity_switch(classifier, astronaut, admiral):
    frames = swapped_portraits(astronaut, admiral)
    results = analyze_all(frames, *schedulers(classifier, classify_hz=0.1))
    (before,), (after,) = results[19], results[20]
    assert (before.id, after.id) == (1, 2)
    assert before["Eyeglasses"] < 0.2 < after["Eyeglasses"]


def test_identity_switches_are_returned_and_nothing_else_is(classifier, astronaut, admiral):
    detection, attributes = schedulers(classifier, classify_hz=0.1)
    switches = []
    for frame in swapped_portraits(astronaut, admiral):
        tracks = detection.track(frame)
        switches += [(frame.index, track) for track in attributes.classify(frame, tracks)]
    assert switches == [(20, detection.tracker.visible()[0])]


def test_a_rejected_face_has_an_id_and_no_labels(classifier):
    scene = Scene(1, (640, 480), 30)
    (face,) = analyze_all(scene, *schedulers(classifier))[-1]
    assert face.state == OK and face.labels
    (face,) = analyze_all(scene, *schedulers(classifier, max_turn=0.0))[-1]
    assert (face.state, face.labels, face.id) == (TURNED_AWAY, (), 1)
    assert not face.probabilities and face["Smiling"] is None


def test_only_shown_attributes_have_labels(classifier):
    results = analyze_all(Scene(1, (640, 480), 10), *schedulers(classifier, shown=["Male"]))
    (face,) = results[-1]
    assert face.labels in (("man",), ("woman",)) and len(face.probabilities) == 40


def test_faces_lie_inside_the_picture(classifier, astronaut):
    """A face that leaves: its prediction lies partly outside."""
    detection, attributes = schedulers(classifier)
    width = astronaut.shape[1]
    boxes = []
    for n in range(25):
        shift = np.array([(1.0, 0, 12.0 * n), (0, 1, 0)])
        picture = cv2.warpAffine(astronaut, shift, (width, width))
        frame = Frame(picture, n, datetime.now(UTC), n / 30, "made")
        boxes += [face.box for face in analyze(frame, detection, attributes)]
    assert boxes
    assert all(x >= 0 and x + w <= width and w >= 1 for x, _, w, _ in boxes)


def test_without_time_no_track_is_classified_twice_in_a_frame(classifier):
    """A frame whose time is over classifies only the tracks that were deferred for too long."""
    hurried = FrameBudget(1e-9)
    results = analyze_all(Scene(4, (640, 480), 30), *schedulers(classifier, budget=hurried))
    assert classifier.calls <= 30 and results


def test_a_face_near_a_limit_does_not_flicker(classifier):
    """Widths around the smallest: classified once reached, and until clearly missed."""
    scene = Scene(1, (320, 240), 90)
    width = BlazeFace().detect(next(iter(scene)).bgr)[0].box[2]
    results = analyze_all(scene, *schedulers(classifier, classify_hz=1000, min_face=width))
    states = [face.state for faces in results for face in faces]
    assert OK in states
    after = states[states.index(OK) :]
    assert set(after) == {OK} and len(after) > 60


class Alternating(Classifier):
    """A classifier of two attributes whose probabilities are the opposite every time."""

    def __init__(self):
        super().__init__(CARD, wanted=("Smiling", "Mouth_Slightly_Open"))
        self._smiles = False

    def classify(self, crop_rgb):
        self._smiles = not self._smiles
        return np.full(2, 0.95 if self._smiles else 0.05, np.float32)


def test_with_few_attributes_a_smile_is_no_identity_switch():
    results = analyze_all(Scene(1, (640, 480), 90), *schedulers(Alternating()))
    faces = [face for faces in results for face in faces]
    assert {face.id for face in faces} == {1}
    assert {len(face.probabilities) for face in faces if face.state == OK} == {2}


class Stalling(Counting):
    """A classifier that takes a third of a second, once."""

    def classify(self, crop_rgb):
        if self.calls == 2:
            time.sleep(0.3)
        return super().classify(crop_rgb)


def test_one_slow_classification_does_not_starve_a_live_camera():
    classifier, budget = Stalling(CARD), FrameBudget(1 / 30)
    detection, attributes = schedulers(classifier, classify_hz=30, budget=budget)
    until = time.monotonic() + 30.0
    while classifier.calls < 6 and time.monotonic() < until:
        for frame in Scene(1, (320, 240), 5):
            budget.start_frame()
            analyze(dataclasses.replace(frame, at_s=time.monotonic()), detection, attributes)
            time.sleep(0.01)
    assert classifier.calls >= 6
