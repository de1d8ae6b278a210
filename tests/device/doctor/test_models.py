"""The networks: good, broken, and ones that err."""

import numpy as np

from device.attributes.classifier import Classifier
from device.doctor.check_result import Check, examine
from device.doctor.checks import models
from device.settings import Settings
from tests.conftest import CARD
from tests.device.doctor.made_up import with_settings


def test_the_committed_model_tells_the_portrait():
    finding = models.model(Settings())
    assert finding.status == "ok" and "Smiling 1.00" in finding.message


def test_a_model_that_errs_and_one_that_is_broken():
    card = Classifier(CARD).card
    right = np.where([name == "Smiling" for name in card.names], 0.9, 0.01).astype(np.float32)
    assert models.judged("m", card, right).status == "ok"
    finding = models.judged("m", card, 1 - right)
    assert finding.status == "warning"
    assert "Smiling, Eyeglasses, Wearing_Hat" in finding.message
    for nonsense in (np.full(40, 0.5, np.float32), right * np.nan):
        assert models.judged("m", card, nonsense).status == "failure"


def test_a_model_of_other_bytes_than_its_card_says(tmp_path):
    card = tmp_path / "attributes.json"
    card.write_text(CARD.read_text())
    (tmp_path / "attributes.tflite").write_bytes(CARD.with_suffix(".tflite").read_bytes() + b"\0")
    settings = with_settings(attributes={"model": card})
    finding = examine(Check("model", lambda: models.model(settings)))
    assert finding.status == "failure" and "has other bytes" in finding.message
    assert finding.fix == "Restore the model: git checkout -- models/"
    settings = with_settings(attributes={"show": ["Smilling"]})
    finding = examine(Check("model", lambda: models.model(settings)))
    assert finding.status == "failure" and finding.fix == "Smiling"


def test_detector():
    assert models.detector(Settings()).message.startswith("back and short, ")
    assert models.detector(with_settings(faces={"detector": "full"})).status == "ok"
    yunet = with_settings(faces={"detector": "yunet", "yunet": "no.onnx"})
    finding = examine(Check("detector", lambda: models.detector(yunet)))
    assert finding.status == "failure" and finding.message == "no YuNet network no.onnx"
    strict = models.detector(with_settings(faces={"min_score": 0.99}))
    assert strict.status == "warning" and "finds 0 faces" in strict.message
