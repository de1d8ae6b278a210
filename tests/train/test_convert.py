"""train.convert: a run becomes a model, its card and the card's text."""

import json
import shutil

import pytest

from device.attributes.classifier import Classifier
from device.errors import FacetError, UsageError
from tests.conftest import CARD
from tests.train.conftest import NAMES, empty_splits
from train import convert, verify
from train.evaluation.model_card import group_lines
from train.training import run_dir
from train.training.config import FitSettings


def test_conversion_leaves_model_card_and_text(models):
    assert {p.name for p in models.iterdir()} == {
        "attributes.tflite",
        "attributes.json",
        "MODEL_CARD.md",
    }
    card = Classifier(models / "attributes.json").card
    assert card.names == NAMES and card.crop_wh == (32, 40)
    sections = {"val", "test", "bytes", "multiply_adds", "hardest", "groups"}
    assert set(card.measured) == sections and card.measured["test"]["photos"] == 16
    assert card.measured["bytes"] == (models / "attributes.tflite").stat().st_size
    assert {row["group"] for row in card.measured["groups"]["CelebA"]} >= {"men", "women"}
    assert "data" in card.training and str(models.parent.parent) not in card.to_json()
    text = (models / "MODEL_CARD.md").read_text()
    assert "non-commercial" in text and "mean AUC" in text


def test_the_card_records_the_runs_that_led_to_it_without_their_folders(run, tmp_path):
    settings = FitSettings(weights=str(run / "model.keras"), epochs=7)
    run_dir.save_settings(tmp_path, settings, tmp_path / "celeba", empty_splits())
    record = convert.without_paths(run_dir.read_record(tmp_path))
    assert record["settings"]["weights"] == "model.keras" and record["settings"]["epochs"] == 7
    assert record["continued_from"]["settings"]["epochs"] == 2
    assert str(tmp_path) not in json.dumps(record) and str(run) not in json.dumps(record)


def test_the_text_names_the_groups_with_most_errors():
    def row(group, people, error):
        return {
            "group": group,
            "attribute": "Male",
            "people": people,
            "error": error,
            "low": error / 2,
            "high": error * 2,
        }

    rows = [row("all", 100, 0.1), row("old", 30, 0.2), row("young", 60, 0.05), row("few", 3, 1.0)]
    (sentence,) = [line for line in group_lines({"UTKFace": rows}) if line.startswith("- ")]
    assert "10.0 % (5.0 to 20.0) overall" in sentence and "most for old 20.0 %" in sentence
    assert "least for young 5.0 %" in sentence and "few" not in sentence


def test_a_conversion_that_fails_leaves_the_old_model(tmp_path, run, monkeypatch):
    (tmp_path / "attributes.tflite").write_bytes(b"old")
    monkeypatch.setattr(verify, "outputs_of", lambda *_: "it crashed")
    with pytest.raises(FacetError, match=r"does not run with .*: it crashed"):
        convert.main([str(run), "--out", str(tmp_path)])
    assert [p.name for p in tmp_path.iterdir()] == ["attributes.tflite"]
    assert (tmp_path / "attributes.tflite").read_bytes() == b"old"


def test_a_model_of_another_run_is_replaced_only_with_overwrite(tmp_path, run, models, monkeypatch):
    monkeypatch.setattr(convert, "convert", lambda *_: [])  # what it does is tested above
    for name in ("attributes.json", "attributes.tflite"):
        shutil.copy(models / name, tmp_path)
    arguments = [str(run), "--out", str(tmp_path)]
    convert.main(arguments)  # the same run: converted again
    card = tmp_path / "attributes.json"
    shutil.copy(CARD, card)
    with pytest.raises(UsageError, match=r"is a model of another run than .*--overwrite") as error:
        convert.main(arguments)
    assert "\n" not in str(error.value) and card.read_bytes() == CARD.read_bytes()
    convert.main([*arguments, "--name", "mine"])
    card.write_text("{")  # of unknown origin
    with pytest.raises(UsageError, match="another run"):
        convert.main(arguments)
    convert.main([*arguments, "--overwrite"])


def test_a_model_goes_to_its_runs_folder_by_default(run, monkeypatch):
    folders = []
    monkeypatch.setattr(convert, "convert", lambda run, data, out, *_: folders.append(out) or [])
    convert.main([str(run)])
    assert folders == [run / "models"]


def test_converting_what_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="no run in"):
        convert.main([str(tmp_path), "--out", str(tmp_path / "out")])
