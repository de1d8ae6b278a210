"""Build a classifier's head: pooled features in, one probability per attribute out."""

from dataclasses import dataclass

from train.engine import keras

POOLINGS = ("average", "flatten")
OUTPUTS = ("sigmoid", "softmax")


@dataclass(frozen=True)
class Head:
    """What stands on a base. dropout follows each hidden layer, or the pool where there is none."""

    pooling: str = "average"  # of POOLINGS
    dense: tuple[int, ...] = ()  # units of the hidden layers
    output: str = "sigmoid"  # of OUTPUTS
    dropout: float = 0.2

    def pool(self) -> keras.layers.Layer:
        """Return the layer without weights that turns a base's (B, h, w, C) into (B, features)."""
        if self.pooling == "flatten":
            return keras.layers.Flatten(name="pool")
        return keras.layers.GlobalAveragePooling2D(name="pool")

    def layers(self, attributes: int) -> list[keras.layers.Layer]:
        """Return the layers that follow the pool, each of which takes what the one before gives."""
        chain: list[keras.layers.Layer] = []
        for number, units in enumerate(self.dense, 1):
            chain.append(keras.layers.Dense(units, activation="relu", name=f"dense_{number}"))
            chain.append(keras.layers.Dropout(self.dropout, name=f"dropout_{number}"))
        if not self.dense:
            chain.append(keras.layers.Dropout(self.dropout, name="dropout"))
        return chain + (_softmax(attributes) if self.output == "softmax" else _sigmoid(attributes))


def _sigmoid(attributes: int) -> list[keras.layers.Layer]:
    # float32 under mixed precision too: probabilities near 0 and 1 would round to them.
    return [
        keras.layers.Dense(attributes, activation="sigmoid", dtype="float32", name="attributes")
    ]


def _softmax(attributes: int) -> list[keras.layers.Layer]:
    """Return a softmax over (no, yes) for each attribute, of which the yes goes on.

    The binary cross-entropy of that probability is the categorical one of the pair, so nothing
    else needs to know of two classes. Cropping, since a slice is no layer.
    """
    return [
        keras.layers.Dense(2 * attributes, dtype="float32", name="attributes"),
        keras.layers.Reshape((attributes, 2), dtype="float32", name="pairs"),
        keras.layers.Softmax(dtype="float32", name="softmax"),
        keras.layers.Reshape((attributes, 2, 1), dtype="float32", name="grid"),
        keras.layers.Cropping2D(((0, 0), (1, 0)), dtype="float32", name="yes"),
        keras.layers.Reshape((attributes,), dtype="float32", name="probabilities"),
    ]
