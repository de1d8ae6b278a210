"""The loop in one process: a camera, a detector and a classifier that are made up."""

import dataclasses
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classification
from device.attributes.model_card import read_card
from device.camera.photos import Photos
from device.errors import SourceError
from device.faces.quality_gate import QualityResult
from device.models import Models
from device.pipeline import Pipeline, build_pipeline
from device.settings import FacesSettings, LineSettings, OutputsSettings, Settings
from device.types import IN, OK, OUT, Detection, Frame, Line, LineCount
from tests.conftest import CARD


class FakeCamera:
    """A video of plain pictures, one grey level each, at 25 frames/s."""

    name, fps, mode = "fake", 25.0, "64x48"

    def __init__(self, levels, fault=None):
        self.levels, self.fault, self.closed = levels, fault, False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def __iter__(self):
        try:
            for n, level in enumerate(self.levels):
                bgr = np.full((48, 64, 3), level, np.uint8)
                yield Frame(bgr, n, datetime.now(UTC), n / self.fps, self.name)
            if self.fault:
                raise self.fault
        finally:
            self.closed = True


class FakeDetector:
    """Finds one face in the middle of every picture that is not black."""

    side, min_score = 256, 0.6

    def detect(self, frame_bgr, region=None, else_score=None):
        face = Detection((20.0, 10.0, 24.0, 28.0), 0.9, np.full((4, 2), 24.0))
        return [face] if frame_bgr.any() else []

    candidates = detect


class FakeClassifier:
    """Two people: one in dark pictures and one in bright ones."""

    card = read_card(CARD)
    thresholds, geometry = card.values("threshold"), card.geometry

    def classify_face(self, frame_bgr, face, limits):
        values = np.full(40, 0.95 if frame_bgr.mean() > 128 else 0.05, np.float32)
        return Classification(QualityResult(OK, frame_bgr, 1.0), values)


def pipeline_of(camera, max_frames=0, settings=None, **more) -> Pipeline:
    models = Models(FakeDetector(), FakeDetector(), FakeDetector(), FakeClassifier())
    settings = settings or Settings(outputs=OutputsSettings(max_frames=max_frames))
    return build_pipeline(settings, models, camera, **more)


def ids(results):
    return [[face.id for face in faces] for _, faces in results]


def test_no_frames():
    pipeline = pipeline_of(FakeCamera([]))
    assert list(pipeline) == [] and (pipeline.totals.frames, pipeline.totals.fps) == (0, 0)


def test_a_verified_face_has_its_id_in_the_first_frame_of_a_scene():
    assert ids(pipeline_of(FakeCamera([90] * 5))) == [[1]] * 5


def test_another_track_is_confirmed_after_min_hits_frames():
    """YuNet's detections are not verified."""
    settings = Settings(faces=FacesSettings(detector="yunet"))
    found = pipeline_of(FakeCamera([90] * 5), settings=settings)
    assert ids(found) == [[], [], [1], [1], [1]]


def test_results_unpack_and_count():
    pipeline = pipeline_of(FakeCamera([90] * 4))
    indices = []
    for frame, faces in pipeline:
        indices.append(frame.index)
        assert all(face.labels and face["Smiling"] == pytest.approx(0.05) for face in faces)
    assert indices == [0, 1, 2, 3]
    assert (pipeline.totals.frames, pipeline.totals.faces) == (4, 4) and pipeline.totals.fps > 0


class FakeLiveCamera(FakeCamera):
    """The same as a live camera: read in the pipeline's own thread, as it drops frames itself."""

    dropped, reconnecting, newest = 0, False, None


def test_only_results_of_a_live_camera_have_an_age():
    (result,) = pipeline_of(FakeCamera([90]))
    assert result.analyzed and result.age_s is None
    camera = FakeLiveCamera([90] * 9)
    for result in pipeline_of(camera, max_frames=4):
        assert result.age_s is not None and not camera.closed
    assert result.frame.index == 3 and camera.closed


@pytest.mark.parametrize("max_frames, expected", [(0, 9), (1, 1), (4, 4), (99, 9)])
def test_max_frames_ends_the_run(max_frames, expected):
    camera = FakeCamera([90] * 9)
    assert len(list(pipeline_of(camera, max_frames))) == expected
    assert camera.closed or expected < 9


def test_stopping_ends_the_run_after_the_frame():
    seen = []
    for frame, _ in pipeline_of(FakeCamera([90] * 9), stopping=lambda: len(seen) == 3):
        seen.append(frame.index)
    assert seen == [0, 1, 2]


