"""train.predict: probabilities of photos as CSV."""

import csv
import shutil

import cv2
import numpy as np
import pytest

from device.attributes.classifier import Classifier, calibrated
from device.errors import SourceError
from tests.train.conftest import NAMES
from train import predict
from train.data.crops import read_crop
from train.keras_import import keras


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_predictions_for_aligned_photos(tmp_path, models, run, data, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("000001.jpg", "000002.jpg"):
        shutil.copy(data / "img_align_celeba" / name, folder)
    (folder / "000003.jpg").write_bytes((folder / "000001.jpg").read_bytes()[:500])
    card = str(models / "attributes.json")
    found = {}
    for kind, extra in {"int8": [], "float": ["--float", str(run / "model.keras")]}.items():
        out = tmp_path / f"{kind}.csv"
        predict.main(["--model", card, "--images", str(folder), "--out", str(out), *extra])
        header, *written = rows(out)
        assert header == ["image_id", *NAMES]
        assert [row[0] for row in written] == ["000001.jpg", "000002.jpg"]
        found[kind] = np.array([row[1:] for row in written], float)
    assert "000003.jpg" in capsys.readouterr().err
    classifier = Classifier(card)
    crops = [read_crop(folder / name, (32, 40)) for name in ("000001.jpg", "000002.jpg")]
    int8 = [classifier.classify(np.ascontiguousarray(crop)) for crop in crops]
    np.testing.assert_allclose(found["int8"], int8, atol=1e-6)
    model = keras.models.load_model(run / "model.keras", compile=False)
    raw = np.asarray(model(np.stack(crops).astype(np.float32)))
    slope, offset = (classifier.card.values(field) for field in ("slope", "offset"))
    np.testing.assert_allclose(found["float"], calibrated(raw, slope, offset), atol=1e-4)


def test_predicting_nothing(tmp_path):
    with pytest.raises(SourceError, match="no readable photo"):
        predict.main(["--images", str(tmp_path), "--out", str(tmp_path / "a.csv")])


def test_folders_per_class_litter_and_what_is_not_read(tmp_path, models, data, capsys):
    folder, out = tmp_path / "my photos", tmp_path / "a.csv"
    for name in ("b/1.jpg", "a/1.jpg", "a/deep/2.jpg", "__MACOSX/a/1.jpg", ".hidden/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / "img_align_celeba" / "000001.jpg", folder / name)
    (folder / "a" / "3.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(80))
    (folder / "a" / "4.cr3").write_bytes(b"")
    (folder / "a" / "._1.jpg").write_bytes(b"")
    predict.main(
        ["--model", str(models / "attributes.json"), "--images", str(folder), "--out", str(out)]
    )
    assert [row[0] for row in rows(out)[1:]] == ["a/1.jpg", "a/deep/2.jpg", "b/1.jpg"]
    text = capsys.readouterr()
    assert "3 photos, 1 skipped" in text.out
    assert "1 photo left out: " in text.err and "(a/3.heic)" in text.err
    assert "not read: 1 .cr3" in text.err and "aligned" not in text.err


def test_whole_photos_are_named_as_such(tmp_path, models, astronaut, capsys):
    (tmp_path / "in put").mkdir()
    cv2.imwrite(str(tmp_path / "in put" / "1.png"), astronaut)
    arguments = ["--model", str(models / "attributes.json"), "--out", str(tmp_path / "a.csv")]
    predict.main([*arguments, "--images", str(tmp_path / "in put")])
    text = capsys.readouterr().err
    assert "1 of 1 photos do not have the shape of aligned faces" in text
    assert f"python -m device.run --camera '{tmp_path}/in put' --recursive --headless" in text
    with pytest.raises(SourceError, match="is a file, need a folder"):
        predict.main([*arguments, "--images", str(tmp_path / "in put" / "1.png")])
