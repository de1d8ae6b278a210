"""train.calibrate: the labels are those of the model's attributes."""

import numpy as np
import pytest

from device.errors import UsageError
from tests.conftest import CARD
from tests.train.conftest import NAMES
from train import calibrate
from train.data.celeba import read_celeba


def test_labels_are_those_of_the_models_attributes(models, data, monkeypatch, capsys):
    seen = []

    def report(names, val, train, prevalence):
        seen.append((names, val.labels, prevalence))
        return ["line"]

    monkeypatch.setattr(calibrate, "report", report)
    calibrate.main(["--model", str(models / "attributes.json"), "--data", str(data)])
    ((names, labels, prevalence),) = seen
    whole = read_celeba(data)
    columns = [whole.attributes.index(name) for name in NAMES]
    assert names == NAMES
    np.testing.assert_array_equal(labels, whole.splits["val"].labels[:, columns])
    expected = whole.splits["train"].labels[:, columns].mean(axis=0)
    np.testing.assert_allclose(prevalence, expected)


def test_data_without_the_models_attributes_is_refused(tmp_path):
    for label in ("smile", "no_smile"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.jpg").write_bytes(
            (CARD.parent.parent / "docs/window.png").read_bytes()
        )
    with pytest.raises(UsageError, match=r"lacks 40 attributes that .*attributes\.json has"):
        calibrate.main(["--model", str(CARD), "--data", str(tmp_path)])
