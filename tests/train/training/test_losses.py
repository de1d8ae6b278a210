"""Unknown labels, -1, change neither loss, gradients nor accuracy."""

import numpy as np
import pytest

from train.keras_import import keras
from train.network.distillation import Distiller, TeacherEnsemble
from train.training.losses import Accuracy, AreaUnderCurve, crossentropy

LABELS = np.array([[0, 1, 1], [1, 0.3, 0]], np.float32)
PREDICTED = np.array([[0.2, 0.7, 0.4], [0.9, 0.4, 0.6]], np.float32)


def with_unknown(labels, *cells):
    labels = labels.copy()
    for cell in cells:
        labels[cell] = -1
    return labels


def test_known_labels_have_the_loss_of_keras():
    np.testing.assert_allclose(
        np.asarray(crossentropy(LABELS, PREDICTED)),
        np.asarray(keras.ops.mean(keras.ops.binary_crossentropy(LABELS, PREDICTED), axis=-1)),
        rtol=1e-6,
    )


def test_an_unknown_label_has_no_loss_and_leaves_the_weight_of_the_others():
    labels = with_unknown(LABELS, (0, 1))
    known = -np.log(1 - 0.2) - np.log(0.4)
    loss = np.asarray(crossentropy(labels, PREDICTED))
    np.testing.assert_allclose(loss[0], known / 3, rtol=1e-5)
    np.testing.assert_allclose(loss[1], np.asarray(crossentropy(LABELS, PREDICTED))[1], rtol=1e-6)


@pytest.mark.parametrize("guess", [0.0, 0.001, 0.5, 1.0])
def test_the_prediction_of_an_unknown_label_changes_nothing(guess):
    labels, predicted = with_unknown(LABELS, (0, 1), (1, 2)), PREDICTED.copy()
    predicted[0, 1] = predicted[1, 2] = guess
    for function in (crossentropy, accuracy):
        before, after = (np.asarray(function(labels, p)) for p in (PREDICTED, predicted))
        np.testing.assert_array_equal(before, after)
    nothing = np.asarray(crossentropy(np.full((1, 3), -1, np.float32), predicted[:1]))
    np.testing.assert_array_equal(nothing, 0)


def accuracy(*batches):
    """Return the accuracy of batches of labels and predictions."""
    metric = Accuracy()
    for labels, predicted in zip(batches[::2], batches[1::2], strict=True):
        metric.update_state(labels, predicted)
    return float(metric.result())


def test_accuracy_is_of_the_known_labels_of_all_batches():
    assert accuracy(LABELS, PREDICTED) == pytest.approx(4 / 6)
    labels = with_unknown(LABELS, (0, 2), (1, 0), (1, 1))
    assert accuracy(labels, PREDICTED) == pytest.approx(2 / 3)
    nothing = np.full((1, 3), -1, np.float32)
    assert accuracy(labels, PREDICTED, nothing, PREDICTED[:1]) == pytest.approx(2 / 3)
    assert accuracy(labels, PREDICTED, LABELS, PREDICTED) == pytest.approx(6 / 9)
    assert Accuracy().name == "accuracy"


def trained(labels, crops):
    """Return the weights of a linear model after one step of gradient descent."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="sigmoid")(inputs))
    model.compile(keras.optimizers.SGD(0.5), loss=crossentropy, metrics=[Accuracy()])
    model.fit(crops, labels, epochs=1, batch_size=len(crops), verbose=0, shuffle=False)
    return model.get_weights()


def test_only_known_labels_have_a_gradient():
    crops = np.random.default_rng(0).random((2, 4), np.float32)
    labels = with_unknown(LABELS, (0, 1), (1, 1))
    kernel, bias = trained(labels, crops)
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    start, _ = keras.Model(inputs, keras.layers.Dense(3)(inputs)).get_weights()
    np.testing.assert_array_equal(kernel[:, 1], start[:, 1])
    assert bias[1] == 0
    all_known, _ = trained(LABELS, crops)
    np.testing.assert_allclose(kernel[:, (0, 2)], all_known[:, (0, 2)], rtol=1e-6)
    assert (all_known[:, 1] != start[:, 1]).any()


@pytest.mark.parametrize("share", [0.25, 0.0])
def test_a_student_learns_the_teachers_prediction_for_an_unknown_label(share):
    inputs = keras.Input((4,))
    network = keras.Model(inputs, keras.layers.Dense(3, activation="sigmoid")(inputs))
    learner = Distiller(network, TeacherEnsemble([]), share)
    learner.teachers = lambda crops: keras.ops.ones((2, 3)) * 0.5
    learner.compile(loss=crossentropy)
    labels = with_unknown(LABELS, (0, 1))
    loss = learner.compute_loss(np.zeros((2, 4)), labels, PREDICTED)
    mixed = (1 - share) * LABELS + share * 0.5
    mixed[0] = LABELS[0]  # the other labels of such a photo stay as they are
    mixed[0, 1] = 0.5 if share else -1  # without teachers it stays unknown
    expected = np.asarray(crossentropy(mixed, PREDICTED)).mean()
    np.testing.assert_allclose(float(loss), expected, rtol=1e-6)


@pytest.mark.parametrize("batch", [7, 40])
def test_the_area_under_the_curve_is_that_of_the_known_labels(batch):
    rng = np.random.default_rng(1)
    labels = (rng.random((40, 2)) < 0.4).astype(np.float32)
    predicted = np.clip(0.3 * labels + 0.6 * rng.random((40, 2)), 0, 1).astype(np.float32)
    unknown = rng.random((40, 2)) < 0.3
    expected = []
    for column in range(2):
        rows = ~unknown[:, column]
        plain = keras.metrics.AUC()
        plain.update_state(labels[rows, column], predicted[rows, column])
        expected.append(float(plain.result()))
    metric = AreaUnderCurve()
    labels[unknown] = -1
    for start in range(0, 40, batch):
        metric.update_state(labels[start : start + batch], predicted[start : start + batch])
    np.testing.assert_allclose(float(metric.result()), np.mean(expected), atol=1e-5)
    assert metric.name == "auc" and 0.5 < expected[0] < 1
