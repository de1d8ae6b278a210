"""Let a student learn from trained models that see the very crop it sees: distillation.

CelebA's labels are noisy, in matters of opinion above all. The mean opinion of unlike models is
steadier, and better than each of them. It is asked for every varied, mixed crop anew, so that
there is something to learn in every epoch.
Sources: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network; Beyer et
al. (2022), Knowledge distillation: A good teacher is patient and consistent.
"""

from collections.abc import Sequence

from train.engine import keras

CLEAR = 1e-6  # opinions are at least so far from 0 and 1


class Opinion(keras.Model):
    """What several models say of crops: the sigmoid of their mean log-odds, float32 (B, A), 0..1.

    Each sees the crops at its own size, whatever size they come in.
    """

    def __init__(self, teachers: Sequence[keras.Model]):
        super().__init__(name="opinion")
        self.teachers = list(teachers)
        self.trainable = False
        self.built = True  # of models that are

    def call(self, crops):
        crops = keras.ops.cast(crops, "float32")
        logits = []
        for teacher in self.teachers:
            seen = crops
            height, width = teacher.input_shape[1:3]
            if (height, width) != tuple(crops.shape[1:3]):
                seen = keras.ops.image.resize(crops, (height, width), antialias=True)
            said = keras.ops.cast(teacher(seen, training=False), "float32")
            said = keras.ops.clip(said, CLEAR, 1 - CLEAR)
            logits.append(keras.ops.log(said) - keras.ops.log1p(-said))
        return keras.ops.sigmoid(sum(logits) / len(logits))


class Taught(keras.Model):
    """A student whose labels are, in training, for `share` its teachers' opinion.

    Crops come at `crop_wh`, the student sees them at its own size: teachers may see more.
    """

    def __init__(self, student: keras.Model, opinion: Opinion, share: float):
        super().__init__(name="taught")
        self.student, self.opinion, self.share = student, opinion, share
        self.built = True  # of models that are

    def call(self, crops, training=False):
        height, width = self.student.input_shape[1:3]
        crops = keras.ops.cast(crops, "float32")
        if (height, width) != tuple(crops.shape[1:3]):
            crops = keras.ops.image.resize(crops, (height, width), antialias=True)
        return self.student(crops, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if training and self.share:  # without teachers there is nobody to ask
            opinion = keras.ops.stop_gradient(self.opinion(x))
            y = (1 - self.share) * y + self.share * opinion
        return super().compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
        )
