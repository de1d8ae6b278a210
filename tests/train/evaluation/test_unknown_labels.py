"""Unknown labels: every figure is that of the photos whose label is known."""

import json
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.attributes.classifier import Classifier
from device.errors import SourceError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from tests.conftest import CARD
from train.data.split import UNKNOWN
from train.evaluation import end_to_end
from train.evaluation.agreement import flat_attributes
from train.evaluation.calibration import fit_platt, operating_point
from train.evaluation.intervals import mean_intervals, resampled_means, score_intervals
from train.evaluation.metrics import best_first, score, share_correct
from train.evaluation.predictions import Predictions
from train.report.exploration import correlation

NAMES = ("a", "b", "c")
HALF = np.full(3, 0.5)


def sample(photos=120, seed=0, unknown=0.3):
    """Return labels, those with unknown cells, and probabilities, each (photos, 3)."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((photos, 3)) < (0.2, 0.5, 0.7)).astype(np.uint8)
    probabilities = np.clip(0.35 * labels + 0.65 * rng.random(labels.shape), 0, 1)
    partial = np.where(rng.random(labels.shape) < unknown, UNKNOWN, labels).astype(np.uint8)
    return labels, partial, probabilities.astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 60), st.floats(0, 1))
def test_scores_are_those_of_the_photos_without_the_unknown_cells(seed, photos, unknown):
    _, partial, probabilities = sample(photos, seed, unknown)
    scores = score(NAMES, partial, probabilities, HALF)
    assert scores.photos == photos
    for i, found in enumerate(scores.attributes):
        rows = partial[:, i] != UNKNOWN
        (alone,) = score(
            NAMES[i : i + 1], partial[rows, i : i + 1], probabilities[rows, i : i + 1], HALF
        ).attributes
        assert repr(found) == repr(alone) and found.photos == rows.sum()
        assert repr(score_intervals(found)) == repr(score_intervals(alone))


def test_an_attribute_that_is_known_of_no_photo_has_no_figures():
    _, partial, probabilities = sample()
    partial[:, 1] = UNKNOWN
    scores = score(NAMES, partial, probabilities, HALF)
    nothing = scores.attributes[1]
    assert (nothing.support, nothing.photos) == (0, 0)
    assert all(math.isnan(value) for value in (nothing.accuracy, nothing.f1, nothing.auc))
    assert [one.name for one in best_first(scores)][-1] == "b"
    others = score(("a", "c"), partial[:, (0, 2)], probabilities[:, (0, 2)], HALF)
    assert scores.means() == others.means()
    record = scores.to_dict()
    assert record["attributes"][1]["accuracy"] is None and "NaN" not in json.dumps(record)
    assert all(math.isnan(low) for low, _ in score_intervals(nothing).values())
    intervals = mean_intervals(scores, partial, probabilities)
    low, high = intervals["accuracy"]
    assert low < scores.means()["accuracy"] < high


@pytest.mark.parametrize("guess", [0.0, 1.0])
def test_outputs_for_unknown_labels_change_no_figure(guess):
    _, partial, probabilities = sample()
    other = np.where(partial == UNKNOWN, np.float32(guess), probabilities)
    first, second = (resampled_means(partial, p, HALF) for p in (probabilities, other))
    for key, draws in first.items():
        np.testing.assert_allclose(draws, second[key])
    train = sample(seed=1)[1:]
    prevalence = np.array([0.2, 0.5, 0.7])
    points = [
        operating_point(Predictions(raw, partial), Predictions(train[1], train[0]), prevalence)
        for raw in (probabilities, other)
    ]
    for before, after in zip(*points, strict=True):
        np.testing.assert_allclose(before, after)


def test_calibration_is_fitted_to_the_known_labels():
    _, partial, probabilities = sample(300)
    rows = partial[:, 0] != UNKNOWN
    one = (slice(None), slice(0, 1))
    train = Predictions(probabilities[one], partial[one])
    known = Predictions(probabilities[rows, :1], partial[rows, :1])
    share = np.array([0.2])
    np.testing.assert_allclose(fit_platt(train, train, share), fit_platt(known, known, share))
    slope, offset = fit_platt(train, train, share)
    assert slope[0] != 1 and offset[0] != 0


def test_without_any_known_label_outputs_are_not_calibrated():
    nothing = Predictions(np.full((20, 2), 0.3, np.float32), np.full((20, 2), UNKNOWN, np.uint8))
    slope, offset, thresholds, weight = operating_point(nothing, nothing, np.zeros(2))
    assert slope.tolist() == [1, 1] and offset.tolist() == [0, 0]
    assert np.isfinite(thresholds).all() and math.isfinite(weight)


def test_the_share_of_correct_predictions():
    labels = np.array([[0, 1, UNKNOWN], [1, 1, UNKNOWN]], np.uint8)
    assert share_correct(np.array([[False, False, True], [True, True, False]]), labels) == 0.75
    assert math.isnan(share_correct(np.array([True]), np.array([UNKNOWN], np.uint8)))


def test_outputs_are_flat_only_where_both_classes_are_known():
    raw = np.full((4, 3), 0.5)
    labels = np.array([[1, 0, 1], [UNKNOWN, UNKNOWN, 0], [1, 1, 1], [UNKNOWN, 0, 0]], np.uint8)
    assert flat_attributes(NAMES, raw, labels) == ("b", "c")


def test_correlations_are_of_the_photos_where_both_are_known():
    labels, partial, _ = sample(200)
    np.testing.assert_allclose(correlation(labels), np.corrcoef(labels.T), atol=1e-12)
    found = correlation(partial)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        rows = (partial[:, a] != UNKNOWN) & (partial[:, b] != UNKNOWN)
        expected = np.corrcoef(labels[rows, a], labels[rows, b])[0, 1]
        assert found[a, b] == pytest.approx(expected) and found[b, a] == found[a, b]


def test_whole_photos_with_empty_cells(tmp_path, astronaut, admiral):
    cv2.imwrite(str(tmp_path / "a.png"), astronaut)
    cv2.imwrite(str(tmp_path / "b.png"), admiral)
    table = tmp_path / "labels.csv"
    table.write_text("file,smile,Eyeglasses,Male\na.png,,1,\nb.png,0,,\n")
    classifier = Classifier(CARD)
    with pytest.raises(SourceError, match="column Male: no photo has a label"):
        end_to_end.read_labelled(tmp_path, classifier.card.names)
    table.write_text("file,smile,Eyeglasses\na.png,,1\nb.png,0,\n")
    labelled = end_to_end.read_labelled(tmp_path, classifier.card.names)
    result = end_to_end.evaluate(labelled, BlazeFace(), classifier, NO_LIMITS)
    assert result.states == {"ok": 2}
    assert result.attributes == {"Eyeglasses": 0.0, "Smiling": 1.0}  # she wears none
    assert result.labelled == {"Eyeglasses": 1, "Smiling": 1} and result.accuracy == 0.5
    low, high = result.attribute_intervals["Smiling"]
    assert (low, high) == (pytest.approx(0.2065, abs=2e-3), 1)  # Wilson for 1 of 1
