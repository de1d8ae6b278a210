"""Robustness sweeps, and errors by group."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.attributes.model_card import read_card
from device.faces.align import FRAME_LANDMARKS, crop_template, landmark_matrix, warp_crop
from device.faces.blazeface import BlazeFace
from device.types import Face
from tests.conftest import CARD
from train import evaluate
from train.data.celeba import ATTRIBUTES
from train.data.split import DataError, Split
from train.evaluation import fairness, robustness
from train.evaluation.fairness import LabelledPerson
from train.evaluation.robustness import (
    CENTRE,
    FACE_PX,
    SCENE_WH,
    SyntheticScene,
    box_matrix,
    nearest_face,
)
from train.report.run import read_sweeps


def placed(scene, photo_wh=(178, 218)):
    """Return where the frame's landmarks come to lie in the scene."""
    scale = np.array(photo_wh) / (178, 218)
    matrix = scene.matrix(photo_wh)
    return (FRAME_LANDMARKS * scale) @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("tilt", [0, 30, -45])
def test_a_scene_tilts_the_eyes_by_its_degrees_about_the_middle(tilt):
    points = placed(SyntheticScene(tilt_deg=tilt))
    dx, dy = points[1] - points[0]
    assert np.degrees(np.arctan2(dy, dx)) == pytest.approx(tilt, abs=0.1)
    np.testing.assert_allclose(points.mean(axis=0), np.array(SCENE_WH) / 2, atol=0.1)


def test_a_scenes_turn_narrows_the_face_about_its_middle():
    plain, turned = placed(SyntheticScene()), placed(SyntheticScene(turn_deg=60))
    assert np.ptp(turned[:2, 0]) == pytest.approx(np.ptp(plain[:2, 0]) / 2)
    np.testing.assert_allclose(turned[:, 1], plain[:, 1])
    np.testing.assert_allclose(turned.mean(axis=0), np.array(SCENE_WH) / 2, atol=0.1)


@pytest.mark.parametrize("photo_wh", [(178, 218), (144, 176)])
def test_a_scenes_face_is_as_wide_as_asked_whatever_the_photos_size(photo_wh):
    eyes = np.ptp(placed(SyntheticScene(face_px=48), photo_wh)[:2, 0])
    assert eyes == pytest.approx(np.ptp(FRAME_LANDMARKS[:2, 0]) * 48 / FACE_PX, rel=0.01)


def test_light_and_noise_stay_bytes():
    photo = np.full((218, 178, 3), 200, np.uint8)
    bright = SyntheticScene(gain=2.0).render([photo], np.random.default_rng(0))
    dark = SyntheticScene(gain=0.25).render([photo], np.random.default_rng(0))
    assert bright.dtype == np.uint8 and bright.min() > 240
    assert dark.mean() == pytest.approx(50, abs=1)


@pytest.mark.parametrize("faces", [1, 2, 5, 9])
def test_every_photo_of_a_crowd_has_its_place(faces):
    photos = [np.full((218, 178, 3), 20 * (n + 1), np.uint8) for n in range(faces)]
    scene = SyntheticScene(faces=faces, face_px=64)
    picture = scene.render(photos, np.random.default_rng(0))
    seen = [picture[round(y), round(x), 0] for x, y in scene.centres()]
    np.testing.assert_allclose(seen, [20 * (n + 1) for n in range(faces)], atol=12)


def face(x, y, w, h):
    return Face(1, (x, y, w, h), 0.9, np.zeros((4, 2)))


def test_the_nearest_face_within_reach():
    far, near = face(0, 0, 20, 20), face(100, 100, 20, 20)
    assert nearest_face([far, near], (112, 112), 30) is near
    assert nearest_face([far], (112, 112), 30) is None
    assert nearest_face([], (112, 112), 30) is None


def test_the_naive_way_is_the_aligned_one_for_an_upright_face():
    # A median face as the detector boxes it, in a 178x218 photo.
    box = face(89.6 - FACE_PX / 2, 133.7 - FACE_PX / 2, FACE_PX, FACE_PX)
    aligned = landmark_matrix(FRAME_LANDMARKS, crop_template((128, 160)))
    np.testing.assert_allclose(
        box_matrix(box, (128, 160)) @ (*CENTRE, 1), aligned @ (*CENTRE, 1), atol=1
    )


