"""BatchNorm is recalibrated on crops that are drawn, augmented and mixed as in training."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec.structs import replace as changed

from train.data.augment import Augmentation
from train.data.celeba import read_celeba
from train.data.loader import Batches
from train.training.config import FitSettings
from train.training.recalibration import BATCH, recalibration_batches

NONE = Augmentation(0, 0, 0, 0, 0, 0, 0, noise=0)
SETTINGS = FitSettings(input=(32, 40), augmentation=NONE)


def means(split, settings):
    """Return the mean grey level of each crop."""
    batches = list(recalibration_batches(split, settings))
    assert max(map(len, batches)) <= BATCH
    return np.concatenate([crops.mean(axis=(1, 2, 3)) for crops in batches])


def test_without_augmentation_they_are_the_training_crops(data):
    train = read_celeba(data).splits["train"]
    plain = Batches(train, (32, 40), len(train))[0][0].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(np.sort(means(train, SETTINGS)), np.sort(plain), atol=1e-4)


def test_they_are_augmented_and_mixed(data):
    train = read_celeba(data).splits["train"]
    plain = means(train, SETTINGS)
    bright = means(train, changed(SETTINGS, augmentation=changed(NONE, brightness=0.4)))
    mixed = means(train, changed(SETTINGS, augmentation=changed(NONE, mixup=0.5)))
    assert bright.std() > 1.2 * plain.std()
    assert mixed.std() < plain.std()


@pytest.mark.slow
def test_they_are_drawn_by_the_photos_weights(data):
    train = read_celeba(data).splits["train"]
    plain = means(train, SETTINGS)
    weights = np.zeros(len(train), np.float32)
    weights[3] = len(train)
    drawn = means(replace(train, weights=weights), SETTINGS)
    assert len(drawn) == len(train) and np.ptp(drawn) == 0
    assert np.abs(plain - drawn[0]).min() < 1e-4
