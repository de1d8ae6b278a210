"""The smile capstone's benchmark: a plain CNN of three blocks."""

import numpy as np

from train.keras_import import keras

layers = keras.layers


def SimpleCNN(input_shape: tuple[int, int, int], name: str = "simple_cnn") -> keras.Model:
    """Return the network without a top: three times Conv2D, MaxPooling2D and Dropout 0.25."""
    crop = keras.Input(input_shape)
    x = crop
    for number, filters in enumerate((32, 64, 128), 1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
        x = layers.Dropout(0.25, name=f"drop{number}")(x)
    return keras.Model(crop, x, name=name)


def preprocess_input(rgb: np.ndarray) -> np.ndarray:
    """Return bytes scaled to 0..1."""
    return rgb / 255
