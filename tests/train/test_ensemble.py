"""Ensembles of several models as one."""

import numpy as np
import pytest

from device.errors import ModelError, UsageError
from tests.conftest import CARD
from train import ensemble
from train.keras_import import keras
from train.network.build import build, multiply_adds
from train.network.head import Head

MODEL = CARD.with_suffix(".keras")


def odds(probabilities):
    return np.log(probabilities) - np.log1p(-probabilities)


def test_an_ensembles_log_odds_are_the_mean_of_its_members():
    keras.utils.set_random_seed(1)
    first = keras.models.load_model(MODEL, compile=False)
    _, height, width, _ = first.input_shape
    second = build(40, (width // 2, height // 2), "none", backbone="MobileNet")
    kernel, bias = second.get_layer("attributes").get_weights()
    second.get_layer("attributes").set_weights([kernel * 50, bias + 0.5])
    crops = np.random.default_rng(0).integers(0, 256, (3, height, width, 3)).astype(np.float32)
    both = ensemble.ensemble([first, second])
    downsample = keras.ops.image.resize(crops, (height // 2, width // 2))
    expected = (
        odds(first.predict(crops, verbose=0)) + odds(second.predict(downsample, verbose=0))
    ) / 2
    np.testing.assert_allclose(odds(both.predict(crops, verbose=0)), expected, atol=2e-3)
    parts = multiply_adds(first) + multiply_adds(second)
    assert multiply_adds(both) == pytest.approx(parts, rel=0.01)


@pytest.mark.slow
def test_members_must_tell_the_same_of_crops_of_one_shape():
    one = build(40, (32, 40), "none")
    with pytest.raises(ModelError, match="member 2 has input 40x40"):
        ensemble.ensemble([one, build(40, (40, 40), "none")])
    with pytest.raises(ModelError, match="and 3 attributes"):
        ensemble.ensemble([one, build(3, (32, 40), "none")])
    pairs = build(40, (32, 40), "none", backbone="SimpleCNN", head=Head(output="softmax"))
    with pytest.raises(ModelError, match=r"member 2 has a softmax output.*--output sigmoid"):
        ensemble.ensemble([one, pairs])


def test_an_ensemble_is_not_written_over_a_run(tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(UsageError, match="already holds a run"):
        ensemble.main(["a", "b", "--data", "d", "--out", str(tmp_path)])
