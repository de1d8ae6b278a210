"""The detector on portraits: one box and four landmarks for each face."""

import cv2
import numpy as np
import pytest

from device.boxes import iou
from device.errors import ModelError
from device.faces import blazeface
from device.faces.blazeface import VARIANTS, BlazeFace


@pytest.fixture(scope="module")
def back():
    return BlazeFace("back")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_finds_the_one_face(variant, astronaut):
    (face,) = BlazeFace(variant).detect(astronaut)
    x, y, w, h = face.box
    assert abs(x + w / 2 - 224) < 15 and abs(y + h / 2 - 120) < 20 and 70 < w < 140
    assert 0.6 < face.score <= 1


def test_landmarks_are_left_eye_right_eye_nose_mouth(back, astronaut):
    (face,) = back.detect(astronaut)
    left, right, nose, mouth = face.landmarks
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < mouth[1]


def test_landmarks_turn_with_the_face(back, astronaut):
    turn = cv2.getRotationMatrix2D((224, 125), 20, 1.0)
    (face,) = back.detect(cv2.warpAffine(astronaut, turn, (512, 512)))
    left, right = face.landmarks[:2]
    # getRotationMatrix2D turns counter-clockwise, so the right eye goes up.
    assert np.degrees(np.arctan2(left[1] - right[1], right[0] - left[0])) == pytest.approx(
        20, abs=6
    )


def test_two_faces_come_from_left_to_right(back, astronaut, admiral):
    faces = back.detect(np.hstack([admiral[:512], astronaut]))
    assert len(faces) == 2
    assert faces[0].box[0] < 512 < faces[1].box[0]


def test_coordinates_do_not_depend_on_the_frames_size(back, astronaut):
    small = back.detect(astronaut)[0]
    large = back.detect(cv2.resize(astronaut, None, fx=4, fy=4))[0]
    np.testing.assert_allclose(np.array(large.box) / 4, small.box, atol=4)


def test_coordinates_are_rounded_to_eighths_of_a_pixel(back, astronaut):
    (face,) = back.detect(astronaut)
    places = 8 * np.concatenate([face.landmarks.ravel(), 2 * np.array(face.box)])
    np.testing.assert_array_equal(places, np.round(places))


@pytest.mark.parametrize("edge", ["left", "right", "bottom"])
def test_a_face_half_out_of_the_picture_has_its_box_inside(back, astronaut, edge):
    cuts = {"left": np.s_[:, 195:], "right": np.s_[:, :255], "bottom": np.s_[:145]}
    picture = np.ascontiguousarray(astronaut[cuts[edge]])
    faces = back.detect(picture)
    assert faces
    for face in faces:
        x, y, w, h = face.box
        assert x >= 0 and y >= 0 and x + w <= picture.shape[1] and y + h <= picture.shape[0]


@pytest.mark.parametrize("shape", [(1, 1, 3), (480, 640, 3), (1, 900, 3), (900, 1, 3)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_face_in_plain_pictures(back, shape, level):
    assert back.detect(np.full(shape, level, np.uint8)) == []


def test_nothing_of_a_larger_frame_is_left_in_the_next(back, astronaut):
    back.detect(astronaut)
    assert back.detect(np.zeros((100, 300, 3), np.uint8)) == []


def test_a_missing_network_names_the_command_that_installs_it(monkeypatch):
    lost = blazeface.Variant("lost.tflite", 256, ((16, 2),))
    monkeypatch.setitem(blazeface.VARIANTS, "back", lost)
    with pytest.raises(ModelError, match=r"face detector lost.tflite is missing .*Try: .*pip inst"):
        BlazeFace()


def test_another_network_under_the_detectors_name(monkeypatch):
    wrong = blazeface.Variant("face_landmark.tflite", 256, ((16, 2), (32, 6)))
    monkeypatch.setitem(blazeface.VARIANTS, "back", wrong)
    with pytest.raises(ModelError, match="is another network than BlazeFace back"):
        BlazeFace()


def test_a_region_may_reach_beyond_the_picture(astronaut):
    """The part outside is black: the same detections as in the picture with a black border."""
    detector, border = BlazeFace(), 170
    height, width = astronaut.shape[:2]
    (inside,) = detector.detect(astronaut, (-border, -border, width + border, height + border))
    (framed,) = detector.detect(cv2.copyMakeBorder(astronaut, *[border] * 4, cv2.BORDER_CONSTANT))
    assert np.abs(inside.landmarks + border - framed.landmarks).max() < 2  # px
    assert inside.score == pytest.approx(framed.score, abs=0.02)


def test_candidates_are_the_faces_and_weak_detections_beside_them(astronaut):
    detector = BlazeFace()
    picture = np.hstack([astronaut, cv2.GaussianBlur(astronaut // 4, (0, 0), 4)])
    faces, candidates = detector.detect(picture), detector.candidates(picture, None, 0.1)
    assert len(faces) < len(candidates) and min(face.score for face in faces) >= 0.6
    assert {face.box for face in faces} <= {face.box for face in candidates}
    weak = [face for face in candidates if face.score < 0.6]
    assert all(iou(face.box, other.box) < 0.3 for face in weak for other in faces)


def test_a_weak_detection_where_there_is_no_clear_one(astronaut):
    detector = BlazeFace(min_score=0.99)
    assert detector.detect(astronaut) == []
    (face,) = detector.detect(astronaut, None, 0.6)
    assert face.box == BlazeFace().detect(astronaut)[0].box
