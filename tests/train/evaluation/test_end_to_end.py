"""Whole photos, end to end."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.errors import UsageError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import QualityLimits
from tests.conftest import CARD, DATA
from train import evaluate
from train.data.celeba import ATTRIBUTES
from train.data.split import DataError
from train.evaluation import end_to_end

LIMITS = QualityLimits(min_face=24, max_turn=0.22, min_sharpness=0.1)


@pytest.fixture
def portraits(tmp_path, astronaut, admiral):
    """A folder of two whole photos and their labels."""
    folder = tmp_path / "people"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), astronaut)
    cv2.imwrite(str(folder / "b.png"), admiral)
    (folder / "labels.csv").write_text("file,smile,Eyeglasses,pose\na.png,1,-1,0.3\nb.png,0,1,x\n")
    return folder


def test_whole_photos_are_classified_as_on_the_device(portraits, tmp_path, capsys):
    evaluate.main(["photos", str(portraits), "--out", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "photos.json").read_text())
    assert result["photos"] == 2 and result["detected"] == 1 and result["states"] == {"ok": 2}
    assert result["attributes"] == {"Eyeglasses": 1.0, "Smiling": 1.0}
    assert "2 photos: face detected in 1.000" in capsys.readouterr().out


def test_photos_without_a_face_count_as_missed_and_unreadable_ones_are_left_out(portraits):
    cv2.imwrite(str(portraits / "room.png"), np.full((300, 400, 3), 80, np.uint8))
    table = portraits / "labels.csv"
    table.write_text(table.read_text() + "room.png,0,0,\ngone.png,1,1,\n")
    classifier = Classifier(CARD)
    labelled = end_to_end.read_labelled(portraits, classifier.card.names)
    result = end_to_end.evaluate(labelled, BlazeFace(), classifier, LIMITS)
    assert result.detected == pytest.approx(2 / 3) and result.classified == pytest.approx(2 / 3)
    assert result.accuracy == 1
    assert result.states == {"ok": 2, "no face": 1}
    assert (result.photos, result.unreadable) == (3, 1)
    text = end_to_end.table(result)
    assert "1 photo left out: not readable" in text
    assert "3 photos: face detected in 0.667 (0.208 to 0.939), classified in 0.667 (0.208" in text
    assert "accuracy 1.0000 (0.342 to 1.000)" in text and "Smiling" in text  # Wilson for 2 of 2


def test_photos_without_any_face_have_no_accuracy(portraits, tmp_path, capsys):
    cv2.imwrite(str(portraits / "room.png"), np.full((300, 400, 3), 80, np.uint8))
    (portraits / "labels.csv").write_text("file,smile\nroom.png,0\n")
    evaluate.main(["photos", str(portraits), "--out", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "photos.json").read_text())
    assert result["accuracy"] is None and result["attributes"] == {"Smiling": None}
    assert result["intervals"]["detected"][0] == 0 and result["intervals"]["accuracy"] is None
    assert "1 photo: face detected in 0.000 (0.000 to 0.793)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column named as an attribute"),
        ("file,pose\na.png,1\n", "no column named as an attribute"),
        ("file,smile\n", "names no photo"),
        ("file,smile\na.png,1\nb.png,perhaps\n", "line 3: 'perhaps' is not 1, 0 or -1"),
        ("file,smile\na.png\n", "line 2: 1 cell, expected 2"),
        ("file,smile\na.png,1\na.png,0\n", "line 3: 'a.png' has other labels"),
    ],
)
def test_malformed_tables(portraits, text, message):
    (portraits / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        end_to_end.read_labelled(portraits, ATTRIBUTES)


@pytest.mark.parametrize(
    "text, encoding",
    [
        ("sep=;\r\nBild;Smiling\r\na.png;WAHR\r\nsub\\\u00fc.png;FALSCH\r\n", "cp1252"),
        ("file,smile\n/home/me/A.PNG,1.0\nC:\\photos\\sub\\\u00fc.jpg,-1\n", "utf-8"),
        ("smile\tfile\tpose\nyes\ta\t0\nno\tsub/u\u0308.png\t1\n", "utf-16"),
    ],
)
def test_tables_as_spreadsheets_and_people_write_them(tmp_path, text, encoding):
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "sub/\u00fc.png"):
        (tmp_path / name).touch()
    (tmp_path / "Labels.CSV").write_bytes(text.encode(encoding))
    labelled = end_to_end.read_labelled(tmp_path, ATTRIBUTES)
    assert labelled.photos == (tmp_path / "a.png", tmp_path / "sub" / "\u00fc.png")
    assert labelled.attributes == ("Smiling",) and labelled.labels.tolist() == [[1], [0]]


def test_a_column_named_as_the_attribute_goes_before_an_alias(tmp_path):
    (tmp_path / "labels.csv").write_text("file,smile\na.png,1\n")
    assert end_to_end.read_labelled(tmp_path, ("smile", "hat")).attributes == ("smile",)


def test_another_table_is_named(tmp_path):
    (tmp_path / "my faces.csv").write_text("file,smile\n")
    with pytest.raises(DataError, match=r"Try: mv '.*my faces.csv' .*labels.csv"):
        end_to_end.read_labelled(tmp_path, ATTRIBUTES)


def test_a_folder_without_a_table(tmp_path):
    with pytest.raises(DataError, match=r"no labels.csv or attributes.csv in"):
        end_to_end.read_labelled(tmp_path, ATTRIBUTES)


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "min_accuracy"),
    [
        pytest.param("genki", 0.93, marks=pytest.mark.slow),
        pytest.param("wild", 0.89, marks=pytest.mark.slow),
    ],
)
def test_accuracy_on_two_sets_of_whole_photos(folder, min_accuracy):
    classifier = Classifier(CARD)
    labelled = end_to_end.read_labelled(DATA / folder, classifier.card.names)
    result = end_to_end.evaluate(labelled, BlazeFace(), classifier, LIMITS)
    assert result.detected >= 0.98 and result.classified >= 0.96 and result.accuracy >= min_accuracy


@pytest.mark.parametrize(
    "argv, message",
    [
        ([], "required: COMMAND"),
        (["score"], "unknown 'score'. Try: scores"),
        (["rejection"], "required: --data"),
        (["sweep", "tilts", "--data", "d"], "unknown 'tilts'. Try: tilt"),
        (["sweep", "tilt", "--data", "d", "--float", "x.keras"], "unknown flag --float"),
        (["photos"], "required: DIR"),
    ],
)
def test_wrong_flags_of_a_subcommand(argv, message):
    with pytest.raises(UsageError, match=message):
        evaluate.main(argv)
