"""Distillation: a student learns from trained models that see the same crop.

CelebA's labels are noisy, those of subjective attributes above all. The mean prediction of
different models is less noisy, and better than each of them. It is computed for every augmented,
mixed crop, so every epoch has something new to learn.
Sources: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network; Beyer et
al. (2022), Knowledge distillation: A good teacher is patient and consistent.
"""

from collections.abc import Sequence
from pathlib import Path

from device.errors import ModelError
from train.keras_import import keras
from train.network.load import load_float
from train.network.transfer import attributes_of

EPSILON = 1e-6  # teachers' probabilities are kept this far from 0 and 1


class TeacherEnsemble(keras.Model):
    """The sigmoid of the teachers' mean log-odds for crops, float32 (B, A), 0..1.

    Each teacher sees the crops resized to its own input. columns: the numbers of each teacher's
    outputs that are used, in the order of the student's; without them, all.
    """

    def __init__(
        self, teachers: Sequence[keras.Model], columns: Sequence[Sequence[int]] | None = None
    ):
        super().__init__(name="teachers")
        self.teachers = list(teachers)
        self.columns = columns or [range(teacher.output_shape[-1]) for teacher in teachers]
        self.trainable = False
        self.built = True  # the teachers are

    def call(self, crops):
        crops = keras.ops.cast(crops, "float32")
        logits = []
        for teacher, columns in zip(self.teachers, self.columns, strict=True):
            resized = crops
            height, width = teacher.input_shape[1:3]
            if (height, width) != tuple(crops.shape[1:3]):
                resized = keras.ops.image.resize(crops, (height, width), antialias=True)
            probability = keras.ops.cast(teacher(resized, training=False), "float32")
            probability = keras.ops.take(probability, list(columns), axis=-1)
            probability = keras.ops.clip(probability, EPSILON, 1 - EPSILON)
            logits.append(keras.ops.log(probability) - keras.ops.log1p(-probability))
        return keras.ops.sigmoid(sum(logits) / len(logits))


def load_teachers(files: Sequence[Path], names: Sequence[str]) -> TeacherEnsemble:
    """Return the teachers in .keras files, with the outputs of the attributes `names` alone.

    A teacher may have others too, in any order: outputs are found by name (`attributes_of`). Raises
    ModelError for a file that is no model, a teacher whose outputs nothing names, and one that
    lacks an attribute.
    """
    teachers = [load_float(file) for file in files]
    outputs = [teacher.output_shape[-1] for teacher in teachers]
    return TeacherEnsemble(
        teachers, [_columns(file, count, names) for file, count in zip(files, outputs, strict=True)]
    )


def _columns(file: Path, outputs: int, names: Sequence[str]) -> list[int]:
    """Return the numbers of a teacher's outputs that are these attributes."""
    theirs = attributes_of(file, outputs)
    if not theirs:
        raise ModelError(
            f"nothing names the {outputs} attributes of the teacher {file}",
            "its run's settings.json, or its card, in the same folder",
        )
    lacking = [name for name in names if name not in theirs]
    if lacking:
        raise ModelError(
            f"the teacher {file} does not know {', '.join(lacking)}",
            "another --teacher, or --without these",
        )
    return [theirs.index(name) for name in names]


class Distiller(keras.Model):
    """A student whose training labels are, with weight `share`, the teachers' predictions.

    Unknown labels (-1) are the teachers' predictions; the other labels of such a photo are kept as
    they are.
    Crops come at the teachers' input size; the student sees them resized to its own.
    """

    def __init__(self, student: keras.Model, teachers: TeacherEnsemble, share: float):
        super().__init__(name="distiller")
        self.student, self.teachers, self.share = student, teachers, share
        self.built = True  # student and teachers are

    def call(self, crops, training=False):
        height, width = self.student.input_shape[1:3]
        crops = keras.ops.cast(crops, "float32")
        if (height, width) != tuple(crops.shape[1:3]):
            crops = keras.ops.image.resize(crops, (height, width), antialias=True)
        return self.student(crops, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if training and self.share:  # 0 without teachers
            predicted = keras.ops.stop_gradient(self.teachers(x))
            mixed = (1 - self.share) * y + self.share * predicted
            unknown = y < 0
            # Photos with unknown labels have the others from records, not from annotators.
            recorded = keras.ops.any(unknown, axis=-1, keepdims=True)
            y = keras.ops.where(unknown, predicted, keras.ops.where(recorded, y, mixed))
        return super().compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
        )
