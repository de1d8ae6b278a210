"""train.evaluate: the figures of a card, measured again; errors by group."""

import json

import cv2
import pytest

from device.errors import ModelError
from tests.conftest import CARD, DATA
from tests.train.conftest import NAMES
from train import evaluate


def test_a_float_model_that_is_none(tmp_path, data):
    (tmp_path / "bad.keras").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"bad.keras is not a Keras model"):
        evaluate.main(["scores", "--data", str(data), "--float", str(tmp_path / "bad.keras")])


def test_evaluation_reproduces_the_cards_figures(tmp_path, models, run, data, capsys):
    card = str(models / "attributes.json")
    measured = json.loads((models / "attributes.json").read_text())["measured"]["test"]
    for kind, extra in {"int8": [], "float": ["--float", str(run / "model.keras")]}.items():
        out = tmp_path / kind
        evaluate.main(["scores", "--model", card, "--data", str(data), "--out", str(out), *extra])
        report = json.loads((out / "report.json").read_text())
        for key in ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc"):
            assert report["means"][key] == pytest.approx(measured[kind][key], abs=1e-4)
        printed = capsys.readouterr().out
        assert f"mean accuracy {report['means']['accuracy']:.4f}" in printed
        low, high = report["intervals"]["accuracy"]
        assert low <= report["means"]["accuracy"] <= high
        assert f"intervals of the means: accuracy {low:.4f} to {high:.4f}, balanced" in printed
        low, high = report["attributes"][0]["intervals"]["accuracy"]
        assert f"{low:.2f} to {high:.2f}" in printed
        assert len(report["attributes"]) == len(NAMES) and "support" in report["attributes"][0]
    assert cv2.imread(str(out / "attributes.png")).shape[0] > 200
    assert len(list((out / "attributes").glob("*.png"))) == len(NAMES)


def test_fairness_writes_and_draws_what_it_prints(tmp_path, models, data, admiral, capsys):
    (tmp_path / "utkface" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "utkface" / "images" / "a.png"), admiral)
    (tmp_path / "utkface" / "labels.csv").write_text(
        "file,age,gender,race\na.png,60,female,White\n"
    )
    flags = ["--data", str(data), "--utkface", str(tmp_path / "utkface"), "--out", str(tmp_path)]
    evaluate.main(["fairness", "--model", str(models / "attributes.json"), *flags])
    printed = capsys.readouterr().out
    assert "White women of 60 and older" in printed and "CelebA test" in printed
    assert "Not classified: 0 of 1 photo." in printed
    report = json.loads((tmp_path / "fairness.json").read_text())
    assert report["summary"]["states"] == {"ok": 1}
    groups = {row["group"] for row in report["UTKFace"]}
    assert {"all", "women", "White people", "women of 60 and older"} <= groups
    assert "men" in {row["group"] for row in report["CelebA test"]}
    assert cv2.imread(str(tmp_path / "fairness.png")) is not None


@pytest.mark.slow
@pytest.mark.data
def test_the_committed_models_figures_are_reproduced(tmp_path):
    evaluate.main(["scores", "--data", str(DATA / "celeba"), "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    measured = json.loads(CARD.read_text())["measured"]["test"]["int8"]
    for key in ("accuracy", "balanced_accuracy", "macro_f1", "mean_auc"):
        assert report["means"][key] == pytest.approx(measured[key], abs=2e-3)
