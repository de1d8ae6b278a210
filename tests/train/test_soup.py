"""train.soup: the mean of several runs' weights."""

import shutil

import numpy as np
import pytest

from device.errors import ModelError, UsageError
from tests.train.conftest import NAMES
from train import soup
from train.evaluation.model_card import _stages
from train.keras_import import keras
from train.network.build import build
from train.training import run_dir


@pytest.mark.slow
def test_a_soup_is_the_mean_of_its_runs_weights_with_recalibrated_statistics(run, data, tmp_path):
    other, out = tmp_path / "other", tmp_path / "soup"
    shutil.copytree(run, other)
    moved = keras.models.load_model(run / "model.keras", compile=False)
    moved.set_weights([1.01 * one for one in moved.get_weights()])
    moved.save(other / "model.keras")
    both = [str(other), str(run), "--shares", "3", "1", "--data", str(data), "--out", str(out)]
    soup.main(both)
    mean, a, b = (
        keras.models.load_model(folder / "model.keras").get_layer("attributes").get_weights()[0]
        for folder in (out, other, run)
    )
    np.testing.assert_allclose(mean, 0.75 * a + 0.25 * b, atol=1e-6)
    (*_, last) = _stages(run_dir.read_record(out))
    assert last.startswith("- the mean of the weights of these runs")
    with pytest.raises(UsageError, match="already holds a run"):
        soup.main(both)
    with pytest.raises(UsageError, match="need 2 numbers"):
        soup.main([*both[:-1], str(tmp_path / "c"), "--shares", "1"])
    # Another attribute would not average; neither does another depth.
    short = tmp_path / "short"
    shutil.copytree(run, short)
    build(len(NAMES), (32, 40), "none", "block_1_expand_relu").save(short / "model.keras")
    with pytest.raises(ModelError, match="another network than"):
        soup.main([str(run), str(short), "--data", str(data), "--out", str(tmp_path / "d")])
