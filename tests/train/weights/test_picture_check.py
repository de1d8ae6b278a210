"""Converted weights are checked by what the network computes for pictures."""

import cv2
import numpy as np
import pytest

from device.errors import ModelError
from train.keras_import import keras
from train.weights import picture_check
from train.weights.inceptionv3 import PICTURES
from train.weights.picture_check import FEATURE_PICTURES, check_pictures
from train.weights.sources import IMAGENET, Classes, Converted

RED, BLUE = (0, 0, 255), (255, 0, 0)  # BGR
SHOWN = {"red.png": {0: "red"}, "blue.png": {2: "blue"}}


def feed(rgb):
    return (rgb.astype(np.float32) - 127) / 127.5


def classes(*dense):
    return Classes(dense, SHOWN)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A red and a blue picture, which show the classes 0 and 2."""
    paths = {}
    for name, colour in (("red.png", RED), ("blue.png", BLUE)):
        paths[name] = tmp_path / name
        cv2.imwrite(str(paths[name]), np.full((20, 30, 3), colour, np.uint8))
    monkeypatch.setattr(picture_check, "FEATURE_PICTURES", tuple(paths))
    monkeypatch.setattr(picture_check, "find_in_package", lambda package, name: paths[name])
    return paths


@pytest.fixture(scope="module")
def colours():
    """A network whose features are the mean R, G and B."""
    crop = keras.Input((16, 16, 3))
    return keras.Model(crop, keras.layers.AveragePooling2D(2)(crop))


def test_a_network_that_names_the_pictures(colours, pictures):
    line = check_pictures(Converted(colours, classes((np.eye(3), np.zeros(3)))), feed, "hint")
    # Logits (128, -127, -127) / 127.5: exp(2) / (exp(2) + 2) of the whole.
    assert line == "names 2 of 2 pictures rightly: red 0.787, blue 0.787"


def test_hidden_layers_have_relu(colours, pictures):
    head = classes((np.eye(3), np.zeros(3)), (np.eye(3), np.zeros(3)))
    line = check_pictures(Converted(colours, head), feed, "hint")
    # Logits 128 / 127.5, 0, 0: 2.73 / (2.73 + 2) of the whole.
    assert line == "names 2 of 2 pictures rightly: red 0.577, blue 0.577"


def test_it_is_compared_with_the_original(colours, pictures):
    head = classes((np.eye(3), np.zeros(3)))
    original = Converted(colours, head, lambda rgb: np.array([0.75, 0.106, 0.106]))
    line = check_pictures(original, feed, "hint")
    assert line.endswith("at most 0.681 from the original's probabilities")


def test_swapped_channels_are_found(colours, pictures):
    head = classes((np.eye(3)[::-1], np.zeros(3)))
    with pytest.raises(ModelError, match=r"names red\.png class 2\. Try: pip download"):
        check_pictures(Converted(colours, head), feed, "pip download")


@pytest.mark.parametrize("difference, fits", [(0.02, True), (0.1, False), (np.nan, False)])
def test_features_are_compared_with_the_original(colours, pictures, difference, fits):
    def original(rgb):
        features = feed(rgb)[::2, ::2]
        return features + difference * features.max()

    converted = Converted(colours, features=original)
    if fits:  # 0.02 of 1.02
        line = check_pictures(converted, feed, "hint")
        assert line.startswith("features of 2 pictures") and "at most 0.0196 of" in line
    else:
        with pytest.raises(ModelError, match=r"features of red\.png differ .*Try: pip download"):
            check_pictures(converted, feed, "pip download")


def test_what_cannot_be_checked_is_said(colours, pictures):
    assert "no classes of these weights" in check_pictures(Converted(colours), feed, "hint")
    for path in pictures.values():
        path.unlink()
    converted = Converted(colours, classes((np.eye(3), np.zeros(3))))
    line = check_pictures(converted, feed, "hint")
    assert line == "not checked on pictures: scikit-image is not installed"


@pytest.mark.parametrize("names", [IMAGENET, PICTURES, FEATURE_PICTURES])
def test_the_pictures_are_those_of_the_package(names):
    found = picture_check._pictures(32, names)
    if not found:
        pytest.skip("scikit-image is not installed")
    assert list(found) == list(names)
    assert all(rgb.shape == (32, 32, 3) for rgb in found.values())
    red, _, blue = found["coffee.png"].mean((0, 1))
    assert red > 1.5 * blue  # RGB
