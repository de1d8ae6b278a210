"""Commands on partly unknown labels, whose figures are those of the known ones."""

import csv
import json
import shutil

import numpy as np
import pytest

from device.attributes.classifier import Classifier
from tests.train.conftest import NAMES
from train import calibrate, convert, evaluate
from train.data.celeba import read_celeba
from train.data.match import match_data
from train.data.split import UNKNOWN
from train.evaluation.metrics import score
from train.evaluation.predictions import calibrate as calibrated
from train.evaluation.predictions import predict_int8
from train.report import __main__ as report


@pytest.fixture(scope="module")
def partial(data, tmp_path_factory):
    """The data with every third label of the run's attributes empty, Bangs on all test photos."""
    root = tmp_path_factory.mktemp("partial") / "celeba"
    shutil.copytree(data, root)
    _, header, *lines = (root / "list_attr_celeba.txt").read_text().splitlines()
    (root / "list_attr_celeba.txt").unlink()
    names = header.split()
    bangs = names.index("Bangs") + 1
    with (root / "list_attr_celeba.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", *names])
        for number, line in enumerate(lines):
            cells = line.split()
            for place, name in enumerate(NAMES):
                if (number + place) % 3 == 0:
                    cells[names.index(name) + 1] = ""
            if number >= 96:  # the test photos
                cells[bangs] = ""
            writer.writerow(cells)
    return root


def test_scores_of_a_split_are_those_of_its_known_labels(partial, models, tmp_path, capsys):
    card = models / "attributes.json"
    evaluate.main(
        ["scores", "--data", str(partial), "--model", str(card), "--out", str(tmp_path / "out")]
    )
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    classifier = Classifier(card)
    names = classifier.card.names
    split = match_data(read_celeba(partial), names, partial, card).splits["test"]
    _, raw = predict_int8(classifier.network, split, classifier.card.crop_wh)
    probabilities = calibrated(classifier.card, raw)
    thresholds = classifier.card.values("threshold")
    for i, row in enumerate(found["attributes"]):
        rows = split.labels[:, i] != UNKNOWN
        assert row["photos"] == rows.sum()
        if not rows.any():
            assert row["name"] == "Bangs" and row["accuracy"] is None and row["support"] == 0
            continue
        (alone,) = score(
            (row["name"],), split.labels[rows, i : i + 1], probabilities[rows, i : i + 1],
            thresholds[i : i + 1],
        ).attributes  # fmt: skip
        assert row["accuracy"] == alone.accuracy and row["support"] == alone.support
        assert f"{alone.support} of {alone.photos}" in printed
    assert found["photos"] == len(split)
    known = [row["accuracy"] for row in found["attributes"] if row["accuracy"] is not None]
    assert found["means"]["accuracy"] == pytest.approx(np.mean(known))


@pytest.mark.slow
def test_a_report_and_a_calibration_on_partial_labels(partial, run, models, tmp_path, capsys):
    report.main([str(run), "--data", str(partial), "--out", str(tmp_path / "page")])
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "labels unknown." in page and ">nan" not in page
    calibrate.main(["--data", str(partial), "--model", str(models / "attributes.json")])
    assert "nan" not in capsys.readouterr().out


def test_the_card_names_the_folders_of_further_photos(run, data, tmp_path):
    folder = tmp_path / "r"
    shutil.copytree(run, folder)
    record = json.loads((folder / "settings.json").read_text())
    train = read_celeba(data).splits["train"]

    def described(more):
        settings = record["settings"] | {"more": more}
        (folder / "settings.json").write_text(json.dumps(record | {"settings": settings}))
        card = convert._uncalibrated_card(folder, "x", b"", (32, 40), train, "CelebA")
        assert str(tmp_path) not in card.to_json()
        return card.training["data"]

    assert described([]) == "CelebA, train split"
    folders = [str(tmp_path / "celeba2"), str(tmp_path / "utkface_aligned")]
    assert described(folders) == "CelebA, train split, and photos of celeba2, utkface_aligned"
