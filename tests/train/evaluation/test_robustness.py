"""Robustness sweeps over re-rendered photos."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.faces.align import FRAME_LANDMARKS, crop_template, landmark_matrix, warp_crop
from device.faces.blazeface import BlazeFace
from device.types import Face
from tests.conftest import CARD
from train import evaluate
from train.data.celeba import ATTRIBUTES
from train.data.split import Split
from train.evaluation import robustness
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
    """Return the frame's landmarks in the scene."""
    scale = np.array(photo_wh) / (178, 218)
    matrix = scene.matrix(photo_wh)
    return (FRAME_LANDMARKS * scale) @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("tilt", [0, 30, -45])
def test_tilt_rotates_the_eyes_about_the_centre(tilt):
    points = placed(SyntheticScene(tilt_deg=tilt))
    dx, dy = points[1] - points[0]
    assert np.degrees(np.arctan2(dy, dx)) == pytest.approx(tilt, abs=0.1)
    np.testing.assert_allclose(points.mean(axis=0), np.array(SCENE_WH) / 2, atol=0.1)


def test_a_turn_narrows_the_face_about_its_centre():
    plain, turned = placed(SyntheticScene()), placed(SyntheticScene(turn_deg=60))
    assert np.ptp(turned[:2, 0]) == pytest.approx(np.ptp(plain[:2, 0]) / 2)
    np.testing.assert_allclose(turned[:, 1], plain[:, 1])
    np.testing.assert_allclose(turned.mean(axis=0), np.array(SCENE_WH) / 2, atol=0.1)


@pytest.mark.parametrize("photo_wh", [(178, 218), (144, 176)])
def test_the_face_has_the_scenes_width_for_any_photo_size(photo_wh):
    eyes = np.ptp(placed(SyntheticScene(face_px=48), photo_wh)[:2, 0])
    assert eyes == pytest.approx(np.ptp(FRAME_LANDMARKS[:2, 0]) * 48 / FACE_PX, rel=0.01)


def test_gain_and_noise_are_clipped_to_bytes():
    photo = np.full((218, 178, 3), 200, np.uint8)
    bright = SyntheticScene(gain=2.0).render([photo], np.random.default_rng(0))
    dark = SyntheticScene(gain=0.25).render([photo], np.random.default_rng(0))
    assert bright.dtype == np.uint8 and bright.min() > 240
    assert dark.mean() == pytest.approx(50, abs=1)


@pytest.mark.parametrize("faces", [1, 2, 5, 9])
def test_photos_of_a_crowd_lie_on_a_grid(faces):
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


def test_the_baseline_equals_alignment_for_an_upright_face():
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


def test_a_sweep_finds_both_faces_and_tilt_costs_little_accuracy(portraits):
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


def test_a_sweep_without_a_face_has_no_accuracy(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((218, 178, 3), 90, np.uint8))
    split = Split("test", (tmp_path / "grey.png",), np.zeros((1, 40), np.uint8), ATTRIBUTES)
    points = robustness.sweep("blur", split, BlazeFace(), Classifier(CARD))
    assert all(point.detected == 0 and np.isnan(point.accuracy) for point in points)


def test_the_command_writes_json_and_chart(celeba, tmp_path, capsys):
    arguments = ["--data", str(celeba), "--limit", "2", "--out", str(tmp_path / "out")]
    evaluate.main(["sweep", "size", *arguments])
    rows = json.loads((tmp_path / "out" / "sweep-size.json").read_text())
    assert [row["severity"] for row in rows] == [160, 96, 64, 48, 32, 24]
    of = {"sha256": Classifier(CARD).card.sha256, "split": "test", "unreadable": 0}
    assert rows[0] == {"severity": 160.0, "detected": 0.0, "accuracy": None, "baseline": None} | of
    assert set(read_sweeps([tmp_path / "out"], of["sha256"], "test")) == {"size"}
    assert cv2.imread(str(tmp_path / "out" / "sweep-size.png")) is not None
    assert "size, px wide" in capsys.readouterr().out
