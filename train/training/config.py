"""The schema of a training run's settings: default, unit, limits and meaning of each.

A recipe (train/recipes/*.toml) sets some of them; flags of train.fit override them.
"""

from typing import Annotated

import msgspec

from device.config import Table
from device.config import about as setting  # `about` is also a setting
from device.errors import UsageError
from train.data.augment import Augmentation

DISTRIBUTIONS = ("none", "gpus", "workers")
METRICS = (*(part + name for part in ("", "val_") for name in ("loss", "accuracy", "auc")),)
OPTIMIZERS = ("adamw", "adam", "sgd", "rmsprop")
FROM_SCRATCH = "none"

# The highest values are far beyond use, and catch typing errors.
PHOTOS = 1_000_000_000
EPOCHS = 100_000
SIDE = (32, 16384)  # px
RATE = (1e-9, 10)
RATE_EFFECTS = ("learns little", "diverges")
SHARE = (0, 1)


# fmt: off
# Tables: a setting in three lines, not ten.
class FitSettings(Table, frozen=True):
    """The photos, the model and the training. The sizes are width, then height."""

    recipe: str = "attributes-base"  # the name of the recipe's file, not a key in it
    about: Annotated[str, setting("one line on the recipe, which `train.recipe` lists")] = ""

    # Photos.
    attributes: Annotated[tuple[str, ...], setting(
        "attributes to learn, all of the data's if empty", flag="--attributes NAME", nargs="*",
    )] = ()
    without: Annotated[tuple[str, ...], setting(
        "attributes to leave out, labels and teachers' predictions alike", flag="--without NAME",
        nargs="*",
    )] = ()
    balanced: Annotated[tuple[int, ...], setting(
        "counts of train, val and test photos, half of them with the one attribute; all if empty "
        "(--balanced 0)",
        "photos", (2, PHOTOS), flag="--balanced N", nargs="*",
    )] = ()
    limit: Annotated[int, setting(
        "use only the first photos of each split, and as many of each folder of --more, "
        "evenly spaced; 0: all", "photos", (0, PHOTOS), flag="--limit N",
    )] = 0
    more: Annotated[tuple[str, ...], setting(
        "folders of further photos to train on, of which some labels may be unknown: CelebA's "
        "layout, or aligned UTKFace (`train.utkface`)",
        flag="--more DIR", nargs="*",
    )] = ()
    balance: Annotated[float, setting(
        "draw the groups of gender and age, and of race where it is known, more evenly: 0 draws "
        "each photo once per epoch, 1 each group equally often (a photo up to 4 times)", "", SHARE,
        flag="--balance X",
    )] = 0.0
    input: Annotated[tuple[int, int], setting(
        "size of the crop", "px", SIDE, ("faster", "more detail, slower"), flag="--input WxH",
    )] = (128, 160)

    # The model.
    backbone: Annotated[str, setting(
        "one of keras.applications, or EfficientNetLite2, EfficientNetLite3, FlattenCNN, "
        "ResNeXt50, SimpleCNN",
        flag="--backbone NAME",
    )] = "MobileNetV2"
    last_layer: Annotated[str, setting(
        "last layer of the backbone, its own if empty; an earlier one makes a smaller model",
        flag="--last-layer NAME",
    )] = ""
    weights: Annotated[str, setting(
        "starting weights: imagenet, none, a .weights.h5 or .h5 file without top, or the "
        "model.keras of another run, also one of other attributes",
        flag="--weights FILE",
    )] = "imagenet"
    preprocessing: Annotated[str, setting(
        "scaling of the crop's bytes: own (what the backbone's published weights expect), or "
        "signed (-1 to 1, to train from scratch)",
        choices=("own", "signed"), flag="--preprocessing NAME",
    )] = "own"
    pooling: Annotated[str, setting(
        "pooling of the backbone's features", choices=("average", "flatten"),
        flag="--pooling NAME",
    )] = "average"
    dense: Annotated[tuple[int, ...], setting(
        "units of each hidden layer of the head, none if empty", "", (1, 65_536),
        ("", "larger capacity"), flag="--dense N", nargs="*",
    )] = ()
    output: Annotated[str, setting(
        "sigmoid (one unit per attribute), or softmax (over no and yes)",
        choices=("sigmoid", "softmax"), flag="--output NAME",
    )] = "sigmoid"
    dropout: Annotated[float, setting(
        "dropout in the head", "", (0, 0.95), ("overfits", "underfits"), flag="--dropout X",
    )] = 0.2

    # Training.
    frozen_epochs: Annotated[int, setting(
        "epochs before the main ones, in which only the head learns", "epochs", (0, EPOCHS),
        flag="--frozen-epochs N",
    )] = 0
    frozen_optimizer: Annotated[str, setting(
        "optimizer of the frozen epochs", choices=OPTIMIZERS,
        flag="--frozen-optimizer NAME",
    )] = "adam"
    frozen_learning_rate: Annotated[float, setting(
        "learning rate of the frozen epochs", "", RATE, RATE_EFFECTS,
        flag="--frozen-learning-rate X",
    )] = 1e-3
    bottleneck: Annotated[bool, setting(
        "compute a frozen backbone's features once and cache them on disk; no augmentation",
        flag="--bottleneck",
    )] = False
    epochs: Annotated[int, setting(
        "passes over the photos", "epochs", (1, EPOCHS), ("underfits", "slower, overfits"),
        flag="--epochs N",
    )] = 5
    unfreeze: Annotated[str, setting(
        "part of the backbone that learns: all, none, or from the named layer on",
        flag="--unfreeze NAME",
    )] = "all"
    batch: Annotated[int, setting(
        "photos per step, over all replicas", "photos", (1, 65_536),
        ("slower", "more memory"), flag="--batch N",
    )] = 32
    optimizer: Annotated[str, setting(
        "optimizer of the main epochs", choices=OPTIMIZERS, flag="--optimizer NAME",
    )] = "adamw"
    learning_rate: Annotated[float, setting(
        "highest learning rate", "", RATE, RATE_EFFECTS, flag="--learning-rate X",
    )] = 8e-4
    schedule: Annotated[str, setting(
        "learning rate over time: cosine (down to 0), or constant", choices=("cosine", "constant"),
        flag="--schedule NAME",
    )] = "cosine"
    warmup: Annotated[float, setting(
        "share of all steps in which the learning rate rises; only with cosine", "", SHARE,
        flag="--warmup SHARE",
    )] = 0.05
    weight_decay: Annotated[float, setting(
        "weight decay of adamw", "", (0, 10), ("overfits", "underfits"), flag="--weight-decay X",
    )] = 0.02
    early_stopping: Annotated[str, setting(
        "metric that stops the run and selects the best epoch; none if empty",
        choices=("", *METRICS), flag="--early-stopping METRIC",
    )] = ""
    patience: Annotated[int, setting(
        "epochs without improvement after which early_stopping stops the run", "epochs",
        (0, EPOCHS), flag="--patience N",
    )] = 3
    teacher: Annotated[tuple[str, ...], setting(
        ".keras files of models whose mean prediction for each crop is mixed into its labels",
        flag="--teacher FILE", nargs="*",
    )] = ()
    teacher_share: Annotated[float, setting(
        "weight of the teachers' prediction in each label", "", SHARE, flag="--teacher-share SHARE",
    )] = 0.5
    teacher_input: Annotated[tuple[int, int] | None, setting(
        "size of the teachers' crops, of the same shape as input; without it, that of input", "px",
        SIDE, flag="--teacher-input WxH", example=(144, 180),
    )] = None
    ema: Annotated[float, setting(
        "momentum of a running mean of the weights, such as 0.998; 0: no mean", "", (0, 0.9999),
        flag="--ema X",
    )] = 0.0
    precision: Annotated[str, setting(
        "number format of the computation; the mixed ones are for accelerators that support them",
        choices=("float32", "mixed_bfloat16", "mixed_float16"), flag="--precision NAME",
    )] = "float32"
    workers: Annotated[int, setting(
        "processes that make batches, with an accelerator one per core; 0: two threads",
        "processes", (0, 1024), flag="--workers N",
    )] = 0
    distribute: Annotated[str, setting(
        "none, gpus (all of this computer), or workers (the computers of TF_CONFIG)",
        choices=DISTRIBUTIONS, flag="--distribute NAME",
    )] = "none"
    seed: Annotated[int, setting(
        "seed of shuffling, augmentation and new weights", "", (0, 2**32 - 1), flag="--seed N",
    )] = 1
    augmentation: Augmentation = Augmentation()
    # fmt: on

    def check(self, origin: str) -> None:
        if self.balanced and len(self.balanced) != 3:
            raise UsageError(
                f"{origin} balanced = {list(self.balanced)}, need three counts",
                "--balanced 500 100 100",
            )
        if self.balanced and len(self.attributes) != 1:
            raise UsageError(
                f"{origin} balanced needs one attribute, got {len(self.attributes) or 'all'}",
                "--attributes Smiling",
            )
        if self.preprocessing != "own" and self.weights == "imagenet":
            raise UsageError(
                f"{origin} the weights imagenet expect the backbone's own preprocessing, not "
                f"{self.preprocessing}",
                f"--preprocessing own, or --weights {FROM_SCRATCH}",
            )
        teachers = self.teacher or self.teacher_input
        if self.bottleneck and teachers:
            raise UsageError(
                f"{origin} teachers need crops, bottleneck has only features", "--no-bottleneck"
            )
        if self.distribute == "workers" and (teachers or self.bottleneck):
            raise UsageError(
                f"{origin} teachers and bottleneck need a single computer", "--distribute gpus"
            )


