"""How often an epoch draws each photo, and what a batch holds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from train.data.augment import Augmentation
from train.data.celeba import read_celeba
from train.data.loader import Batches, drawn_rows
from train.data.more import MOST_DRAWS, balanced_weights
from train.data.split import UNKNOWN, targets
from train.training.bottleneck import Features

CROP = (32, 40)


def test_no_photo_is_drawn_from_none():
    assert len(drawn_rows(np.zeros(0, np.float32), np.random.default_rng(0))) == 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 4, width=32), min_size=1, max_size=40).filter(lambda w: sum(w) > 0.6),
    st.integers(0, 2**31),
)
def test_each_photo_is_drawn_as_often_as_its_weight_rounded_down_or_up(weights, seed):
    weights = np.array(weights, np.float32)
    total = weights.sum(dtype=float)
    rows = drawn_rows(weights, np.random.default_rng(seed))
    assert len(rows) == round(total) and rows.min() >= 0
    counts = np.bincount(rows, minlength=len(weights))
    shares = weights.astype(float) * len(rows) / total
    assert len(counts) == len(weights)
    for count, share in zip(counts, shares, strict=True):
        assert math.floor(share - 1e-9) <= count <= math.ceil(share + 1e-9)


def test_draws_are_as_frequent_as_the_weights_over_many_epochs():
    weights = np.array([0.25, 1.5, 1.25], np.float32)
    counts = sum(
        np.bincount(drawn_rows(weights, np.random.default_rng(epoch)), minlength=3)
        for epoch in range(400)
    )
    np.testing.assert_allclose(counts / 400, weights, atol=0.08)


def test_no_photo_has_no_weight():
    assert balanced_weights(np.zeros(0, int), 1.0).shape == (0,)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
    st.floats(0, 1),
)
def test_weights_have_the_mean_1_and_a_limit(sizes, balance):
    weights = balanced_weights(np.repeat(np.arange(len(sizes)), sizes), balance)
    assert weights.dtype == np.float32
    assert weights.mean(dtype=float) == pytest.approx(1, abs=1e-5)
    assert weights.min() > 0 and weights.max() <= MOST_DRAWS + 1e-6
    of_group = weights[np.cumsum(sizes) - 1]
    order = np.argsort(sizes)
    assert (np.diff(of_group[order]) <= 1e-5).all()  # a photo of a larger group, less often


def test_balance_0_draws_every_photo_once_and_1_each_group_equally_often():
    groups = np.repeat([0, 1, 2], [4, 8, 12])
    np.testing.assert_array_equal(balanced_weights(groups, 0), 1)
    np.testing.assert_allclose(balanced_weights(groups, 1)[[0, 4, 12]], [2, 1, 2 / 3], rtol=1e-6)
    # The half: the geometric mean of both, up to a factor.
    half = balanced_weights(groups, 0.5)[[0, 4, 12]]
    np.testing.assert_allclose(half / half[0], [1, 0.5**0.5, 3**-0.5], rtol=1e-6)


def test_a_rare_group_is_drawn_at_most_4_times():
    weights = balanced_weights(np.repeat([0, 1], [1, 99]), 1.0)
    np.testing.assert_allclose(weights[[0, 1]], [4, 96 / 99], rtol=1e-6)


@pytest.fixture
def weighted(celeba):
    """24 photos, of which the first 8 are drawn twice and the last 8 half as often."""
    train = read_celeba(celeba).splits["train"]
    weights = np.repeat(np.array([2, 1, 0.5], np.float32), 8)
    train.labels[0, :3] = UNKNOWN
    return type(train)(train.name, train.photos, train.labels, train.attributes, weights)


def labels_of(batches):
    return np.concatenate([batches[index][1] for index in range(len(batches))])


def test_an_epoch_has_the_photos_as_often_as_they_are_drawn(weighted):
    batches = Batches(weighted, CROP, 10, Augmentation(), seed=3)
    assert len(batches) == 3
    first = labels_of(batches)
    assert len(first) == 28
    expected = targets(weighted.labels)
    for row in range(24):
        count = (first == expected[row]).all(axis=1).sum()
        assert count == (2 if row < 8 else 1) if row < 16 else count in (0, 1)
    assert (first[:, :3] == -1).all(axis=1).sum() == 2  # the first photo, twice
    batches.start_epoch(1)
    assert not np.array_equal(labels_of(batches), first)


def test_a_photo_that_is_drawn_twice_has_two_augmentations(weighted):
    batches = Batches(weighted, CROP, 28, Augmentation(), seed=3)
    crops, labels = batches[0]
    first, second = np.flatnonzero((labels == targets(weighted.labels)[2]).all(axis=1))
    assert np.abs(crops[first].astype(int) - crops[second].astype(int)).mean() > 1


def test_without_an_augmentation_every_photo_is_read_once(weighted):
    np.testing.assert_array_equal(labels_of(Batches(weighted, CROP, 10)), targets(weighted.labels))


def test_cached_features_are_drawn_as_photos_are(weighted):
    features = np.arange(24, dtype=np.float16)[:, np.newaxis]
    features[1] = np.nan  # not readable
    batches = Features(features, weighted, 10, 3)
    drawn = np.concatenate([batches[index][0] for index in range(len(batches))])[:, 0]
    counts = np.bincount(drawn.astype(int), minlength=24)
    assert counts[0] == 2 and counts[1] == 0 and len(drawn) == 26
    assert (labels_of(batches)[:, 0] == -1).sum() == 2
    plain = Features(features, weighted, 10, None)
    np.testing.assert_array_equal(
        np.concatenate([plain[index][0] for index in range(len(plain))])[:, 0],
        np.delete(np.arange(24), 1),
    )


def test_the_mix_of_an_unknown_label_is_unknown(weighted):
    mixed = Batches(weighted, CROP, 28, Augmentation(mixup=0.5), seed=3)
    plain = Batches(weighted, CROP, 28, replace(Augmentation(), mixup=0.0), seed=3)
    unknown = (plain[0][1] < 0).sum()
    labels = mixed[0][1]
    assert labels.dtype == np.float32
    assert unknown < (labels == -1).sum() <= 2 * unknown
    assert ((labels == -1) | (labels >= 0)).all()
