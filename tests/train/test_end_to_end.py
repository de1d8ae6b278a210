"""From photos to figures with the whole default network and a teacher, in compiled graphs."""

import json

import pytest

from device.attributes.model_card import read_card
from tests.train.conftest import NAMES
from train import convert, evaluate, fit


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_the_whole_network_is_trained_converted_and_evaluated(run, data, tmp_path):
    where, out = ["--data", str(data)], str(tmp_path / "run")
    network = ["--input", "64x80", "--weights", "none", "--attributes", *NAMES]
    teacher = ["--teacher", str(run / "model.keras")]
    fit.main([*where, "--out", out, "--epochs", "2", "--batch", "8", *network, *teacher])
    convert.main([out, *where, "--out", str(tmp_path)])
    card = tmp_path / "attributes.json"
    assert read_card(card).names == NAMES
    evaluate.main(["scores", "--model", str(card), *where, "--out", str(tmp_path / "scores")])
    report = json.loads((tmp_path / "scores" / "report.json").read_text())
    assert [one["name"] for one in report["attributes"]] == list(NAMES)