@pytest.fixture
def portraits(tmp_path, astronaut, admiral):
    """Both portraits aligned as CelebA aligns its photos, with Smiling labelled."""
    labels = np.zeros((2, 40), np.uint8)
    labels[0, ATTRIBUTES.index("Smiling")] = 1
    paths = []
    for number, picture in enumerate((astronaut, admiral)):
        (found,) = BlazeFace().detect(picture)
        path = tmp_path / f"{number}.png"
        matrix = landmark_matrix(found.landmarks, FRAME_LANDMARKS)
        cv2.imwrite(str(path), warp_crop(picture, matrix, (178, 218)))
        paths.append(path)
    return Split("test", tuple(paths), labels, ATTRIBUTES)


def test_a_sweep_finds_both_faces_and_tilt_hurts_the_naive_way_more(portraits):
    points = robustness.sweep("tilt", portraits, BlazeFace(), Classifier(CARD))
    assert [point.severity for point in points] == [0, 10, 20, 30, 45, 60]
    assert [point.detected for point in points[:4]] == [1, 1, 1, 1]
    aligned = [point.accuracy for point in points]
    assert abs(aligned[3] - aligned[0]) <= 0.1
    assert "30" in robustness.table("tilt", points)


def test_several_faces_are_each_classified(portraits):
    alone, both, *_ = robustness.sweep("faces", portraits, BlazeFace(), Classifier(CARD))
    assert (alone.severity, both.severity) == (1, 2) and alone.detected == both.detected == 1
    assert both.accuracy == pytest.approx(alone.accuracy, abs=0.1)


def test_a_sweep_without_a_face_says_so(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((218, 178, 3), 90, np.uint8))
    split = Split("test", (tmp_path / "grey.png",), np.zeros((1, 40), np.uint8), ATTRIBUTES)
    points = robustness.sweep("blur", split, BlazeFace(), Classifier(CARD))
    assert all(point.detected == 0 and np.isnan(point.accuracy) for point in points)


def test_a_sweep_is_written_as_the_command_says(celeba, tmp_path, capsys):
    arguments = ["--data", str(celeba), "--limit", "2", "--out", str(tmp_path / "out")]
    evaluate.main(["sweep", "size", *arguments])
    rows = json.loads((tmp_path / "out" / "sweep-size.json").read_text())
    assert [row["severity"] for row in rows] == [160, 96, 64, 48, 32, 24]
    of = {"sha256": Classifier(CARD).card.sha256, "split": "test"}
    assert rows[0] == {"severity": 160.0, "detected": 0.0, "accuracy": None, "baseline": None} | of
    assert set(read_sweeps([tmp_path / "out"], of["sha256"], "test")) == {"size"}
    assert cv2.imread(str(tmp_path / "out" / "sweep-size.png")) is not None
    assert "size, px wide" in capsys.readouterr().out


def test_errors_per_group_by_hand():
    people = [
        LabelledPerson(20, "female", "Asian", male=True, young=True),
        LabelledPerson(20, "female", "Asian", male=False, young=False),
        LabelledPerson(70, "male", "White", male=True, young=False),
        LabelledPerson(40, "male", "White", male=True, young=True),  # Young is not rated
        LabelledPerson(30, "male", "White", male=None, young=None),  # no face found
    ]
    found = {(one.group, one.attribute): one for one in fairness.utkface_errors(people)}
    assert (found["all", "Male"].people, found["all", "Male"].error) == (4, 0.25)
    assert found["female", "Male"].error == 0.5 and found["male", "Male"].error == 0
    assert (found["all", "Young"].people, found["18 to 29", "Young"].error) == (3, 0.5)
    assert ("30 to 44", "Young") not in found
    # Wilson (1927) for 1 of 4.
    assert found["all", "Male"].low == pytest.approx(0.0456, abs=1e-3)
    assert found["all", "Male"].high == pytest.approx(0.6994, abs=1e-3)


def test_celebas_own_groups():
    card = read_card(CARD)
    labels = np.zeros((4, 40), np.uint8)
    labels[:2, card.names.index("Male")] = 1
    probabilities = np.where(labels == 1, 0.99, 0.001)
    probabilities[0, :4] = 0.99  # the first man: four of forty wrong
    split = Split("test", (), labels, card.names)
    found = {one.group: one for one in fairness.celeba_errors(card, split, probabilities)}
    assert found["men"].error == pytest.approx(0.05) and found["women"].error == 0
    assert found["men"].low < 0.05 < found["men"].high


def test_labels_that_are_malformed_name_the_line(tmp_path):
    (tmp_path / "labels.csv").write_text("file,age,gender,race\na.jpg,old,male,White\n")
    with pytest.raises(DataError, match=r"labels.csv, line 2: expected file,age,gender,race"):
        fairness.read_people(tmp_path, BlazeFace(), Classifier(CARD))
    with pytest.raises(DataError, match=r"cannot read .*--utkface"):
        fairness.read_people(tmp_path / "none", BlazeFace(), Classifier(CARD))
