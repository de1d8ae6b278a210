"""Errors by gender, age band and race."""

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.attributes.model_card import read_card
from device.faces.blazeface import BlazeFace
from tests.conftest import CARD
from train.data.split import DataError, Split
from train.evaluation import fairness
from train.evaluation.fairness import LabelledPerson


def test_photos_that_end_at_the_face_are_classified(tmp_path, admiral):
    (face,) = BlazeFace().detect(admiral)
    x, y, width, height = (round(side) for side in face.box)
    cv2.imwrite(str(tmp_path / "face.png"), admiral[max(y, 0) : y + height, x : x + width])
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((180, 170, 3), 90, np.uint8))
    (tmp_path / "labels.csv").write_text(
        "file,age,gender,race\nface.png,60,male,White\ngrey.png,20,male,Other\n"
    )
    man, missed = fairness.read_people(tmp_path, BlazeFace(), Classifier(CARD))
    assert man == LabelledPerson(60, "male", "White", male=True, young=man.young)
    assert man.young is not None and (missed.male, missed.young) == (None, None)


def test_errors_per_group_by_hand():
    people = [
        LabelledPerson(20, "female", "Asian", male=True, young=True),
        LabelledPerson(20, "female", "Asian", male=False, young=False),
        LabelledPerson(70, "male", "White", male=True, young=False),
        LabelledPerson(40, "male", "White", male=True, young=True),  # Young is not rated
        LabelledPerson(30, "male", "White", male=None, young=None),  # no face detected
    ]
    found = {(row.group, row.attribute): row for row in fairness.utkface_errors(people)}
    assert (found["all", "Male"].people, found["all", "Male"].error) == (4, 0.25)
    assert found["female", "Male"].error == 0.5 and found["male", "Male"].error == 0
    assert (found["all", "Young"].people, found["18 to 29", "Young"].error) == (3, 0.5)
    assert ("30 to 44", "Young") not in found
    # Wilson (1927) for 1 of 4.
    assert found["all", "Male"].low == pytest.approx(0.0456, abs=1e-3)
    assert found["all", "Male"].high == pytest.approx(0.6994, abs=1e-3)


def test_errors_by_celebas_labels():
    card = read_card(CARD)
    labels = np.zeros((4, 40), np.uint8)
    labels[:2, card.names.index("Male")] = 1
    probabilities = np.where(labels == 1, 0.99, 0.001)
    probabilities[0, :4] = 0.99  # the first man: four of forty wrong
    split = Split("test", (), labels, card.names)
    found = {row.group: row for row in fairness.celeba_errors(card, split, probabilities)}
    assert found["men"].error == pytest.approx(0.05) and found["women"].error == 0
    assert found["men"].low < 0.05 < found["men"].high


def test_malformed_labels_name_the_line(tmp_path):
    (tmp_path / "labels.csv").write_text("file,age,gender,race\na.jpg,old,male,White\n")
    with pytest.raises(DataError, match=r"labels.csv, line 2: expected file,age,gender,race"):
        fairness.read_people(tmp_path, BlazeFace(), Classifier(CARD))
    with pytest.raises(DataError, match=r"no labels.csv in .*--utkface"):
        fairness.read_people(tmp_path / "none", BlazeFace(), Classifier(CARD))
