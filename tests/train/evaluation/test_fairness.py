"""Errors by gender, age band and race."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.attributes.model_card import read_card
from device.faces.blazeface import BlazeFace
from tests.conftest import CARD
from train.data.split import DataError, Split
from train.evaluation import fairness, fairness_text
from train.evaluation.fairness_chart import chart
from train.evaluation.labelled_people import LabelledPerson, Prediction, read_people

NOT_CLASSIFIED = fairness.NOT_CLASSIFIED


def person(age, gender, race, male, young, state="ok"):
    """A person with predictions at a threshold of 0.5."""
    shares = {"Male": male, "Young": young} if state != "no face" else {}
    predictions = {name: Prediction(share, share >= 0.5) for name, share in shares.items()}
    return LabelledPerson(age, gender, race, state, predictions)


PEOPLE = [
    person(20, "female", "Asian", male=0.9, young=0.9),  # Male is wrong
    person(20, "female", "Asian", male=0.1, young=0.2),  # Young is wrong
    person(70, "male", "White", male=0.8, young=0.1),
    person(40, "male", "White", male=0.7, young=0.8, state="blurred"),  # Young is not evaluated
    person(30, "male", "White", male=0, young=0, state="no face"),
]


def by_group(rows):
    return {(row.group, row.attribute): row for row in rows}


def test_photos_that_end_at_the_face_are_classified(tmp_path, admiral):
    (face,) = BlazeFace().detect(admiral)
    x, y, width, height = (round(side) for side in face.box)
    photo = admiral[max(y, 0) : y + height, x : x + width]
    cv2.imwrite(str(tmp_path / "face.png"), photo)
    cv2.imwrite(str(tmp_path / "dark.png"), photo // 8)
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((180, 170, 3), 90, np.uint8))
    (tmp_path / "labels.csv").write_text(
        "file,age,gender,race\nface.png,60,female,White\ndark.png,60,female,White\n"
        "grey.png,20,male,Other\n"
    )
    woman, dark, missed = read_people(tmp_path, BlazeFace(), Classifier(CARD))
    assert (woman.age, woman.gender, woman.race, woman.state) == (60, "female", "White", "ok")
    assert woman.predictions["Eyeglasses"].positive and len(woman.predictions) == 40
    # What the quality gate rejects is predicted all the same.
    assert dark.state == "too dark" and len(dark.predictions) == 40
    assert (missed.state, missed.predictions) == ("no face", {})


def test_errors_per_group_by_hand():
    found = by_group(fairness.utkface_errors(PEOPLE))
    assert (found["all", "Male"].people, found["all", "Male"].error) == (4, 0.25)
    assert found["women", "Male"].error == 0.5 and found["men", "Male"].error == 0
    assert found["Asian women of 18 to 34", "Male"].by == "gender, age and race"
    assert found["men of 60 and older", "Young"].error == 0
    assert (found["all", "Young"].people, found["people of 18 to 34", "Young"].error) == (3, 0.5)
    assert ("people of 35 to 50", "Young") not in found
    assert found["White people", NOT_CLASSIFIED].error == pytest.approx(2 / 3)
    assert found["White men of 35 to 50", NOT_CLASSIFIED].people == 1
    # Wilson (1927) for 1 of 4.
    assert found["all", "Male"].low == pytest.approx(0.0456, abs=1e-3)
    assert found["all", "Male"].high == pytest.approx(0.6994, abs=1e-3)


def test_each_age_is_in_one_band():
    for age in (18, 34, 35, 50, 51, 59, 60, 116):
        assert sum(age in ages for ages in fairness.AGE_BANDS.values()) == 1


def test_what_sums_the_groups_up():
    found = fairness.measure(PEOPLE)
    assert found.states == {"ok": 3, "blurred": 1, "no face": 1}
    # The women's 0.9 and 0.1 against the men's 0.8 and 0.7: two of four pairs are in order.
    assert found.rankings["Male"].auc == 0.5
    # Young at 0.9 and 0.2 against 0.1 at the age of 70.
    assert found.rankings["Young"].auc == 1 and found.rankings["Young"].people == 3
    assert found.race_gap is None  # no race has 20 people
    record = found.summary()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    lines = fairness_text.summary_lines(record)
    assert lines[0] == "Not classified: 2 of 5 photos (blurred 1, no face 1)."
    assert lines[2].startswith("AUC of Young, under 35 against over 50: 1.000 (")


def test_a_model_without_the_attributes_has_refusals_only():
    people = [LabelledPerson(20, "male", "White", "ok", {"Smiling": Prediction(0.9, True)})]
    found = fairness.measure(people)
    assert {row.attribute for row in found.errors} == {NOT_CLASSIFIED}
    assert found.summary()["auc"]["Male"]["auc"] is None
    assert fairness_text.summary_lines(found.summary()) == ["Not classified: 0 of 1 photo."]


def test_tables_and_chart_have_every_group(tmp_path):
    errors = fairness.measure([*PEOPLE, *[PEOPLE[2]] * 30]).errors
    male, young, refused = fairness_text.tables("UTKFace", errors).split("\n\n")
    first, second, *_, last = male.splitlines()[1:]
    assert first.startswith("all ") and second.startswith("men ")
    assert "fewer than 20" not in second and last.endswith("fewer than 20 people")
    # Young is not evaluated for all, and one has no face.
    assert len(young.splitlines()) < len(male.splitlines()) < len(refused.splitlines())
    chart(tmp_path / "chart.png", errors)
    assert cv2.imread(str(tmp_path / "chart.png")).shape[1] > 1000


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


def test_labels_that_are_unknown_are_not_wrong():
    card = read_card(CARD)
    labels = np.zeros((2, 40), np.uint8)
    male = card.names.index("Male")
    labels[0, :20], labels[1, male] = 255, 255
    labels[0, male] = 1
    probabilities = np.where(labels == 1, 0.99, 0.001)
    probabilities[0, -2:] = 0.99  # two wrong of 40 - 20 known
    split = Split("test", (), labels, card.names)
    found = {row.group: row for row in fairness.celeba_errors(card, split, probabilities)}
    assert (found["men"].people, found["men"].error) == (1, pytest.approx(0.1))
    assert "women" not in found


def test_malformed_labels_name_the_line(tmp_path):
    (tmp_path / "labels.csv").write_text("file,age,gender,race\na.jpg,old,male,White\n")
    with pytest.raises(DataError, match=r"labels.csv, line 2: expected file,age,gender,race"):
        read_people(tmp_path, BlazeFace(), Classifier(CARD))
    with pytest.raises(DataError, match=r"no folder .*none\. Try: --utkface"):
        read_people(tmp_path / "none", BlazeFace(), Classifier(CARD))
