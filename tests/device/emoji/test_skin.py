"""The skin tone: its features, its model and its training."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.emoji.skin import BANDS, FEATURES, FITTED, SkinModel, SkinTone, features, median
from device.errors import ModelError
from device.faces.align import crop_template
from tests.conftest import DATA, ROOT

NAMES = ("Pale_Skin", "Black_Hair", "Blond_Hair", "Brown_Hair")
EVEN = np.full(4, 0.5)


def face(skin_rgb, crop_wh=(128, 160)):
    """A crop of one colour with white eyes and teeth."""
    crop = np.full((crop_wh[1], crop_wh[0], 3), skin_rgb, np.uint8)
    template = crop_template(crop_wh)
    for x, y in template[[0, 1, 3]].astype(int):
        crop[y - 1 : y + 2, x - 2 : x + 3] = 250
    return crop, template


def estimated(skin_rgb, light=(1.0, 1.0, 1.0)):
    crop, template = face(skin_rgb)
    lit = np.clip(crop * np.array(light), 0, 255).astype(np.uint8)
    return SkinModel().predict(features(lit, template, NAMES, EVEN))


def mean_band(tone: SkinTone) -> float:
    return float(np.dot(tone.probabilities, BANDS))


def test_lightness_is_that_of_the_skin_and_eyes_are_its_measure():
    crop, template = face((255, 255, 255))
    crop[:] = 119  # mid grey: CIELAB (50, 0, 0)
    values = dict(zip(FEATURES, features(crop, template, NAMES, EVEN), strict=True))
    assert values["skin L"] == pytest.approx(50, abs=0.5)
    assert values["skin chroma"] == pytest.approx(0, abs=0.5)
    assert values["skin - eye L"] == values["shadow L"] == values["Pale_Skin"] == 0


def test_darker_skin_is_a_higher_band():
    bands = [mean_band(estimated(rgb)) for rgb in ((240, 205, 185), (190, 140, 105), (90, 58, 42))]
    assert bands == sorted(bands) and bands[2] - bands[0] > 1.5


def test_a_smaller_crop_has_the_same_colours():
    colours = []
    for crop_wh in ((128, 160), (96, 120)):
        crop, template = face((200, 150, 120), crop_wh)
        colours.append(features(crop, template, NAMES, EVEN)[:5])
    np.testing.assert_allclose(*colours)


@settings(deadline=None)  # the first call warms OpenCV up
@given(st.tuples(*[st.integers(0, 255)] * 3), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_any_colour_gives_probabilities(rgb, probabilities):
    crop, template = face(rgb)
    tone = SkinModel().predict(features(crop, template, NAMES, np.array(probabilities)))
    assert sum(tone.probabilities) == pytest.approx(1)
    assert tone.band in BANDS and 0 < tone.confidence <= 1


def test_a_model_without_hair_colours_is_enough():
    crop, template = face((200, 150, 120))
    values = features(crop, template, ("Smiling",), np.array([0.9]))
    assert np.isnan(values[-4:]).all()
    assert sum(SkinModel().predict(values).probabilities) == pytest.approx(1)


def test_the_median_band_and_its_confidence():
    tone = SkinTone((0.3, 0.15, 0.15, 0.15, 0.25))  # the likeliest is 2; half is reached in 4
    assert tone.band == 4 and tone.confidence == 0.15
    np.testing.assert_array_equal(median(np.eye(5)), range(5))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bands": [1, 2]}, "fitted to other features or types"),
        ({"bias": [0]}, "shapes"),
        ({"weights": "none"}, "cannot be used"),
    ],
)
def test_a_malformed_model_file(tmp_path, change, message):
    path = tmp_path / "skin.json"
    path.write_text(json.dumps(json.loads(FITTED.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        SkinModel(path)
    path.unlink()
    with pytest.raises(ModelError, match="Try: git checkout -- device/emoji/"):
        SkinModel(path)


@pytest.mark.data
def test_the_committed_numbers_are_what_training_gives(tmp_path, capsys):
    from train.tools.skin_tone import main

    out, chart = tmp_path / "skin.json", tmp_path / "chart.png"
    main(["--data", str(DATA / "skin_tone"), "--out", str(out), "--chart", str(chart)])
    fresh, kept = json.loads(out.read_text()), json.loads(FITTED.read_text())
    np.testing.assert_allclose(fresh["weights"], kept["weights"], atol=0.02)
    exact, within = kept["measured"]["exact"], kept["measured"]["within_one"]
    assert fresh["measured"] == pytest.approx(kept["measured"], abs=0.02)
    assert f"exact       {fresh['measured']['exact']:.3f}" in capsys.readouterr().out
    assert chart.read_bytes()[:4] == b"\x89PNG"
    page = (ROOT / "docs" / "emoji.md").read_text()
    assert f"{exact:.3f}" in page and f"{within:.3f}" in page
