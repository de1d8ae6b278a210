"""Loss and metrics over the labels that are known; -1 is an unknown one."""

from train.keras_import import keras


def crossentropy(labels, probabilities):
    """Return the mean binary cross-entropy of each photo, (B,), in nats.

    labels: (B, A), 0..1, or -1 for an unknown one, whose cross-entropy counts as 0: every known
    label has the same weight, however many a photo has.
    """
    known = keras.ops.cast(labels >= 0, "float32")
    losses = keras.ops.binary_crossentropy(keras.ops.maximum(labels, 0.0), probabilities)
    return keras.ops.mean(losses * known, axis=-1)


class Accuracy(keras.metrics.Mean):
    """The share of the known labels that are on the right side of 1/2; mixed ones are rounded."""

    def __init__(self, name="accuracy", **options):
        super().__init__(name=name, **options)

    def update_state(self, y_true, y_pred, sample_weight=None):
        known = keras.ops.cast(y_true >= 0, "float32")
        same = keras.ops.cast(keras.ops.equal(y_true > 0.5, y_pred > 0.5), "float32")
        super().update_state(same, sample_weight=known)


class AreaUnderCurve(keras.metrics.AUC):
    """The mean over attributes of the area under the ROC curve of the known labels."""

    def __init__(self, name="auc", **options):
        super().__init__(multi_label=True, name=name, **options)

    def update_state(self, y_true, y_pred, sample_weight=None):
        known = keras.ops.cast(y_true >= 0, "float32")
        super().update_state(keras.ops.maximum(y_true, 0.0), y_pred, sample_weight=known)
