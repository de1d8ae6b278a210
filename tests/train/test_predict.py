"""train.predict: probabilities of photos as CSV."""

import csv
import shutil

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
