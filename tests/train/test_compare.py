"""Recipes side by side on equal photos, and one of them converted for the device."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import cv2
import pytest

from device.attributes.model_card import read_card
from device.errors import FacetError, UsageError
from tests.conftest import make_celeba
from train import compare, convert, evaluate, fit
from train.evaluation.comparison import ComparisonRow, measure_run, row_record, table
from train.report import __main__ as report

RECIPE = """
attributes = ["Smiling"]
balanced = [48, 16, 16]
backbone = "SimpleCNN"
weights = "none"
input = [32, 40]
output = "{output}"
epochs = 4
batch = 8
learning_rate = 3e-3
[augmentation]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("data") / "celeba", train=64, val=32, test=32)


def fit_here(command):
    """Run `python -m train.fit` in this process, which has TensorFlow loaded."""
    assert command[:3] == [sys.executable, "-m", "train.fit"]
    fit.main(command[3:])
    return subprocess.CompletedProcess(command, 0)


@pytest.fixture(scope="module")
def compared(tmp_path_factory, data):
    """Two recipes compared; the folder, and the flags that did it."""
    folder = tmp_path_factory.mktemp("compare")
    for output in ("softmax", "sigmoid"):
        (folder / f"with-{output}.toml").write_text(RECIPE.format(output=output))
    page = folder / "page.md"
    page.write_text("before\n<!-- runs -->\nold\n<!-- /runs -->\nafter\n")
    recipes = [str(folder / f"with-{output}.toml") for output in ("softmax", "sigmoid")]
    flags = ["--data", str(data), "--out", str(folder / "runs"), "--into", str(page)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "subprocess", SimpleNamespace(run=fit_here))
        compare.main([*recipes, *flags])
    return folder, [*recipes, *flags]


def test_a_table_a_chart_and_the_page(compared, capsys):
    folder, _ = compared
    records = json.loads((folder / "runs" / "comparison.json").read_text())
    assert [one["recipe"] for one in records] == ["with-softmax", "with-sigmoid"]
    for one in records:
        assert one["photos"] <= 48 and one["tested"] <= 16 and one["tested"] % 2 == 0
        assert 0 <= one["low"] <= one["accuracy"] <= one["high"] <= 1
        assert one["epochs"] == 4 and one["training_s"] > 0 and one["int8_ms"] > 0
        assert abs(one["int8_loss"]) < 0.3 and one["int8_bytes"] < one["float_bytes"]
    # Two outputs rather than one.
    softmax, sigmoid = (one["parameters"] for one in records)
    assert softmax - sigmoid == 129  # one more for each of 128 features, and a bias
    text = (folder / "page.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| `with-softmax` | SimpleCNN, 32x40, from scratch | 4 |" in text
    for drawn in (folder / "runs" / "comparison.png", folder / "runs.png"):
        assert cv2.imread(str(drawn)).shape[1] > 800


@pytest.mark.slow
def test_each_recipe_is_trained_in_its_own_process(data, tmp_path):
    (tmp_path / "one.toml").write_text(RECIPE.format(output="sigmoid"))
    where = ["--data", str(data), "--out", str(tmp_path / "runs"), "--epochs", "1"]
    compare.main([str(tmp_path / "one.toml"), *where])
    assert (tmp_path / "runs" / "one" / "model.keras").exists()
    (tmp_path / "two.toml").write_text(RECIPE.format(output="sigmoid"))
    with pytest.raises(FacetError, match="training the recipe two failed"):
        compare.main([str(tmp_path / "two.toml"), *where, "--limit", "1"])


def test_it_goes_on_where_it_stopped(compared):
    folder, flags = compared
    model = folder / "runs" / "with-softmax" / "model.keras"
    made = model.stat().st_mtime_ns
    (folder / "runs" / "with-softmax" / "comparison.json").unlink()
    compare.main(flags)
    assert model.stat().st_mtime_ns == made
    assert (folder / "runs" / "with-softmax" / "comparison.json").exists()
    with pytest.raises(UsageError, match="has other settings"):
        compare.main([*flags, "--epochs", "9"])


def test_photos_must_be_equal(tmp_path, data):
    (tmp_path / "a.toml").write_text('attributes = ["Smiling"]\n')
    (tmp_path / "b.toml").write_text('attributes = ["Smiling"]\nseed = 2\n')
    where = ["--data", str(data), "--out", str(tmp_path / "o")]
    with pytest.raises(UsageError, match=r"b has seed = 2, a has 1: different photos.*--seed"):
        compare.main([str(tmp_path / "a.toml"), str(tmp_path / "b.toml"), *where])
    with pytest.raises(UsageError, match="duplicate recipe"):
        compare.main([str(tmp_path / "a.toml"), str(tmp_path / "a.toml"), *where])
    assert not (tmp_path / "o").exists()


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


def test_a_report_on_a_balanced_run_with_two_classes_is_of_its_own_part(compared, data, tmp_path):
    folder, _ = compared
    report.main([str(folder / "runs" / "with-softmax"), "--out", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    records = json.loads((folder / "runs" / "comparison.json").read_text())
    assert f"{records[0]['tested']} test photos, half of them with Smiling" in page
    assert "50.0" in page and "with augmentation" not in page


ROW = ComparisonRow(
    recipe="one",
    attribute="Smiling",
    model="SimpleCNN, 32x40, from scratch",
    photos=100,
    tested=200,
    validation=0.88,
    accuracy=0.9,
    low=0.85,
    high=0.93,
    balanced_accuracy=0.9,
    f1=0.91,
    parameters=1_234_567,
    multiply_adds=2_000_000,
    epochs=4,
    training_s=60.0,
    training_cpu_s=90.0,
    float_bytes=5_000_000,
    int8_bytes=1_300_000,
    int8_ms=1.25,
    int8_loss=-0.005,
)


def test_rows_are_read_back_and_shown(tmp_path):
    row = ROW
    (tmp_path / "comparison.json").write_text(json.dumps([vars(row)]))
    assert measure_run("one", tmp_path, None, None) == [row]
    *_, line = table([row])
    assert (
        "| 88.00 % | 90.00 % (85.0 to 93.0) | 0.900 | 0.910 | 1.23 M | 2 M | 1.5 | 5.0 MB |" in line
    )
    assert line.endswith("| 1.30 MB | 1.2 | -0.50 |")
    known = replace(row, validation_interval=(0.8, 0.93), f1_interval=(0.8701, 0.9499))
    *_, line = table([known])
    assert (
        "| 88.00 % (80.0 to 93.0) | 90.00 % (85.0 to 93.0) | 0.900 | 0.910 (0.87 to 0.95) |" in line
    )


@pytest.mark.parametrize(
    "changes", [{}, {"f1_interval": (0.5, 0.9)}, {"balanced_accuracy": math.nan}]
)
def test_rows_survive_their_file(changes, tmp_path):
    row = replace(ROW, **changes)
    (tmp_path / "comparison.json").write_text(json.dumps([row_record(row)], allow_nan=False))
    (again,) = measure_run("one", tmp_path, None, None)
    assert repr(again) == repr(row)
