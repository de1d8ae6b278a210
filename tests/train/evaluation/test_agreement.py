"""Outputs of runtimes, int8 and float compared; flat outputs; calibrations that stay bounded."""

import numpy as np
import pytest

from device.attributes.classifier import calibrated
from device.errors import FacetError
from train import verify
from train.evaluation.agreement import flat_attributes, flat_line, is_wrong
from train.evaluation.calibration import MAX_OFFSET, MAX_SLOPE, operating_point
from train.evaluation.predictions import Predictions

FLOAT = np.linspace(0, 1, 50)[:, None].astype(np.float32)  # a model that separates its photos
CLOSE = FLOAT + 0.02


@pytest.mark.parametrize(
    "outputs, reference, wrong",
    [
        (FLOAT, FLOAT, False),
        (FLOAT + 5 / 256, FLOAT, False),  # rounding of another kernel: five steps
        (FLOAT + 0.13, FLOAT + 0.08, False),  # a network that amplifies it
        (FLOAT[::-1], CLOSE, True),
        (np.zeros_like(FLOAT), CLOSE, True),
        (np.ones_like(FLOAT), CLOSE, True),
        (np.full_like(FLOAT, np.nan), CLOSE, True),
    ],
    ids=["equal", "5 steps", "fragile", "other photo's", "zeros", "ones", "NaN"],
)
def test_only_wrong_outputs_are_refused(outputs, reference, wrong):
    assert is_wrong(outputs, reference, FLOAT) == wrong
    results = [("one 1.0", np.stack([reference] * 2)), ("two 2.0", np.stack([reference, outputs]))]
    if wrong:
        with pytest.raises(FacetError, match=r"two 2\.0 computes the model wrongly.*Try: rm -rf"):
            verify.check_outputs(results, FLOAT)
    else:
        verify.check_outputs(results, FLOAT)


def test_the_reference_may_be_the_wrong_one():
    results = [("one", np.stack([np.zeros_like(FLOAT)] * 2)), ("two", np.stack([CLOSE] * 2))]
    with pytest.raises(FacetError, match="one computes the model wrongly"):
        verify.check_outputs(results, FLOAT)


def test_flat_outputs_are_named():
    labels = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
    raw = np.array([[0.9, 0.5, 0.01], [0.1, 0.52, 0.01], [0.7, 0.5, 0.01], [0.2, 0.51, 0.01]])
    flat = flat_attributes(("Smiling", "Hat", "Bald"), raw, labels)
    assert flat == ("Hat",)  # no photo shows Bald: equal outputs are right
    assert flat_attributes((), raw[:0], labels[:0]) == ()
    assert flat_line((), 3) == ""
    assert flat_line(flat, 1) == "the outputs hardly differ between photos: train longer"
    assert "of 1 of 3 attributes (Hat) hardly differ" in flat_line(flat, 3)
    assert flat_line("ABCDEFG", 9).count(",") == 5


LABELS = np.arange(80)[:, None] % 2


@pytest.mark.parametrize(
    "raw",
    [
        np.full((80, 1), 0.5),
        np.full((80, 1), 1.0),
        np.full((80, 1), 0.0),
        1 - LABELS / 256,  # a step, on the wrong side
        0.99 + LABELS / 256,
        0.0 + LABELS / 256,
        np.where(np.arange(80)[:, None] == 7, 0.0, 1.0),
        LABELS.astype(float),
        0.5 + LABELS * 1e-7,
    ],
    ids=["half", "ones", "zeros", "falling", "high", "low", "one photo", "perfect", "tiny"],
)
@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_calibration_is_bounded_whatever_the_outputs(raw, share):
    predictions = Predictions(raw.astype(np.float32), LABELS)
    slope, offset, thresholds, _ = operating_point(predictions, predictions, np.array([share]))
    assert np.isfinite([slope, offset, thresholds]).all()
    assert 0 < slope[0] <= MAX_SLOPE and abs(offset[0]) <= MAX_OFFSET
    assert np.isfinite(calibrated(predictions.raw, slope, offset)).all()
