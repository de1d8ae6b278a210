"""Tasks for Label Studio and answers from it."""

import csv
import json
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from device.errors import UsageError
from train import own_photos
from train.data.label_studio import Guess, labelling_config, read_answers, sureness, tasks_of
from train.data.own_photos import read_labels
from train.data.split import DataError

NAMES = ("Smiling", "5_o_Clock_Shadow")
HALF = np.array([0.5, 0.2], np.float32)


def guess(photo: str, *probabilities: float) -> Guess:
    return Guess(photo, np.array(probabilities, np.float32))


def answer(photo: str, *people: dict[str, str], skipped: bool = False) -> dict:
    """Return a task as Label Studio exports it, with what each person chose."""
    results = [
        [
            {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [word]}}
            for name, word in said.items()
        ]
        for said in people
    ]
    annotations = [{"result": result, "was_cancelled": skipped} for result in results]
    return {"id": 1, "data": {"image": "x", "photo": photo}, "annotations": annotations}


def test_sureness_is_the_distance_to_the_threshold():
    found = sureness(np.array([0.5, 1.0, 0.0, 0.6]), np.array([0.5, 0.2, 0.2, 0.2]))
    assert found == pytest.approx([0, 1, 1, 0.5])


def test_the_least_sure_come_first():
    tasks = tasks_of(
        [guess("sure.jpg", 0.99, 0.01), guess("in/a b.jpg", 0.55, 0.01)], NAMES, HALF, "abc"
    )
    assert [task["data"]["photo"] for task in tasks] == ["in/a b.jpg", "sure.jpg"]
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=in/a%20b.jpg"
    (prediction,) = tasks[0]["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("abc", 0.1)
    chosen = {r["from_name"]: r["value"]["choices"] for r in prediction["result"]}
    assert chosen == {"Smiling": ["yes"], "5_o_Clock_Shadow": ["no"]}


def test_the_interface_has_a_choice_per_attribute():
    view = ElementTree.fromstring(labelling_config(["a&b", *NAMES]))
    assert [c.attrib["name"] for c in view.iter("Choices")] == ["a&b", *NAMES]
    assert {c.attrib["toName"] for c in view.iter("Choices")} == {view[0].attrib["name"]}


def test_answers_become_labels():
    answers = read_answers(
        [
            answer("a.jpg", {"Smiling": "yes", "Male": "no"}),
            answer("b.jpg", {"Smiling": "no"}, {"Smiling": "yes", "Male": "yes"}),
            answer("c.jpg", {"Smiling": "no"}, skipped=True),
            answer("d.jpg"),
        ],
        "answers.json",
    )
    assert answers.attributes == ("Smiling", "Male")
    assert answers.labels == {"a.jpg": {"Smiling": 1, "Male": 0}, "b.jpg": {"Male": 1}}
    assert (answers.disputed, answers.unanswered) == (1, 2)


@pytest.mark.parametrize(
    "tasks",
    [
        *({}, [], [1], [{}], [{"data": {"photo": "a"}}], [{"photo": "a.jpg", "Smiling": "yes"}]),
        [answer("a.jpg", {"Smiling": "perhaps"})],
        [answer("a.jpg")],
    ],
)
def test_what_is_no_answer_is_refused(tasks):
    with pytest.raises(DataError, match=r"answers\.json"):
        read_answers(tasks, "answers.json")


def test_there_and_back(tmp_path, astronaut, admiral, capfd):
    photos = tmp_path / "mine"
    photos.mkdir()
    for name, photo in {"a.jpg": astronaut, "b.jpg": admiral}.items():
        cv2.imwrite(str(photos / name), photo)
    cv2.imwrite(str(photos / "nobody.jpg"), np.zeros((200, 200, 3), np.uint8))
    words = ["--photos", str(photos), "--label-studio", str(tmp_path / "tasks.json")]
    own_photos.main(["export", *words, "--attributes", "Smiling,Eyeglasses"])
    printed = capfd.readouterr()
    assert "2 tasks" in printed.out and "1 photo left out: without a face" in printed.err
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert (tmp_path / "tasks.xml").exists()
    for task in tasks:  # people agree with the model, as Submit without a change does
        task["annotations"] = [{"result": task["predictions"][0]["result"]}]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    own_photos.main(["import", *words])
    with (photos / "labels.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [["file", "Eyeglasses", "Smiling"], ["a.jpg", "0", "1"], ["b.jpg", "1", "0"]]
    assert read_labels(photos).attributes == ("Eyeglasses", "Smiling")
    with pytest.raises(UsageError, match="is there already"):
        own_photos.main(["import", *words])


@pytest.mark.parametrize(
    "words, message",
    [
        (["export"], "export without a file"),
        (["import"], "import without a file"),
        ([], "no folder for the aligned faces"),
        (["export", "--label-studio", "x.json", "--attributes", "Smilng"], "Smilng"),
    ],
)
def test_wrong_usage(tmp_path, words, message):
    with pytest.raises(UsageError, match=message):
        own_photos.main([*words, "--photos", str(tmp_path)])
