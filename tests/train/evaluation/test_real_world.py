"""Several models on whole photos, with and without the detector; runs as models."""

import json
import shutil

import cv2
import numpy as np
import pytest

from device.analyzer import FaceAnalyzer
from device.attributes.classifier import Classifier
from device.errors import ModelError, UsageError
from device.faces.align import CELEBA_FRAME
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from tests.conftest import CARD
from tests.train.conftest import NAMES
from train import evaluate
from train.data.celeba import read_celeba
from train.data.crops import read_crop
from train.evaluation import end_to_end, real_world
from train.evaluation.model_file import load_model, model_name
from train.evaluation.real_world import PICTURE_WH, RealWorldRow, scene_of, tables
from train.evaluation.without_detector import WholePhotos
from train.network.load import load_float


@pytest.fixture(scope="module")
def strangers(tmp_path_factory, astronaut, admiral):
    """Two whole photos with the label smile."""
    folder = tmp_path_factory.mktemp("strangers")
    cv2.imwrite(str(folder / "a.png"), astronaut)
    cv2.imwrite(str(folder / "b.png"), admiral)
    (folder / "labels.csv").write_text("file,smile\na.png,1\nb.png,0\n")
    return folder


class Brightness:
    """A classifier whose one probability is its crop's mean brightness."""

    def __init__(self, card):
        self.card, self.geometry = card, card.geometry
        self.thresholds = card.values("threshold")

    def classify(self, crop_rgb):
        assert crop_rgb.shape == (*self.card.crop_wh[::-1], 3)
        return crop_rgb.mean((0, 1)) / 255  # R, G, B as three attributes


def test_a_whole_photo_is_resized_to_the_networks_input(run):
    card = load_model(run).card.select(("Male", "Smiling", "Young"))
    picture = np.zeros((300, 200, 3), np.uint8)
    picture[:, :100, 0] = 255  # the left half is blue
    (face,) = WholePhotos(Brightness(card)).analyze(picture)
    assert face.box == (0, 0, 200, 300) and face.state == "ok"
    assert face.probabilities.array == pytest.approx([0, 0, 0.5], abs=0.01)


def test_the_face_of_a_whole_photo_lies_in_the_middle_of_its_scene(astronaut):
    (found,) = BlazeFace().detect(astronaut)
    for kind, severity, width in (("tilt", 0, 240), ("size", 96, 96)):
        scene = scene_of(kind, severity).render_whole(
            astronaut, found.landmarks, np.random.default_rng(0)
        )
        assert scene.shape == (*PICTURE_WH[::-1], 3)
        (face,) = BlazeFace().detect(scene)
        assert face.box[2] == pytest.approx(width, rel=0.12)
        np.testing.assert_allclose(face.landmarks.mean(axis=0), (240, 240), atol=0.06 * width)
    tilted = scene_of("tilt", 30).render_whole(astronaut, found.landmarks, np.random.default_rng(0))
    (face,) = BlazeFace().detect(tilted)
    dx, dy = face.landmarks[1] - face.landmarks[0]
    assert np.degrees(np.arctan2(dy, dx)) == pytest.approx(30, abs=4)
    assert CELEBA_FRAME.matrix(face.landmarks).shape == (2, 3)


def test_a_run_is_a_model_as_its_card_is(run, models, data):
    from_run, from_card = load_model(run), load_model(models / "attributes.json")
    assert from_run.card.names == from_card.card.names == NAMES
    assert from_run.card.crop_wh == (32, 40)
    np.testing.assert_allclose(from_run.card.template, from_card.card.template, atol=1e-3)
    crop = read_crop(read_celeba(data).splits["val"].photos[0], (32, 40))
    (raw,) = load_float(run / "model.keras").predict_on_batch(crop[np.newaxis].astype(np.float32))
    np.testing.assert_allclose(from_run.classify(crop), raw, atol=1e-5)
    assert from_run.thresholds.tolist() == [0.5] * 5


def test_the_int8_file_of_a_run_is_a_model(run, models, tmp_path):
    shutil.copy(models / "attributes.tflite", tmp_path / "int8.tflite")
    shutil.copy(run / "settings.json", tmp_path)
    crop = np.full((40, 32, 3), 90, np.uint8)
    raw = np.clip(Classifier(models / "attributes.json").raw(crop), 1 / 512, 1 - 1 / 512)
    classifier = load_model(tmp_path / "int8.tflite")
    np.testing.assert_allclose(classifier.classify(crop), raw, atol=1e-6)


@pytest.mark.parametrize(
    "name, error, message",
    [
        ("nothing", UsageError, "nothing is no model. Try: a card, a run's folder"),
        ("int8.tflite", UsageError, "no run in"),
        ("", UsageError, "no run in"),
        ("card.json", ModelError, "no model card"),
    ],
)
def test_what_is_no_model(tmp_path, name, error, message):
    with pytest.raises(error, match=message):
        load_model(tmp_path / name if name else tmp_path)


def test_names_of_models(tmp_path):
    assert model_name(tmp_path / "a-b.json") == "a-b"
    (tmp_path / "vgg").mkdir()
    assert model_name(tmp_path / "vgg") == model_name(tmp_path / "vgg" / "model.keras") == "vgg"
    assert model_name(tmp_path / "vgg" / "int8.tflite") == "vgg, int8"


