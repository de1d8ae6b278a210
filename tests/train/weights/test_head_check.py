"""Converted weights are checked by the names that the network gives to pictures."""

import cv2
import numpy as np
import pytest

from device.errors import ModelError
from train.keras_import import keras
from train.weights import head_check
from train.weights.head_check import check_head
from train.weights.sources import Converted

RED, BLUE = (0, 0, 255), (255, 0, 0)  # BGR


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A red and a blue picture, which show the classes 0 and 2."""
    paths = {}
    for name, colour in (("red.png", RED), ("blue.png", BLUE)):
        paths[name] = tmp_path / name
        cv2.imwrite(str(paths[name]), np.full((20, 30, 3), colour, np.uint8))
    monkeypatch.setattr(head_check, "PICTURES", {"red.png": {0: "red"}, "blue.png": {2: "blue"}})
    monkeypatch.setattr(head_check, "find_in_package", lambda package, name: paths[name])
    return paths


@pytest.fixture(scope="module")
def colours():
    """A network whose features are the mean R, G and B."""
    crop = keras.Input((16, 16, 3))
    return keras.Model(crop, keras.layers.AveragePooling2D(2)(crop))


def test_a_network_that_names_the_pictures(colours, pictures):
    dense = np.eye(3), np.zeros(3)
    line = check_head(Converted(colours, dense), "hint")
    # Logits (128, -127, -127) / 127.5: exp(2) / (exp(2) + 2) of the whole.
    assert line == "names 2 of 2 pictures rightly: red 0.787, blue 0.787"


def test_it_is_compared_with_the_original(colours, pictures):
    dense = np.eye(3), np.zeros(3)
    original = Converted(colours, dense, lambda rgb: np.array([0.75, 0.106, 0.106]))
    assert check_head(original, "hint").endswith("at most 0.681 from the original's probabilities")


def test_swapped_channels_are_found(colours, pictures):
    dense = np.eye(3)[::-1], np.zeros(3)
    with pytest.raises(ModelError, match=r"names red\.png class 2\. Try: pip download"):
        check_head(Converted(colours, dense), "pip download")


def test_what_cannot_be_checked_is_said(colours, pictures):
    assert "no classes of these weights" in check_head(Converted(colours), "hint")
    for path in pictures.values():
        path.unlink()
    dense = np.eye(3), np.zeros(3)
    line = check_head(Converted(colours, dense), "hint")
    assert line == "not checked on pictures: scikit-image is not installed"


def test_the_pictures_are_those_of_the_package():
    found = head_check._pictures(32)
    if not found:
        pytest.skip("scikit-image is not installed")
    assert list(found) == list(head_check.PICTURES)
    assert all(rgb.shape == (32, 32, 3) for rgb in found.values())
    red, _, blue = found["coffee.png"].mean((0, 1))
    assert red > 1.5 * blue  # RGB
