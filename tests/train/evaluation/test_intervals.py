"""Intervals of metrics, by the literature's examples and by hand."""

import math

import numpy as np
import pytest

from train.evaluation.intervals import (
    auc_interval,
    balanced_accuracy_interval,
    f1_interval,
    interval_text,
    mean_intervals,
    middle,
    paired_interval,
    photo_mean_interval,
    resampled_means,
    score_counts,
    score_intervals,
    wilson,
    without_unknown,
)
from train.evaluation.metrics import score

NONE = (math.nan, math.nan)


@pytest.mark.parametrize(
    "positive, count, low, high",
    [
        (0, 0, math.nan, math.nan),
        (0, 1, 0, 0.7935),
        (1, 1, 0.2065, 1),
        (20, 23, 0.6787, 0.9546),
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998)
        (15, 148, 0.0624, 0.1605),  # the same
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson(positive, count, low, high):
    np.testing.assert_allclose(wilson(positive, count), (low, high), atol=1e-4)


@pytest.mark.parametrize(
    "auc, positives, negatives",
    [(1, 5, 18), (1, 1, 1), (0, 3, 3), (0.5, 10, 13), (0.9, 100, 100), (1, 2000, 2000)],
)
def test_auc_is_inside_its_interval_which_is_never_a_point(auc, positives, negatives):
    low, high = auc_interval(auc, positives, negatives)
    assert 0 <= low <= auc <= high <= 1 and high - low > 1e-4
    wide = auc_interval(auc, max(positives // 2, 1), max(negatives // 2, 1))
    assert wide[0] <= low and wide[1] >= high


def test_auc_of_one_class_has_none():
    assert all(value != value for value in auc_interval(math.nan, 0, 9))


@pytest.mark.parametrize(
    "counts, balanced, f1",
    [
        ([[0, 0], [0, 0]], NONE, NONE),
        ([[60, 0], [0, 0]], NONE, NONE),
        ([[0, 0], [0, 9]], NONE, (0.8245, 1)),  # J from 0.7009
        ([[9, 0], [0, 9]], (0.7885, 1), (0.8241, 1)),
        ([[50, 50], [50, 50]], (0.4317, 0.5683), (0.4169, 0.5833)),
    ],
)
def test_intervals_of_a_confusion_matrix(counts, balanced, f1):
    counts = np.array(counts)
    np.testing.assert_allclose(balanced_accuracy_interval(counts), balanced, atol=2e-3)
    np.testing.assert_allclose(f1_interval(counts), f1, atol=2e-3)


def test_every_metric_is_inside_its_interval():
    rng = np.random.default_rng(0)
    for photos in (1, 2, 23, 200):
        labels = (rng.random((photos, 3)) < (0.1, 0.5, 0.9)).astype(np.uint8)
        probabilities = rng.random((photos, 3))
        for one in score(tuple("abc"), labels, probabilities, np.full(3, 0.5)).attributes:
            assert score_counts(one).sum() == photos
            for field, (low, high) in score_intervals(one).items():
                value = getattr(one, field)
                assert low != low or low - 1e-9 <= value <= high + 1e-9, (photos, one.name, field)


@pytest.mark.parametrize(
    "shares, low, high",
    [
        ([], math.nan, math.nan),
        ([1], 0.2065, 1),
        ([1] * 20, 0.8389, 1),  # Wilson for 20 of 20
        ([1] * 20 + [0] * 3, 0.6787, 0.9546),  # as test_wilson
        ([0.9, 1] * 2, 0.4620, 0.9982),
        ([0.8, 1] * 50, 0.8801, 0.9199),
    ],
)
def test_the_mean_of_shares_of_photos(shares, low, high):
    np.testing.assert_allclose(photo_mean_interval(np.array(shares)), (low, high), atol=2e-3)


def test_means_over_attributes_on_draws_of_photos():
    rng = np.random.default_rng(1)
    labels = (rng.random((150, 4)) < 0.4).astype(np.uint8)
    probabilities = np.clip(0.4 * labels + 0.6 * rng.random((150, 4)), 0, 1)
    scores = score(tuple("abcd"), labels, probabilities, np.full(4, 0.5))
    for key, (low, high) in mean_intervals(scores, labels, probabilities).items():
        assert low < scores.means()[key] < high and 0.01 < high - low < 0.2, key
    first, second = (resampled_means(labels, probabilities, np.full(4, 0.5)) for _ in range(2))
    assert middle(second["accuracy"] - first["accuracy"]) == (0, 0)  # the same draws


def test_an_attribute_of_one_class_is_left_out_of_the_mean_auc():
    labels = np.array([[0, 1], [0, 0]] * 10, np.uint8)
    draws = resampled_means(labels, labels.astype(float), np.full(2, 0.5))
    assert middle(draws["mean_auc"]) == (1, 1) and middle(draws["accuracy"]) == (1, 1)
    assert middle(np.full(3, np.nan))[0] != middle(np.full(3, np.nan))[0]


@pytest.mark.parametrize(
    "won, lost, low, high",
    [
        (0, 0, -0.0277, 0.0277),
        # Bonett and Price by hand: (12 - 7) / 102 -+ 1.984 * sqrt((19 / 102 - 0.049**2) / 101).
        (11, 6, -0.0357, 0.1337),
        (100, 0, 0.9418, 1.0),
    ],
)
def test_the_difference_of_two_models_on_the_same_photos(won, lost, low, high):
    differences = np.repeat((1.0, -1.0, 0.0), (won, lost, 100 - won - lost))
    np.testing.assert_allclose(paired_interval(differences), (low, high), atol=1e-3)


def test_the_difference_of_shares_is_students():
    low, high = paired_interval(np.array([0.1, 0.3] * 50))
    half = 1.984 * 0.1005 / 10
    np.testing.assert_allclose((low, high), (0.2 - half, 0.2 + half), atol=1e-4)
    assert np.isnan(paired_interval(np.zeros(0))).all()


def test_texts():
    assert interval_text((0.123, 0.4567)) == "0.12 to 0.46"
    assert interval_text((0.123, 0.4567), 0, percent=True) == "12 to 46"
    assert interval_text(NONE) == ""
    assert without_unknown({"a": (0.1, 0.2), "b": NONE}) == {"a": [0.1, 0.2], "b": None}
