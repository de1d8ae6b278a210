"""Rows of a comparison: means over seeds, gains paired on the same photos, targets, tables."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from device.errors import ModelError
from tests.train.comparison_rows import measured, predictions, row
from train.data.augment import Augmentation
from train.evaluation.comparison import (
    augmentation_text,
    measure_run,
    photo_shares,
    read_measured,
    run_record,
    start_text,
)
from train.evaluation.comparison_rows import comparison_record, gain_on, steps
from train.evaluation.comparison_table import cost_table, markdown, quality_table, steps_table
from train.training.config import FitSettings
from train.training.recipe import no_augmentation


def right(count, of=100):
    """Which of the photos are right: the first `count`."""
    return np.arange(of) < count


def test_the_share_of_known_labels_that_are_right():
    labels = np.array([[0, 1], [1, 255], [255, 255]])
    shares = photo_shares(labels, np.array([[0.2, 0.2], [0.5, 0.9], [0.1, 0.1]]))
    np.testing.assert_array_equal(shares, (0.5, 1, math.nan))


def test_seeds_give_a_mean_and_a_range():
    several = row("a", right(90), right(80), right(88))
    assert several.accuracy == pytest.approx(0.86)
    assert several.seed_range() == pytest.approx((0.8, 0.9))
    low, high = several.interval("accuracy")
    assert 0.78 < low < 0.86 < high < 0.94
    assert several.interval("f1") is None and row("b", right(9, 10)).seed_range() is None


def test_a_gain_is_paired():
    before, after = row("a", right(80)), row("b", right(90))
    gain, (low, high) = gain_on(before, after)
    assert gain == pytest.approx(0.1)
    # Ten photos won and none lost: by hand (10 + 1 - 1) / 102 -+ 1.98 * 0.0334.
    assert (low, high) == pytest.approx((0.032, 0.164), abs=0.002)
    # The same gain with other photos wrong is far less certain.
    _, (unpaired_low, unpaired_high) = gain_on(before, row("c", right(90)[::-1]))
    assert unpaired_low < 0 < unpaired_high and unpaired_high - unpaired_low > 1.5 * (high - low)


def test_a_gain_is_on_the_photos_that_both_could_read():
    before, after = row("a", right(80)), row("b", right(90))
    kept = predictions(right(90))
    part = replace(
        kept,
        rows=kept.rows[20:],
        labels=kept.labels[20:],
        probabilities=kept.probabilities[20:],
    )
    _, whole = gain_on(before, after)
    _, ends = gain_on(before, replace(after, predictions=(part,)))
    assert ends[1] > whole[1]  # ten won of eighty, not of a hundred


def test_steps_have_the_earlier_gain_and_targets():
    rows = [
        row("plain", right(87), ancestor=0.81, target=0.88),
        row("more", right(90), after="plain", ancestor=0.82, target_gain=0.0),
        row("other", right(95)),
        row("alone", right(95), after="missing"),
    ]
    plain, more, alone = steps(rows)
    assert plain.passed is False and math.isnan(plain.gain)
    assert more.passed is True and more.gain == pytest.approx(0.03)
    assert more.ancestor_gain == pytest.approx(0.01)
    assert alone.passed is None and math.isnan(alone.gain)
    table = steps_table([plain, more])
    assert table.rows[0] == ("plain", "87.00 %", "81.00 %", "", "", "", "88.00 %", "no")
    *_, after, gain, earlier_gain, target, passed = table.rows[1]
    assert (after, earlier_gain, target, passed) == ("plain", "+1.00", "gain +0.00", "yes")
    assert gain.startswith("+3.00 (") and " to +" in gain
    noted = steps_table(steps([row("a", right(9, 10), target=1.0, note="few photos")]))
    assert noted.header[-1] == "note" and noted.rows[0][-1] == "few photos"


def test_rows_say_photos_steps_input_and_augmentation():
    table = quality_table([row("one", right(90), figures={"augmentation": "flip 0.5"})])
    cells = dict(zip(table.header, table.rows[0], strict=True))
    assert cells["photos"] == "100" and cells["steps"] == "16" and cells["input"] == "64x80"
    assert cells["augmentation"] == "flip 0.5" and cells["base, start"] == "SimpleCNN, scratch"
    assert cells["validation"] == "88.00 %" and "over seeds" not in cells
    assert cells["F1 (95 %)"] == "0.900"  # without an interval
    assert table.caption == "Accuracy on 100 test photos, Smiling"
    seeds = quality_table([row("one", right(90), right(80)), row("two", right(70))])
    at = seeds.header.index("over seeds")
    assert [cells[at] for cells in seeds.rows] == ["80.00 to 90.00 % (2 seeds)", ""]
    (cost,) = cost_table([row("one", right(90))]).rows
    assert cost == ("one", "4", "1.23 M", "2 M", "1.5 CPU min", "5.0 MB", "1.30 MB", "1.2", "-0.50")
    (fast,) = cost_table([row("one", right(90), figures={"device": "gpu"})]).rows
    assert fast[4] == "1.0 min, gpu"


def test_many_attributes_are_one_row():
    names = ("Male", "Smiling", "Young")
    shares = np.stack((right(90), right(80), right(70)), axis=1)
    many = row("many", shares, names=names)
    assert many.accuracy == pytest.approx(0.8) and many.attributes == names
    table = quality_table([many])
    assert len(table.rows) == 1 and table.caption.endswith("means over 3 attributes")
    record = comparison_record([many], {})["rows"][0]
    assert [one["name"] for one in record["runs"][0]["scores"]] == list(names)


def test_markdown_names_what_failed():
    lines = markdown([], "8 photos", {"b-seed2": "training failed with exit code 1"})
    assert lines == ["8 photos.", "", "Failed: b-seed2 (training failed with exit code 1)."]
    text = "\n".join(markdown([row("a|b", right(90), target=0.5)], "8 photos", {}))
    assert "| `a\\|b` |" in text and text.count("|---") == 11 + 8 + 9


def test_figures_survive_their_file(tmp_path):
    run = measured(
        predictions(right(9, 10)), validation=math.nan, intervals={"accuracy": (0.5, 0.9)}
    )
    (tmp_path / "predictions.npz").touch()
    text = json.dumps(run_record(run), allow_nan=False)
    (tmp_path / "comparison.json").write_text(text)
    assert repr(read_measured(tmp_path)) == repr(run)
    assert measure_run(tmp_path, FitSettings(), {}).accuracy == 0.9  # measured already
    (tmp_path / "comparison.json").write_text('[{"recipe": "of an earlier version"}]')
    assert read_measured(tmp_path) is None
    (tmp_path / "comparison.json").write_text("{")
    with pytest.raises(ModelError, match=r"cannot read .*comparison.json.*rm "):
        read_measured(tmp_path)


@pytest.mark.parametrize(
    "settings, text",
    [
        ({}, "default"),
        ({"augmentation": no_augmentation()}, "none"),
        ({"augmentation": Augmentation(low_resolution=0.0, low_resolution_most=9.0)}, None),
        ({"bottleneck": True, "unfreeze": "none"}, "none"),
        ({"bottleneck": True, "unfreeze": "none", "weights": "none"}, "default"),
    ],
    ids=("default", "off", "some", "features", "scratch"),
)
def test_the_augmentation_in_words(settings, text):
    expected = text or (
        "rotation 12, shift 0.05, zoom 0.1, flip 0.5, brightness 0.15, contrast 0.25, noise 0.5"
    )
    assert augmentation_text(FitSettings(**settings)) == expected


def test_the_start_in_words():
    texts = [
        start_text(FitSettings(weights=weights))
        for weights in ("none", "imagenet", "runs/weights/vgg19.weights.h5", "runs/a/model.keras")
    ]
    assert texts == ["scratch", "imagenet", "vgg19", "a"]