def test_another_person_in_the_same_place_has_a_new_id():
    results = list(pipeline_of(FakeCamera([60] * 6 + [200] * 6)))
    assert ids(results[2:]) == [[1]] * 4 + [[2]] * 6
    assert results[5].faces[0]["Smiling"] < 0.5 < results[6].faces[0]["Smiling"]
    assert results[6].faces[0].hits == 1


def test_a_fault_of_the_camera_is_raised_after_the_frames_before_it():
    seen = []
    with pytest.raises(SourceError, match="the cable"):
        for frame, _ in pipeline_of(FakeCamera([90] * 4, SourceError("the cable"))):
            seen.append(frame.index)
    assert seen == [0, 1, 2, 3]


def test_a_fault_of_a_frame_that_is_not_wanted_is_not_raised():
    """The video is read ahead, and its fault lies behind the last frame."""
    camera = FakeCamera([90] * 2, SourceError("the cable"))
    assert len(list(pipeline_of(camera, max_frames=2))) == 2


class FakeRecognizer:
    """Names every face after its id, and counts how often it forgets."""

    forgotten = 0

    def identify(self, frame, faces):
        return [dataclasses.replace(face, person=f"person {face.id}") for face in faces]

    def forget(self):
        self.forgotten += 1


def test_faces_have_the_names_that_the_recognizer_gives():
    recognizer = FakeRecognizer()
    *_, (_, faces) = pipeline_of(FakeCamera([90] * 4), recognizer=recognizer)
    assert [face.person for face in faces] == ["person 1"] and not recognizer.forgotten


def test_photos_have_nothing_to_do_with_each_other(tmp_path):
    for name, level in (("a.png", 90), ("b.png", 0), ("c.png", 200)):
        cv2.imwrite(str(tmp_path / name), np.full((48, 64, 3), level, np.uint8))
    recognizer = FakeRecognizer()
    results = list(pipeline_of(Photos(tmp_path), recognizer=recognizer))
    assert [frame.source for frame, _ in results] == ["a.png", "b.png", "c.png"]
    assert ids(results) == [[1], [], [1]] and recognizer.forgotten == 3
    assert results[0].faces[0]["Smiling"] < 0.5 < results[2].faces[0]["Smiling"]


class WalkingDetector(FakeDetector):
    """Finds a face that moves 4 px to the right from frame to frame; grey levels are steps."""

    def detect(self, frame_bgr, region=None, else_score=None):
        x = 4.0 * float(frame_bgr[0, 0, 0])
        points = np.array([(6, 8), (14, 8), (10, 12), (10, 16)], float) + np.array((x, 10))
        return [Detection((x, 10.0, 20.0, 20.0), 0.9, points)]

    candidates = detect


def test_results_have_the_crossings_of_the_lines_and_their_sums():
    line = LineSettings("door", (0.5, 1.0), (0.5, 0.0), out_name="exits")
    detector, steps = WalkingDetector(), [*range(1, 16), *range(15, 0, -1)]
    models = Models(detector, detector, detector, FakeClassifier())
    settings = Settings(lines=(line,), faces=FacesSettings(min_face=1000))
    results = list(build_pipeline(settings, models, FakeCamera(steps)))
    found = [one for result in results for one in result.crossings]
    assert [(one.track, one.line, one.direction) for one in found] == [
        (1, "door", IN),
        (1, "door", OUT),
    ]
    # The face's centre, at 4 n + 10 px, is 4 px past the middle, 32 px, at 7 steps. On its way back
    # it moves as predicted, and is not detected in each frame.
    frames = [result.frame for result in results if result.crossings]
    assert [int(frame.bgr[0, 0, 0]) for frame in frames] == [7, 3]
    assert found[0].time == frames[0].time
    counted = Line("door", (0.5, 1.0), (0.5, 0.0), "in", "exits")
    assert results[0].lines == (LineCount(counted, 0, 0),)
    assert results[-1].lines == (LineCount(counted, 1, 1),)


def test_without_lines_and_in_photos_there_are_no_crossings(tmp_path):
    assert [(r.crossings, r.lines) for r in pipeline_of(FakeCamera([9]))] == [((), ())]
    cv2.imwrite(str(tmp_path / "a.png"), np.full((48, 64, 3), 90, np.uint8))
    settings = Settings(lines=(LineSettings("door"),))
    with Photos(tmp_path) as photos:
        (one,) = pipeline_of(photos, settings=settings)
    assert (one.crossings, one.lines) == ((), ())
