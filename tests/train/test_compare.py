"""A study: recipes on equal photos, trained, measured, shown, interrupted and continued."""

import fcntl
import json
import subprocess
import sys
from types import SimpleNamespace

import cv2
import pytest

from device.attributes.model_card import read_card
from device.errors import FacetError, UsageError
from tests.conftest import make_celeba
from tests.train.report.test_report import Page
from train import compare, convert, evaluate, fit
from train.report import __main__ as report

RECIPE = """
attributes = ["Smiling"]
balanced = [48, 16, 16]
backbone = "SimpleCNN"
weights = "none"
input = [32, 40]
output = "{output}"
epochs = 3
batch = 8
learning_rate = 3e-3
[augmentation]
"""
STUDY = """
about = "Two outputs"
equal = ["input", "epochs"]

[[rows]]
recipe = "with-softmax.toml"
ancestor = 0.8
target = 0.0

[[rows]]
recipe = "with-sigmoid.toml"
seeds = [1, 2]
after = "with-softmax"
ancestor = 0.9
target = 0.001
note = "few photos"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=64, val=32, test=32)


class Training:
    """Runs `python -m train.fit` in this process, which has TensorFlow loaded, or fails."""

    def __init__(self, failing=(), interrupted=""):
        self.failing, self.interrupted, self.trained = failing, interrupted, []

    def run(self, command, pass_fds):
        assert command[:3] == [sys.executable, "-m", "train.fit"] and pass_fds
        name = command[command.index("--out") + 1].rpartition("/")[2]
        if name == self.interrupted:
            raise KeyboardInterrupt
        if name in self.failing:
            return subprocess.CompletedProcess(command, 4)
        self.trained.append(name)
        fit.main(command[3:])
        return subprocess.CompletedProcess(command, 0)


def run_compare(arguments, training):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "subprocess", SimpleNamespace(run=training.run))
        compare.main([str(argument) for argument in arguments])


def make_study(folder):
    for output in ("softmax", "sigmoid"):
        (folder / f"with-{output}.toml").write_text(RECIPE.format(output=output))
    (folder / "study.toml").write_text(STUDY)


@pytest.fixture(scope="module")
def compared(tmp_path_factory, data):
    """A study, interrupted in its second run and continued; the folder, and the flags."""
    folder = tmp_path_factory.mktemp("compare")
    make_study(folder)
    page = folder / "page.md"
    page.write_text("before\n<!-- runs -->\nold\n<!-- /runs -->\nafter\n")
    flags = ["--study", folder / "study.toml", "--data", data, "--out", folder / "runs"]
    flags += ["--into", page]
    with pytest.raises(KeyboardInterrupt):
        run_compare(flags, Training(interrupted="with-sigmoid-seed1"))
    training = Training()
    run_compare(flags, training)
    # The first run is not trained again.
    assert training.trained == ["with-sigmoid-seed1", "with-sigmoid-seed2"]
    return folder, flags


@pytest.mark.slow
def test_the_tables_and_the_chart(compared):
    folder, _ = compared
    record = json.loads((folder / "runs" / "comparison.json").read_text())
    assert [row["recipe"] for row in record["rows"]] == ["with-softmax", "with-sigmoid"]
    assert [len(row["runs"]) for row in record["rows"]] == [1, 2] and not record["failed"]
    for run in (run for row in record["rows"] for run in row["runs"]):
        assert run["photos"] <= 48 and run["tested"] <= 16 and run["tested"] % 2 == 0
        low, high = run["intervals"]["accuracy"]
        assert 0 <= low <= run["accuracy"] <= high <= 1
        assert run["epochs"] == 3 and run["steps"] == 3 * -(-run["photos"] // 8)
        assert run["training_s"] > 0 and run["measuring_s"] > 0 and run["int8_ms"] > 0
        assert run["int8_bytes"] < run["float_bytes"]
    softmax, sigmoid = record["rows"]
    # Two outputs rather than one: a weight more for each feature, and a bias.
    features = softmax["runs"][0]["parameters"] - sigmoid["runs"][0]["parameters"] - 1
    assert features in (64, 128)
    first, second = record["steps"]
    assert first["passed"] is True and second["ancestor_gain"] == pytest.approx(0.1)
    low, high = second["gain_interval"]
    assert low <= second["gain"] <= high
    text = (folder / "page.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| `with-softmax` | SimpleCNN, scratch |" in text and "| few photos |" in text
    beside_page = (folder / f"runs{ending}.png" for ending in ("", "-curves", "-roc"))
    for drawn in (folder / "runs" / "comparison.png", *beside_page):
        assert cv2.imread(str(drawn)).shape[1] > 600


@pytest.mark.slow
def test_the_page_has_the_curves_of_all_recipes_and_names_the_command(compared):
    folder, flags = compared
    page = Page(folder / "runs" / "comparison.html")
    assert not [link for link in page.links if not link.startswith(("#", "data:"))]
    assert len(page.ids) == len(set(page.ids))
    sections = {"accuracy", "steps", "learning", "recipes", "cost", "command"}
    assert sections <= set(page.ids)
    for text in ("Accuracy on validation photos", "Loss on validation photos", "Two outputs."):
        assert text in page.text
    assert "half have Smiling (requested: 48, 16, 16)" in page.text
    assert f"python -m train.compare --study {flags[1]}" in page.text
    assert "Equal in all rows: input, epochs." in page.text
    assert {path.name for path in (folder / "runs" / "charts").glob("*.png")} == {
        *("accuracy.png", "cost.png", "roc.png"),
        *("learning-val_accuracy.png", "learning-val_loss.png"),
    }


@pytest.mark.slow
def test_a_run_that_is_not_measured_is_not_trained_again(compared, capsys):
    folder, flags = compared
    (folder / "runs" / "with-softmax" / "comparison.json").unlink()
    training = Training()
    run_compare(flags, training)
    assert training.trained == []
    assert (folder / "runs" / "with-softmax" / "comparison.json").exists()
    printed = capsys.readouterr().out
    assert "3 runs, 2 finished:" in printed and "by the runs so far" in printed
    assert "1 of 3: with-softmax, SimpleCNN 32x40, 3 epochs, " in printed
    assert "left in all" in printed


@pytest.mark.slow
def test_what_would_differ_is_refused_before_any_training(compared):
    _, flags = compared
    training = Training()
    for more, message in (
        (["--epochs", "9"], "has other settings"),
        (["--only", "with-sofmax"], "no row 'with-sofmax'.*Try: with-softmax"),
        (["with-softmax"], "need either recipes or a study"),
    ):
        with pytest.raises(UsageError, match=message):
            run_compare([*flags, *more], training)
    assert not training.trained


def test_recipes_on_different_photos_are_refused_before_any_training(tmp_path, data):
    training = Training()
    (tmp_path / "a.toml").write_text('attributes = ["Smiling"]\n')
    (tmp_path / "b.toml").write_text('attributes = ["Smiling"]\nlimit = 9\n')
    a, b = tmp_path / "a.toml", tmp_path / "b.toml"
    where = ["--data", data, "--out", tmp_path / "o"]
    for recipes, message in (
        ([a, b], r"b has limit = 9, a has limit = 0: different photos.*--limit"),
        ([a, a], "duplicate recipe"),
        ([a, "--weights", "gone.weights.h5"], "a has no starting weights gone.weights.h5"),
    ):
        with pytest.raises(UsageError, match=message):
            run_compare([*recipes, *where], training)
    assert not (tmp_path / "o").exists() and not training.trained


def test_a_folder_in_use_is_refused(tmp_path, data):
    make_study(tmp_path)
    (tmp_path / "runs").mkdir()
    flags = ["--study", tmp_path / "study.toml", "--data", data, "--out", tmp_path / "runs"]
    with (tmp_path / "runs" / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="in use by another comparison"):
            run_compare(flags, Training())


def test_a_recipe_that_fails_does_not_lose_the_others(tmp_path, data):
    """Of two attributes: one row each, with the means."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(
            RECIPE.format(output="sigmoid")
            .replace('["Smiling"]', '["Smiling", "Male"]')
            .replace("balanced = [48, 16, 16]", "limit = 24")
        )
    flags = [tmp_path / "one.toml", tmp_path / "two.toml", "--data", data]
    flags += ["--out", tmp_path / "runs", "--epochs", "1"]
    with pytest.raises(FacetError, match=r"1 of 2 runs failed: one"):
        run_compare(flags, Training(failing=("one",)))
    record = json.loads((tmp_path / "runs" / "comparison.json").read_text())
    assert record["failed"] == {"one": "training failed with exit code 4"}
    (row,) = record["rows"]
    assert row["recipe"] == "two" and row["attributes"] == ["Smiling", "Male"]
    assert [score["name"] for score in row["runs"][0]["scores"]] == ["Smiling", "Male"]
    page = Page(tmp_path / "runs" / "comparison.html")
    assert "Failed: one (training failed with exit code 4)" in page.text
    assert "means over 2 attributes" in page.text and "Balanced accuracy of each" in page.text


