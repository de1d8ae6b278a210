"""The networks: good, broken, and wrong ones."""

import numpy as np
import pytest

from device.attributes.model_card import read_card
from device.doctor.check_result import Check, run_check
from device.doctor.checks import models
from device.settings import Settings
from device.types import Face, Probabilities
from tests.conftest import CARD
from tests.device.doctor.made_up import with_settings

NAMES = read_card(CARD).names
RIGHT = np.where([name == "Smiling" for name in NAMES], 0.9, 0.01).astype(np.float32)


def judge(values, names=NAMES):
    """Return the result for the portrait's probabilities and thresholds of 0.5."""
    face = Face(1, models.BOX, 1.0, models.LANDMARKS, probabilities=Probabilities(names, values))
    return models.judge("m", face, dict.fromkeys(names, 0.5), "a fix")


def test_the_shipped_model_classifies_the_portrait():
    result = models.model(Settings())
    assert result.status == "ok" and "Smiling 1.00" in result.message
    some = with_settings(attributes={"compute": ["Male", "Smiling"]})
    assert models.model(some).message == "attributes.tflite (2 attributes), Smiling 1.00"


def test_a_model_that_is_wrong_about_the_portrait():
    assert judge(RIGHT).status == "ok"
    result = judge(1 - RIGHT)
    assert (result.status, result.fix) == ("warning", "a fix")
    assert "Smiling, Eyeglasses, Wearing_Hat" in result.message


@pytest.mark.parametrize("values", [np.full(len(NAMES), 0.5, np.float32), RIGHT * np.nan])
def test_a_model_that_gives_no_probabilities(values):
    assert judge(values).status == "failure"
    assert judge(values[:1], ("Male",)).status == ("failure" if np.isnan(values[0]) else "ok")


def test_a_model_that_does_not_match_its_card(tmp_path):
    card = tmp_path / "attributes.json"
    card.write_text(CARD.read_text())
    (tmp_path / "attributes.tflite").write_bytes(CARD.with_suffix(".tflite").read_bytes() + b"\0")
    settings = with_settings(attributes={"model": card})
    result = run_check(Check("model", lambda: models.model(settings)))
    assert result.status == "failure" and "does not match its card" in result.message
    assert result.fix == "--model models/attributes.json"


def test_an_unknown_attribute():
    settings = with_settings(attributes={"show": ["Smilling"]})
    result = run_check(Check("model", lambda: models.model(settings)))
    assert result.status == "failure" and result.fix == "Smiling"


def test_detector():
    assert models.detector(Settings()).message.startswith("back, short, full: ")
    assert models.detector(with_settings(faces={"detector": "full"})).status == "ok"
    yunet = with_settings(faces={"detector": "yunet", "yunet": "no.onnx"})
    result = run_check(Check("detector", lambda: models.detector(yunet)))
    assert result.status == "failure" and result.message == "no YuNet network no.onnx"
    strict = models.detector(with_settings(faces={"min_score": 0.99}))
    assert strict.status == "warning" and "finds 0 faces" in strict.message
    assert strict.fix == "set min_score = 0.6 in [faces]"
