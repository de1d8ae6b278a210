"""Two plain CNNs to train from scratch: the smile capstone's, and one for a Flatten head."""

import numpy as np

from train.keras_import import keras

layers = keras.layers


def SimpleCNN(input_shape: tuple[int, int, int], name: str = "simple_cnn") -> keras.Model:
    """Return the capstone's network without a top: four times Conv2D and MaxPooling2D.

    One of its two Dropouts of 0.25 follows the second block, the other is the head's.
    """
    crop = keras.Input(input_shape)
    x = crop
    for number, filters in enumerate((16, 32, 64, 128), 1):
        x = _block(x, filters, number)
        if number == 2:
            x = layers.Dropout(0.25, name="drop2")(x)
    return keras.Model(crop, x, name=name)


def FlattenCNN(input_shape: tuple[int, int, int], name: str = "flatten_cnn") -> keras.Model:
    """Return a network without a top: three times Conv2D, MaxPooling2D and Dropout 0.25."""
    crop = keras.Input(input_shape)
    x = crop
    for number, filters in enumerate((32, 64, 128), 1):
        x = layers.Dropout(0.25, name=f"drop{number}")(_block(x, filters, number))
    return keras.Model(crop, x, name=name)


def _block(x: keras.KerasTensor, filters: int, number: int) -> keras.KerasTensor:
    conv = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")
    return layers.MaxPooling2D(name=f"pool{number}")(conv(x))


def preprocess_input(rgb: np.ndarray) -> np.ndarray:
    """Return bytes scaled to 0..1."""
    return rgb / 255