@pytest.mark.slow
def test_each_recipe_is_trained_in_its_own_process(data, tmp_path):
    (tmp_path / "one.toml").write_text(RECIPE.format(output="sigmoid"))
    where = ["--data", str(data), "--out", str(tmp_path / "runs"), "--epochs", "1"]
    compare.main([str(tmp_path / "one.toml"), *where])
    assert (tmp_path / "runs" / "one" / "model.keras").exists()


@pytest.mark.slow
def test_a_run_of_one_attribute_becomes_a_model_for_the_device(compared, data, tmp_path, capsys):
    folder, _ = compared
    run = folder / "runs" / "with-softmax"
    convert.main([str(run), "--data", str(data), "--out", str(tmp_path), "--name", "smile"])
    card = read_card(tmp_path / "smile.json")
    assert card.names == ("Smiling",) and card.crop_wh == (32, 40)
    text = (tmp_path / "MODEL_CARD-smile.md").read_text()
    assert "SimpleCNN, 32x40" in text
    flags = ["--model", str(tmp_path / "smile.json"), "--data", str(data)]
    evaluate.main(["scores", *flags, "--out", str(tmp_path / "e")])
    report = json.loads((tmp_path / "e" / "report.json").read_text())
    assert [one["name"] for one in report["attributes"]] == ["Smiling"]


@pytest.mark.slow
def test_a_report_on_a_balanced_run_with_two_classes_is_of_its_own_part(compared, data, tmp_path):
    folder, _ = compared
    report.main([str(folder / "runs" / "with-softmax"), "--out", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    records = json.loads((folder / "runs" / "comparison.json").read_text())
    assert (
        f"{records['rows'][0]['runs'][0]['tested']} test photos, half of them with Smiling" in page
    )
    assert "50.0" in page and "with augmentation" not in page