def check_early_stopping(settings: FitSettings, validation_photos: int) -> None:
    """Raise UsageError if the metric of early_stopping is on validation photos without any."""
    metric = settings.early_stopping
    if metric.startswith("val_") and not validation_photos:
        raise UsageError(
            f"early_stopping {metric} needs validation photos, the data has none",
            f"--early-stopping {metric.removeprefix('val_')}, or --early-stopping ''",
        )


def backbone_is_fixed(settings: FitSettings) -> bool:
    """Return whether the backbone keeps its weights in the main epochs too."""
    return settings.unfreeze == "none"


def from_scratch(settings: FitSettings) -> FitSettings:
    """Return the settings, with nothing frozen if there are no starting weights.

    A frozen backbone of random weights would never learn. The frozen epochs become main ones.
    """
    if settings.weights != FROM_SCRATCH:
        return settings
    epochs = settings.frozen_epochs + settings.epochs
    return msgspec.structs.replace(
        settings, frozen_epochs=0, epochs=epochs, bottleneck=False, unfreeze="all"
    )


def from_scratch_line(settings: FitSettings) -> str:
    """Return what a run without starting weights trains instead of its settings; "" if the same."""
    changed = from_scratch(settings)
    if changed == settings:
        return ""
    frozen = settings.frozen_epochs
    line = f"weights none: nothing is frozen, the whole network trains for {changed.epochs} epochs"
    return line + (f", {frozen} of them instead of the frozen ones" if frozen else "")
