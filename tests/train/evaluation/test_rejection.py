"""Accuracy against coverage of the quality gate."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.faces.align import FRAME_LANDMARKS, landmark_matrix, warp_crop
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import QualityLimits
from tests.conftest import CARD
from train import evaluate
from train.data.celeba import ATTRIBUTES
from train.data.split import Split
from train.evaluation import rejection

LIMITS = QualityLimits(min_face=24, max_turn=0.22, min_sharpness=0.1)


@pytest.fixture
def aligned(tmp_path, astronaut):
    """Six times the astronaut, aligned; her labels are all 0, so positives are errors."""
    (face,) = BlazeFace().detect(astronaut)
    path = tmp_path / "aligned.png"
    cv2.imwrite(
        str(path),
        warp_crop(astronaut, landmark_matrix(face.landmarks, FRAME_LANDMARKS), (178, 218)),
    )
    return Split("val", (path,) * 6, np.zeros((6, 40), np.uint8), ATTRIBUTES)


def test_a_curve_by_hand():
    measure, right = np.array([10.0, 20, 30, 40]), np.array([0.5, 0.7, 0.9, 1.0])
    curve = rejection.curve_of("too small", 25, measure, right)
    assert (curve.accepted, curve.accepted_accuracy, curve.rejected_accuracy) == (0.5, 0.95, 0.6)
    assert curve.coverage[-1] == 1 and curve.accuracy[-1] == pytest.approx(right.mean())
    turned = rejection.curve_of("turned away", 25, -measure, right)
    assert (turned.accepted, turned.accepted_accuracy) == (0.5, 0.6)


@pytest.mark.slow
def test_each_limit_is_measured_on_scenes_that_vary_its_quality(aligned, tmp_path):
    classifier = Classifier(CARD)
    curves = rejection.rejection_curves(aligned, BlazeFace(), classifier, LIMITS)
    assert [curve.state for curve in curves] == list(rejection.STATES)
    assert all(0 < curve.accepted <= 1 for curve in curves) and curves[1].accepted < 1
    assert all(curve.faces >= 4 for curve in curves[:3]) and curves[4].faces >= 1
    strict = rejection.rejection_curves(
        aligned, BlazeFace(), classifier, QualityLimits(1e9, -1, 1, 256, -1)
    )
    assert [curve.accepted for curve in strict] == [0] * 5
    assert "turned away" in rejection.table(curves)


def test_the_command_writes_json_and_chart(celeba, tmp_path):
    out = tmp_path / "out"  # the made-up photos hold no face at all
    evaluate.main(["rejection", "--data", str(celeba), "--limit", "2", "--out", str(out)])
    rows = json.loads((out / "rejection.json").read_text())
    assert [row["faces"] for row in rows] == [0] * 5 and rows[0]["accepted_accuracy"] is None
    assert cv2.imread(str(out / "rejection.png")) is not None
