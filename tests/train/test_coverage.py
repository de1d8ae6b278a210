"""What the limits of what is told refuse, and whole photos with labels."""

import json

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier
from device.errors import UsageError
from device.faces.align import FRAME_LANDMARKS, cut, landmark_matrix
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import Limits
from tests.conftest import CARD, DATA
from train import evaluate
from train.celeba import ATTRIBUTES, DataError, Split
from train.measuring import coverage, whole_photos

LIMITS = Limits(min_face=24, max_turn=0.22, min_sharpness=0.1)


@pytest.fixture
def portraits(tmp_path, astronaut, admiral):
    """A folder of two whole photos and what is to be seen in them."""
    folder = tmp_path / "people"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), astronaut)
    cv2.imwrite(str(folder / "b.png"), admiral)
    (folder / "labels.csv").write_text("file,smile,Eyeglasses,pose\na.png,1,-1,0.3\nb.png,0,1,x\n")
    return folder


@pytest.fixture
def aligned(portraits, astronaut):
    """Six times the astronaut, aligned; her labels are all 0, so being told is being wrong."""
    (face,) = BlazeFace().detect(astronaut)
    path = portraits / "aligned.png"
    cv2.imwrite(
        str(path), cut(astronaut, landmark_matrix(face.landmarks, FRAME_LANDMARKS), (178, 218))
    )
    return Split("val", (path,) * 6, np.zeros((6, 40), np.uint8), ATTRIBUTES)


def test_a_rule_by_hand():
    measure, right = np.array([10.0, 20, 30, 40]), np.array([0.5, 0.7, 0.9, 1.0])
    rule = coverage._rule("too small", 25, measure, right)
    assert (rule.kept, rule.kept_accuracy, rule.refused_accuracy) == (0.5, 0.95, 0.6)
    assert rule.coverage[-1] == 1 and rule.accuracy[-1] == pytest.approx(right.mean())
    turned = coverage._rule("turned away", 25, -measure, right)
    assert (turned.kept, turned.kept_accuracy) == (0.5, 0.6)


def test_coverage_judges_each_limit_by_the_scenes_that_stress_it(aligned, tmp_path):
    classifier = Classifier(CARD)
    rules = coverage.coverage(aligned, BlazeFace(), classifier, LIMITS)
    assert [rule.state for rule in rules] == ["too small", "blurred", "turned away"]
    assert all(0 < rule.kept <= 1 for rule in rules) and rules[1].kept < 1
    assert all(rule.faces >= 4 for rule in rules)
    strict = coverage.coverage(aligned, BlazeFace(), classifier, Limits(1e9, -1, 1))
    assert [rule.kept for rule in strict] == [0, 0, 0]
    assert "turned away" in coverage.table(rules)


def test_coverage_is_written_as_the_command_says(celeba, tmp_path):
    out = tmp_path / "out"  # the made-up photos hold no face at all
    evaluate.main(["--data", str(celeba), "--limit", "2", "--out", str(out), "--coverage"])
    rows = json.loads((out / "coverage.json").read_text())
    assert [row["faces"] for row in rows] == [0, 0, 0] and rows[0]["kept_accuracy"] is None
    assert cv2.imread(str(out / "coverage.png")) is not None
    with pytest.raises(UsageError, match="one at a time"):
        evaluate.main(["--data", str(celeba), "--coverage", "--groups"])
    with pytest.raises(UsageError, match="Give --data CELEBA, or --photos DIR"):
        evaluate.main([])


def test_whole_photos_are_told_as_the_device_tells_them(portraits, tmp_path, capsys):
    evaluate.main(["--photos", str(portraits), "--out", str(tmp_path / "out")])
    told = json.loads((tmp_path / "out" / "photos.json").read_text())
    assert told["photos"] == 2 and told["found"] == 1 and told["states"] == {"ok": 2}
    assert told["attributes"] == {"Eyeglasses": 1.0, "Smiling": 1.0}
    assert "2 photos: a face found in 1.000" in capsys.readouterr().out


def test_photos_without_a_face_or_unreadable_count_as_missed(portraits):
    cv2.imwrite(str(portraits / "room.png"), np.full((300, 400, 3), 80, np.uint8))
    table = portraits / "labels.csv"
    table.write_text(table.read_text() + "room.png,0,0,\ngone.png,1,1,\n")
    classifier = Classifier(CARD)
    labelled = whole_photos.read_labelled(portraits, classifier.card.names)
    told = whole_photos.tell(labelled, BlazeFace(), classifier, LIMITS)
    assert told.found == 0.5 and told.told == 0.5 and told.accuracy == 1
    assert told.states == {"ok": 2, "no face": 1, "unreadable": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column named as an attribute"),
        ("file,pose\na.png,1\n", "no column named as an attribute"),
        ("file,smile\na.png,1\nb.png,perhaps\n", "line 3: expected 1, 0 or -1"),
        ("file,smile\na.png\n", "line 2: expected 1, 0 or -1"),
    ],
)
def test_tables_that_are_malformed(portraits, text, message):
    (portraits / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        whole_photos.read_labelled(portraits, ATTRIBUTES)


def test_a_folder_without_a_table(tmp_path):
    with pytest.raises(DataError, match=r"no labels.csv or attributes.csv in .*Give --photos DIR"):
        whole_photos.read_labelled(tmp_path, ATTRIBUTES)


@pytest.mark.data
@pytest.mark.parametrize(("folder", "least"), [("genki", 0.93), ("wild", 0.89)])
def test_strangers_and_whole_photos_are_told_well(folder, least):
    classifier = Classifier(CARD)
    labelled = whole_photos.read_labelled(DATA / folder, classifier.card.names)
    told = whole_photos.tell(labelled, BlazeFace(), classifier, LIMITS)
    assert told.found >= 0.98 and told.told >= 0.96 and told.accuracy >= least