def test_several_models_with_and_without_the_detector(strangers, run, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# A\n<!-- real-world -->\nold\n<!-- /real-world -->\nend\n")
    arguments = [str(strangers), str(CARD), str(run), "--out", str(tmp_path / "out")]
    evaluate.main(["real-world", *arguments, "--sweep-photos", "1", "--into", str(page)])
    rows = json.loads((tmp_path / "out" / "real-world.json").read_text())
    photos = [row for row in rows if row["pictures"] == "photos"]
    assert [(row["model"], row["detector"]) for row in photos] == [
        ("attributes", True),
        ("attributes", False),
        ("run", True),
        ("run", False),
    ]
    assert all(row["photos"] == 2 and row["attributes"] == ["Smiling"] for row in photos)
    assert photos[0]["accuracy"] == 1 and photos[0]["classified"] == 2
    assert photos[1]["classified"] == 2  # without a detector every photo is
    assert photos[0]["low"] == pytest.approx(0.342, abs=1e-3)  # Wilson for 2 of 2
    swept = [row for row in rows if row["model"] == "attributes" and row["pictures"] == "tilt"]
    assert [row["severity"] for row in swept if row["detector"]] == [0, 10, 20, 30, 45, 60]
    assert [row["accuracy"] for row in swept if row["detector"]][:4] == [1, 1, 1, 1]
    assert {row["photos"] for row in rows if row["pictures"] != "photos"} == {1}
    text = capsys.readouterr().out
    assert "| attributes | 2 | 100.0 % (34.2 to 100.0) |" in text
    assert "old" not in page.read_text() and "| attributes | 2 |" in page.read_text()


def test_the_result_of_a_photo_is_that_of_evaluate_photos(strangers):
    classifier = Classifier(CARD)
    labelled = end_to_end.read_labelled(strangers, ("Smiling",))
    analyzer = FaceAnalyzer(BlazeFace(), NO_LIMITS, classifier)
    expected = end_to_end.measure(labelled, analyzer, classifier)
    row, without = real_world.measure({"a": classifier}, labelled, BlazeFace(), NO_LIMITS)
    assert (row.accuracy, row.low, row.high) == (expected.accuracy, *expected.accuracy_interval)
    whole = end_to_end.measure(labelled, WholePhotos(classifier), classifier)
    assert without.accuracy == whole.accuracy and row.severity == 0


def test_a_photo_without_a_face_is_in_no_sweep_and_unreadable_ones_are_left_out(tmp_path):
    cv2.imwrite(str(tmp_path / "room.png"), np.full((300, 400, 3), 80, np.uint8))
    (tmp_path / "labels.csv").write_text("file,smile\nroom.png,0\ngone.png,1\n")
    labelled = end_to_end.read_labelled(tmp_path, ("Smiling",))
    models = {"a": Classifier(CARD)}
    rows = real_world.measure(models, labelled, BlazeFace(), NO_LIMITS, sweep_photos=2)
    assert [(row.photos, row.classified) for row in rows] == [(1, 0), (1, 1)]
    assert np.isnan(rows[0].accuracy) and "| a | 0 | - |" in "\n".join(tables(rows))
    assert real_world.records(rows)[0]["accuracy"] is None


def test_models_without_a_common_attribute(strangers, run, tmp_path):
    card = load_model(run).card
    models = {"a": Brightness(card.select(("Male",))), "b": Brightness(card.select(("Young",)))}
    with pytest.raises(UsageError, match="no attribute in common"):
        real_world.common_attributes(models)
    with pytest.raises(UsageError, match="two models have the same name"):
        out = ["--out", str(tmp_path)]
        evaluate.main(["real-world", str(strangers), str(run), str(run / "model.keras"), *out])


def test_a_run_in_evaluate_photos_without_the_detector(strangers, run, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    evaluate.main(["photos", str(strangers), "--model", str(run), "--without-detector", *out])
    result = json.loads((tmp_path / "out" / "photos.json").read_text())
    assert result["classified"] == 1 and set(result["attributes"]) == {"Smiling"}
    assert "2 photos: face detected in 1.000" in capsys.readouterr().out


def test_tables_of_a_sweep():
    def row(pictures, severity, detector, accuracy, classified=200):
        return RealWorldRow(
            "m", ("Smiling",), pictures, severity, detector, 200, classified, accuracy, 0.5, 0.6
        )

    rows = [row("photos", 0, True, 0.9), row("photos", 0, False, 0.7)]
    for severity in (0, 10, 20, 30, 45, 60):
        rows += [
            row("tilt", severity, True, 0.8, 200 - severity),
            row("tilt", severity, False, 0.6),
        ]
    lines = tables(rows)
    assert "| m | 200 | 90.0 % (50.0 to 60.0) | 70.0 % (50.0 to 60.0) |" in lines
    assert "| tilt, degrees | detector | 0 | 10 | 20 | 30 | 45 | 60 |" in lines
    assert lines[-1] == "| faces classified | yes | 200 | 190 | 180 | 170 | 155 | 140 |"
    assert lines[-2] == "| m | no |" + " 60.0 (50 to 60) |" * 6
