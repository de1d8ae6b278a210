"""train.convert: a run becomes a model, its card and the card's text."""

import dataclasses
import json
import shlex
import shutil

import pytest

from device.attributes.classifier import Classifier
from device.errors import FacetError, UsageError
from tests.conftest import CARD
from tests.train.conftest import NAMES, empty_splits
from train import convert, verify
from train.evaluation.model_card import group_lines, model_card
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
    sections = {"val", "test", "bytes", "multiply_adds", "hardest", "groups", "rates"}
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


def test_the_text_starts_with_the_groups_with_most_errors():
    keys = ("group", "attribute", "people", "error", "low", "high")
    rows = [("all", "Male", 100, 0.1, 0.05, 0.2), ("old", "Male", 30, 0.2, 0.1, 0.4)]
    groups = {"UTKFace": [dict(zip(keys, row, strict=True)) for row in rows]}
    heading, _, note, _, _, _, first, *_ = group_lines({"groups": groups})
    assert heading == "## Error by group" and "at least 20 people" in note
    assert first == "| UTKFace | Male | old | 30 | 20.0 % (10.0 to 40.0) |"
    ranking = {"people": 9, "auc": 0.5, "low": 0.2, "high": 0.8}
    fairness = {"states": {"ok": 3}, "auc": {"Male": ranking}, "race_gap": None}
    assert group_lines({"groups": groups, "fairness": fairness})[-2] == (
        "UTKFace. Not classified: 0 of 3 photos. "
        "AUC of Male, men against women: 0.500 (0.200 to 0.800)."
    )
    assert group_lines({}) == group_lines({"groups": {}}) == []


@pytest.mark.slow
def test_a_conversion_that_fails_leaves_the_old_model(tmp_path, run, models, monkeypatch):
    for file in models.iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "attributes.tflite").write_bytes(b"old")
    monkeypatch.setattr(verify, "outputs_of", lambda *_: "it crashed")
    with pytest.raises(FacetError, match=r"does not run with .*: it crashed"):
        convert.main([str(run), "--out", str(tmp_path)])
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in models.iterdir()}
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


@pytest.mark.parametrize("file", ["attributes.tflite", "attributes.json", "MODEL_CARD.md"])
def test_a_file_that_is_not_of_the_run_is_kept(tmp_path, run, file):
    (tmp_path / file).write_text("mine")
    with pytest.raises(UsageError, match=f"{file} is .* another.*Try: --overwrite"):
        convert.main([str(run), "--out", str(tmp_path)])
    assert (tmp_path / file).read_text() == "mine"


def test_a_name_that_shares_the_text_of_a_shipped_model_is_refused(tmp_path, run):
    shutil.copy(CARD.parent / "MODEL_CARD-small.md", tmp_path)
    with pytest.raises(UsageError, match="is the card of another model than small"):
        convert.main([str(run), "--out", str(tmp_path), "--name", "small"])


@pytest.mark.parametrize(
    "name, hint",
    [
        ("", "unnamed"),
        ("a/b", "a_b"),
        ("../x", "x"),
        (".hidden", "hidden"),
        ("-x", "x"),
        ("a\\b", "a_b"),
        ("C:x", "C_x"),
        ("line\nbreak", "line_break"),
        ("x" * 101, "x" * 60),
    ],
    ids=range(9),
)
def test_a_name_that_is_no_file_name_is_refused(name, hint, run, tmp_path):
    with pytest.raises(UsageError, match=f"is no name of a file. Try: --name {hint}, or --out"):
        convert.main([str(run), "--out", str(tmp_path), f"--name={name}"])
    assert not list(tmp_path.iterdir())


def test_an_out_that_is_a_file_is_refused_before_the_work(run):
    with pytest.raises(UsageError, match=r"model\.keras is no folder\. Try: --out DIR"):
        convert.main([str(run), "--out", str(run / "model.keras")])


def test_the_command_to_run_next_can_be_pasted(tmp_path, run, monkeypatch, capsys):
    monkeypatch.setattr(convert, "convert", lambda *_: [])
    convert.main([str(run), "--out", str(tmp_path / "my own"), "--name", "smile é"])
    command = capsys.readouterr().out.partition("next:")[2]
    assert shlex.split(command)[-1] == str(tmp_path / "my own" / "smile é.json")


def test_the_text_of_a_model_of_own_photos(models):
    card = Classifier(models / "attributes.json").card
    settings = card.training["settings"] | {"epochs": 1}
    training = card.training | {"data": "own photos, train split", "licence": ""}
    measured = card.measured | {"flat": ["Bangs"], "hardest": {"Bangs": 0.52, "Male": 0.97}}
    own = dataclasses.replace(card, training=training | {"settings": settings}, measured=measured)
    text = model_card(own.select(("Bangs",)), "smile", ["runtime 1.0: runs"])
    assert text.startswith("# smile: 1 face attribute\n")
    assert "- 1 epoch from random weights" in text and "elebrity" not in text
    assert "CelebA" not in text.partition("## Error by group")[0]
    assert "The outputs hardly differ between photos: train longer." in text
    assert "Bangs (0.52)" in text and "Male" not in text.partition("## Limits")[2]


def test_a_model_goes_to_its_runs_folder_by_default(run, monkeypatch):
    folders = []
    monkeypatch.setattr(convert, "convert", lambda run, data, out, *_: folders.append(out) or [])
    convert.main([str(run)])
    assert folders == [run / "models"]


def test_converting_what_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="no run in"):
        convert.main([str(tmp_path), "--out", str(tmp_path / "out")])
