"""Distillation: a student learns from labels and from its teachers' predictions."""

import json

import numpy as np
import pytest

from device.errors import ModelError
from tests.train.conftest import LAST_LAYER, NAMES
from train.data.celeba import ATTRIBUTES, read_celeba
from train.data.loader import Batches
from train.data.select import with_attributes
from train.keras_import import keras
from train.network.build import build
from train.network.distillation import Distiller, TeacherEnsemble, load_teachers
from train.training import trainer
from train.training.config import FitSettings


def test_a_student_learns_from_labels_and_its_teachers_opinion_of_the_same_crop(run, data):
    train = with_attributes(read_celeba(data).splits["train"], NAMES)
    crops, labels = Batches(train, (64, 80), 4)[0]
    teacher = keras.models.load_model(run / "model.keras", compile=False)
    student = build(len(NAMES), (32, 40), "none", LAST_LAYER)
    small = keras.ops.image.resize(crops.astype(np.float32), (40, 32), antialias=True)
    said = teacher.predict(small, verbose=0)
    np.testing.assert_allclose(TeacherEnsemble([teacher, teacher])(crops), said, atol=1e-5)
    student_and_teacher = Distiller(student, TeacherEnsemble([teacher]), 0.75)
    student_and_teacher.compile(keras.optimizers.SGD(0.0), loss="binary_crossentropy")
    predicted = student_and_teacher(crops)
    np.testing.assert_allclose(predicted, student(small), atol=1e-5)

    def loss(against):
        return float(np.mean(keras.losses.binary_crossentropy(against, predicted)))

    def measured(training):
        return float(student_and_teacher.compute_loss(crops, labels, predicted, training=training))

    assert measured(True) == pytest.approx(loss(0.25 * labels + 0.75 * said), rel=1e-4)
    assert measured(False) == pytest.approx(loss(labels), rel=1e-4)
    before = teacher.get_weights()
    student_and_teacher.fit(crops, labels, verbose=0)
    for weight, old in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_a_view_without_teachers_leaves_the_labels_alone(run):
    student = keras.models.load_model(run / "model.keras", compile=False)
    height, width = student.input_shape[1:3]
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (4, 2 * height, 2 * width, 3), np.uint8)
    labels = rng.integers(0, 2, (4, student.output_shape[-1])).astype(np.float32)
    alone = Distiller(student, TeacherEnsemble([]), 0.0)
    alone.compile(loss="binary_crossentropy")
    said = alone(crops)
    plain = keras.ops.mean(keras.losses.binary_crossentropy(labels, said))
    loss = alone.compute_loss(x=crops, y=labels, y_pred=said, training=True)
    assert float(loss) == pytest.approx(float(plain), rel=1e-5)


def test_teachers_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ModelError, match="no float model"):
        settings = FitSettings(teacher=(str(tmp_path / "gone.keras"),))
        trainer.distiller(build(40, (32, 40), "none", LAST_LAYER), settings, ATTRIBUTES)


def save_teacher(folder, names, record):
    """Save a teacher with a random head, and the record of its attributes; return both."""
    folder.mkdir()
    model = build(len(names), (32, 40), "none", backbone="SimpleCNN")
    head = model.get_layer("attributes")
    rng = np.random.default_rng(len(names))
    head.set_weights([rng.normal(size=weight.shape) for weight in head.get_weights()])
    model.save(folder / "model.keras")
    if record:
        (folder / "settings.json").write_text(json.dumps({"settings": {}, "attributes": names}))
    return model, folder / "model.keras"


def test_outputs_of_teachers_are_found_by_name(tmp_path):
    first, first_file = save_teacher(tmp_path / "a", ("Male", "Smiling", "Young"), record=True)
    second, second_file = save_teacher(tmp_path / "b", ATTRIBUTES, record=False)
    crops = np.random.default_rng(0).integers(0, 256, (3, 40, 32, 3)).astype(np.float32)
    said = load_teachers([first_file, second_file], ("Young", "Male"))(crops)
    outputs = [
        np.asarray(first(crops))[:, [2, 0]],
        np.asarray(second(crops))[:, [ATTRIBUTES.index("Young"), ATTRIBUTES.index("Male")]],
    ]
    log_odds = sum(np.log(p) - np.log1p(-p) for p in outputs) / 2
    np.testing.assert_allclose(said, 1 / (1 + np.exp(-log_odds)), atol=1e-5)


def test_a_teacher_that_lacks_an_attribute_or_whose_outputs_nothing_names(tmp_path):
    _, file = save_teacher(tmp_path / "a", ("Male", "Young"), record=True)
    with pytest.raises(ModelError, match=r"does not know Smiling, Bald. Try: .*--without these"):
        load_teachers([file], ("Smiling", "Young", "Bald"))
    _, file = save_teacher(tmp_path / "b", ("Male", "Young"), record=False)
    with pytest.raises(ModelError, match=r"nothing names the 2 attributes.*settings\.json"):
        load_teachers([file], ("Male", "Young"))
