"""Every command on a data set with a photo in each split that cannot be decoded."""

import json
import shutil

import pytest

from tests.train.conftest import SMALL
from tests.train.data.test_unreadable import garbage
from train import convert, evaluate, fit, predict, soup
from train.data import unreadable
from train.data.celeba import read_celeba
from train.data.split import DataError
from train.report import __main__ as report
from train.training import trainer
from train.training.config import FitSettings
from train.training.run_dir import read_record

BAD = ("000003.jpg", "000070.jpg", "000100.jpg")  # of train, val and test
TRAIN, VAL, TEST = "1 of 64 train photos", "1 of 32 val photos", "1 of 16 test photos"
LEFT_OUT = " left out: not readable"


@pytest.fixture(scope="module")
def broken(tmp_path_factory, data):
    folder = shutil.copytree(data, tmp_path_factory.mktemp("broken") / "celeba")
    for name in BAD:
        garbage(folder / "img_align_celeba" / name)
    return folder


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    monkeypatch.setattr(unreadable, "_unreadable", {})
    # Eight steps on noise make a network that amplifies any rounding.
    monkeypatch.setattr(convert, "MAX_MEAN_STEPS", 256, raising=False)


def named(capsys):
    """Return what was printed, and how often each photo was named."""
    out, err = capsys.readouterr()
    return out, [err.count(name) for name in BAD]


@pytest.mark.parametrize("kind", ["int8", pytest.param("float", marks=pytest.mark.slow)])
def test_scores(kind, broken, models, run, tmp_path, capsys):
    flags = ["--model", str(models / "attributes.json"), "--data", str(broken)]
    flags += ["--float", str(run / "model.keras")] if kind == "float" else []
    evaluate.main(["scores", *flags, "--out", str(tmp_path)])
    found = json.loads((tmp_path / "report.json").read_text())
    assert (found["photos"], found["unreadable"]) == (15, 1)
    out, counts = named(capsys)
    assert TEST + LEFT_OUT in out and "15 photos" in out and counts == [0, 0, 1]


def test_a_conversion_says_it_in_its_output_and_both_cards(broken, run, tmp_path, capsys):
    convert.main([str(run), "--data", str(broken), "--out", str(tmp_path)])
    out, counts = named(capsys)
    line = f"{TRAIN}, {VAL}, {TEST}{LEFT_OUT}"
    assert line in out and counts == [1, 1, 1]
    card = json.loads((tmp_path / "attributes.json").read_text())
    assert card["measured"]["unreadable"] == line
    assert [card["measured"][name]["photos"] for name in ("val", "test")] == [31, 15]
    text = (tmp_path / "MODEL_CARD.md").read_text()
    assert f"\n{line}.\n" in text and "| test, 15 photos |" in text


@pytest.mark.slow
def test_a_report_keeps_the_rows_of_the_data(broken, run, models, tmp_path, capsys):
    # The first test photo: all rows after it would move.
    shutil.copytree(broken, tmp_path / "celeba")
    garbage(tmp_path / "celeba" / "img_align_celeba" / "000097.jpg")
    out = tmp_path / "report"
    flags = ["--data", str(tmp_path / "celeba"), "--model", str(models / "attributes.json")]
    report.main([str(run), *flags, "--out", str(out), "--with-photos"])
    page = (out / "index.html").read_text()
    assert "2 of 16 test photos left out: not readable" in page and "14 test photos" in page
    for line in (out / "mistakes.csv").read_text().splitlines()[1:]:
        _, row, file, *_ = line.split(",")
        assert int(row) == int(file[:6]) - 97
    assert named(capsys)[1] == [1, 1, 1]


@pytest.mark.parametrize("bottleneck", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_training_says_it_and_records_it(bottleneck, broken, run, tmp_path, capsys):
    flags = [*SMALL, "--attributes", "Male", "Smiling", "--epochs", "1"]
    if bottleneck:
        names = read_record(run)["settings"]["attributes"]
        flags = [*SMALL, "--attributes", *names, "--epochs", "1", "--unfreeze", "none"]
        flags += ["--bottleneck", "--weights", str(run / "model.keras")]
    fit.main(["--data", str(broken), "--out", str(tmp_path / "run"), *flags])
    out, counts = named(capsys)
    assert f"{TRAIN}, {VAL}{LEFT_OUT}" in out and counts == [1, 1, 0]
    assert read_record(tmp_path / "run")["unreadable"] == {"train": 1, "val": 1}
    assert bottleneck == (tmp_path / "features").is_dir()


def test_a_soup(broken, run, tmp_path, capsys):
    soup.main([str(run), str(run), "--data", str(broken), "--out", str(tmp_path / "soup")])
    out, counts = named(capsys)
    assert TRAIN + LEFT_OUT in out and counts == [1, 0, 0]


def test_a_photo_deleted_after_the_photos_were_listed(models, data, tmp_path, capsys, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in (1, 2, 3):
        shutil.copy(data / "img_align_celeba" / f"{number:06}.jpg", photos)
    list_photos = predict.readable_photos

    def list_and_delete(folder):
        found = list_photos(folder)
        (folder / "000002.jpg").unlink()
        return found

    monkeypatch.setattr(predict, "readable_photos", list_and_delete)
    flags = ["--model", str(models / "attributes.json"), "--images", str(photos)]
    predict.main([*flags, "--out", str(tmp_path / "a.csv")])
    rows = (tmp_path / "a.csv").read_text().splitlines()[1:]
    assert [row.partition(",")[0] for row in rows] == ["000001.jpg", "000003.jpg"]
    assert "2 photos, 1 skipped" in capsys.readouterr().out


def test_all_photos_are_gone_when_the_training_starts(data, tmp_path, compiled):
    gone = tmp_path / "gone"
    splits = read_celeba(shutil.copytree(data, gone)).splits
    shutil.rmtree(gone)
    settings = FitSettings(backbone="SimpleCNN", input=(32, 40), weights="none", epochs=1)
    # TensorFlow wraps errors of the photos in one of its own.
    with pytest.raises(DataError, match=r"none of 64 train photos can be read.*check the folder"):
        trainer.fit(splits["train"], splits["val"], tmp_path / "run", settings)
