"""One image, analyzed: detection, quality gate, crop and classification in one call."""

import dataclasses

import cv2
import numpy as np
import pytest

from device.analyzer import FaceAnalyzer, largest
from device.attributes.classifier import Classifier
from device.errors import UsageError
from device.faces.align import CELEBA_FRAME
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.settings import AttributesSettings, FacesSettings, Settings
from device.types import OK, TOO_SMALL
from tests.conftest import CARD


@pytest.fixture(scope="module")
def analyzer():
    return FaceAnalyzer.from_settings(Settings())


class NoDetector:
    """A detector that must not be asked."""

    side = 256

    def detect(self, frame_bgr, region=None):
        raise AssertionError("the detections were given")


def test_a_portrait(analyzer, astronaut):
    (face,) = analyzer.analyze(astronaut)
    x, y, w, h = face.box
    assert abs(x + w / 2 - 224) < 15 and abs(y + h / 2 - 120) < 20
    assert (face.id, face.state) == (1, OK) and 0.6 < face.score <= 1
    assert face["Smiling"] > 0.8 and "smiling" in face.labels and "hat" not in face.labels


def test_a_picture_without_faces(analyzer):
    assert analyzer.analyze(np.full((300, 200, 3), 90, np.uint8)) == []


def test_faces_are_numbered_from_left_to_right(analyzer, astronaut, admiral):
    faces = analyzer.analyze(np.hstack([admiral[:512], astronaut]))
    assert [face.id for face in faces] == [1, 2]
    assert faces[0].box[0] < 512 < faces[1].box[0]
    assert faces[0]["Eyeglasses"] > 0.5 > faces[1]["Eyeglasses"]


def test_the_picture_is_not_changed_and_nothing_is_kept_for_the_next(analyzer, astronaut):
    before = astronaut.copy()
    first, second = analyzer.analyze(astronaut)[0], analyzer.analyze(astronaut)[0]
    assert (astronaut == before).all()
    assert first.id == second.id and dict(first.probabilities) == dict(second.probabilities)


def test_given_detections_are_not_searched_for(astronaut):
    detections = BlazeFace().detect(astronaut)
    analyzer = FaceAnalyzer(NoDetector(), NO_LIMITS, Classifier(CARD))
    (face,) = analyzer.analyze(astronaut, detections)
    assert face.box == detections[0].box and face["Smiling"] > 0.8
    assert analyzer.analyze(astronaut, []) == []


def test_without_a_classifier_faces_have_their_quality_only(astronaut):
    analyzer = FaceAnalyzer(BlazeFace(), NO_LIMITS, geometry=CELEBA_FRAME)
    (face,) = analyzer.analyze(astronaut)
    assert (face.state, face.labels, face["Smiling"]) == (OK, (), None)
    strict = FaceAnalyzer(
        BlazeFace(), dataclasses.replace(NO_LIMITS, min_face=1000.0), geometry=CELEBA_FRAME
    )
    assert strict.analyze(astronaut)[0].state == TOO_SMALL


def test_without_classifier_and_geometry_there_is_no_analyzer():
    with pytest.raises(TypeError, match="needs a classifier or a crop geometry"):
        FaceAnalyzer(NoDetector(), NO_LIMITS)


def test_the_settings_decide_limits_and_labels(astronaut):
    settings = Settings(
        faces=FacesSettings(min_face=1000.0), attributes=AttributesSettings(show=("Smiling",))
    )
    (face,) = FaceAnalyzer.from_settings(settings).analyze(astronaut)
    assert (face.state, face["Smiling"]) == (TOO_SMALL, None)
    settings = Settings(attributes=AttributesSettings(show=("Smiling",)))
    (face,) = FaceAnalyzer.from_settings(settings).analyze(astronaut)
    assert face.labels == ("smiling",) and len(face.probabilities) == 40
    settings = Settings(attributes=AttributesSettings(show=("Smilling",)))
    with pytest.raises(UsageError, match=r"unknown attribute 'Smilling'. Try: Smiling"):
        FaceAnalyzer.from_settings(settings)


def test_the_largest_face_is_the_widest(analyzer, astronaut):
    assert largest([]) is None
    small = cv2.resize(astronaut, None, fx=0.5, fy=0.5)
    picture = np.full((512, 768, 3), 90, np.uint8)
    picture[:, :512], picture[:256, 512:] = astronaut, small
    faces = analyzer.analyze(picture)
    assert len(faces) == 2 and largest(reversed(faces)) is faces[0]
