"""Build a classifier's head: pooled features in, one probability per attribute out."""

from dataclasses import dataclass

from train.keras_import import keras


@dataclass(frozen=True)
class Head:
    """The layers behind a backbone. Dropout follows each hidden layer, or the pool if none."""

    pooling: str = "average"  # or "flatten"
    dense: tuple[int, ...] = ()  # units of the hidden layers
    output: str = "sigmoid"  # or "softmax"
    dropout: float = 0.2

    def pool(self) -> keras.layers.Layer:
        """Return the layer that turns a backbone's (B, h, w, C) into (B, features)."""
        if self.pooling == "flatten":
            return keras.layers.Flatten(name="pool")
        return keras.layers.GlobalAveragePooling2D(name="pool")

    def layers(self, attributes: int) -> list[keras.layers.Layer]:
        """Return the layers that follow the pool, in the order of the data."""
        chain: list[keras.layers.Layer] = []
        for number, units in enumerate(self.dense, 1):
            chain.append(keras.layers.Dense(units, activation="relu", name=f"dense_{number}"))
            chain.append(keras.layers.Dropout(self.dropout, name=f"dropout_{number}"))
        if not self.dense:
            chain.append(keras.layers.Dropout(self.dropout, name="dropout"))
        return chain + (_softmax(attributes) if self.output == "softmax" else _sigmoid(attributes))


def _sigmoid(attributes: int) -> list[keras.layers.Layer]:
    # float32 in mixed precision too: otherwise probabilities near 0 and 1 are rounded to them.
    return [
        keras.layers.Dense(attributes, activation="sigmoid", dtype="float32", name="attributes")
    ]


def _softmax(attributes: int) -> list[keras.layers.Layer]:
    """Return layers for a softmax over (no, yes) per attribute; the output is that of yes.

    The binary cross-entropy of that probability equals the categorical one of the pair, so no
    other code handles two classes. Cropping2D, because a slice is not a layer.
    """
    return [
        keras.layers.Dense(2 * attributes, dtype="float32", name="attributes"),
        keras.layers.Reshape((attributes, 2), dtype="float32", name="pairs"),
        keras.layers.Softmax(dtype="float32", name="softmax"),
        keras.layers.Reshape((attributes, 2, 1), dtype="float32", name="grid"),
        keras.layers.Cropping2D(((0, 0), (1, 0)), dtype="float32", name="yes"),
        keras.layers.Reshape((attributes,), dtype="float32", name="probabilities"),
    ]
