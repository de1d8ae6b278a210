"""Estimates of time: work in multiply-adds, the speed of finished runs, and times as text."""

import msgspec
import pytest

from train.training.config import FitSettings
from train.training.workload import FIRST_GUESS, PhotoCounts, RunSpeed, duration, features_key, work

PHOTOS = PhotoCounts(train=100, val=10, test=10)
TINY = FitSettings(
    backbone="SimpleCNN", weights="x.weights.h5", input=(32, 40), epochs=2, output="sigmoid"
)


def work_of(epochs=None, has_features=False, **changes):
    settings = msgspec.structs.replace(TINY, **changes)
    return work(settings, 1, PHOTOS, epochs, has_features)


def test_an_epoch_is_as_much_work_as_the_next():
    tested, one, two = (work_of(epochs) for epochs in range(3))
    assert 0 < tested < one and two - one == one - tested and work_of() == two


def test_frozen_layers_are_less_work_and_cached_features_hardly_any():
    whole, frozen = work_of(), work_of(unfreeze="none")
    cached = work_of(unfreeze="none", bottleneck=True, epochs=50)
    assert cached < frozen < whole
    assert work_of(unfreeze="none", bottleneck=True, epochs=50, has_features=True) < cached
    # Without starting weights nothing is frozen.
    assert work_of(unfreeze="none", weights="none") == whole


def test_runs_share_the_features_of_one_backbone():
    fixed = msgspec.structs.replace(TINY, bottleneck=True, unfreeze="none")
    first, head, whole, other = (
        features_key(msgspec.structs.replace(fixed, **changes))
        for changes in ({}, {"dense": (9,)}, {"bottleneck": False}, {"input": (64, 64)})
    )
    assert first == head and first is not None and whole is None and other != first


def test_the_pace_is_that_of_the_same_backbone():
    speed = RunSpeed()
    assert not speed.is_measured and speed.seconds("VGG19", FIRST_GUESS) == 1
    speed.add("VGG19", FIRST_GUESS, 2.0)
    assert speed.is_measured and speed.seconds("VGG19", 3 * FIRST_GUESS) == 6
    assert speed.seconds("ResNet50", FIRST_GUESS) == 2
    speed.add("ResNet50", FIRST_GUESS, 10.0)
    assert speed.seconds("ResNet50", FIRST_GUESS) == 10
    assert speed.seconds("InceptionV3", FIRST_GUESS) == 6
    speed.add("MobileNetV2", FIRST_GUESS, 3.0)  # a third of the rate is expected
    assert speed.seconds("MobileNetV2", FIRST_GUESS) == pytest.approx(3)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (29, "less than a minute"),
        (59, "about 1 min"),
        (4800, "about 1 h 20 min"),
        (7200, "about 2 h"),
    ],
)
def test_times_as_text(seconds, text):
    assert duration(seconds) == text
