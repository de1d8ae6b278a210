"""The settings of a training run: default, meaning and limits of each.

A recipe (train/recipes/*.toml) sets some of them; each is also a flag of train.fit.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from device.errors import UsageError, nearest
from train.data.augment import Augmentation
from train.network.head import OUTPUTS, POOLINGS

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
DISTRIBUTIONS = ("none", "gpus", "workers")
METRICS = ("", *(part + name for part in ("", "val_") for name in ("loss", "accuracy", "auc")))
OPTIMIZERS = ("adamw", "adam", "sgd", "rmsprop")
SCHEDULES = ("cosine", "constant")
FROM_SCRATCH = "none"


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True)
class FitSettings:
    """One training run's settings, saved beside its weights."""

    recipe: str = "attributes-base"
    about: str = ""  # one line on the recipe

    # Photos.
    attributes: tuple[str, ...] = _setting((), "to learn (all of the data's)")
    balanced: tuple[int, ...] = _setting(
        (), "photos of train, val and test, half of them with the one attribute (all)"
    )
    limit: int = _setting(0, "use only the first N photos of each split (all)")
    crop_wh: tuple[int, int] = _setting(
        (128, 160), "size of the crop, px; larger: more detail, slower"
    )

    # The model.
    backbone: str = _setting(
        "MobileNetV2", "one of keras.applications, EfficientNetLite2, ResNeXt50, SimpleCNN"
    )
    last_layer: str = _setting(
        "", "of the backbone; an earlier one makes a smaller model (its own)"
    )
    weights: str = _setting(
        "imagenet",
        '"imagenet", "none", a .weights.h5 file without top, or the model.keras of another run',
    )
    pooling: str = _setting("average", "of the backbone's features: average, or flatten")
    dense: tuple[int, ...] = _setting(
        (), "units of the head's hidden layers; more: larger capacity (no hidden layer)"
    )
    output: str = _setting("sigmoid", "one sigmoid unit per attribute, or a softmax over (no, yes)")
    dropout: float = _setting(0.2, "in the head; low overfits, high underfits")

    # Training.
    frozen_epochs: int = _setting(0, "epochs before the main ones in which only the head learns")
    frozen_optimizer: str = _setting("adam", "in the frozen epochs")
    frozen_learning_rate: float = _setting(1e-3, "in the frozen epochs")
    bottleneck: bool = _setting(
        False, "compute a frozen backbone's features once and cache them on disk; no augmentation"
    )
    epochs: int = _setting(5, "passes over the photos; too few underfit")
    unfreeze: str = _setting(
        "all", "part of the backbone that learns: all, none, or from the named layer on"
    )
    batch: int = _setting(32, "photos per step, over all replicas; more need more memory")
    optimizer: str = _setting("adamw", "adamw, adam, sgd or rmsprop")
    learning_rate: float = _setting(8e-4, "at its peak; high diverges, low learns little")
    schedule: str = _setting("cosine", "of the learning rate: cosine (down to 0), or constant")
    warmup: float = _setting(
        0.05, "share of all steps in which the learning rate rises; cosine only"
    )
    weight_decay: float = _setting(0.02, "of adamw; high underfits")
    early_stopping: str = _setting(
        "", "metric, such as val_loss, that stops the run and selects the best epoch (never)"
    )
    patience: int = _setting(3, "epochs without improvement until early_stopping stops the run")
    teacher: tuple[str, ...] = _setting(
        (), ".keras files of models whose mean prediction for each crop is mixed into its labels"
    )
    teacher_share: float = _setting(0.5, "weight of the teachers' prediction in each label, 0..1")
    teacher_input: tuple[int, int] | None = _setting(
        None, "size of the teachers' crops, px, of the same shape as --input (as --input)"
    )
    ema: float = _setting(0.0, "momentum of a running mean of the weights, such as 0.998 (off)")
    precision: str = _setting(
        "float32", "or mixed_bfloat16, mixed_float16, for accelerators that support it"
    )
    workers: int = _setting(
        0, "processes that make batches; with an accelerator, one per core (two threads)"
    )
    distribute: str = _setting(
        "none",
        "train on gpus of this computer, or on workers of TF_CONFIG",
    )
    seed: int = _setting(1, "of shuffling, augmentation and new weights")
    augmentation: Augmentation = field(default_factory=Augmentation)


# (setting, lowest, highest); the highest are far beyond use and catch typing errors.
RANGES = (
    ("limit", 0, 2**31),
    ("dropout", 0, 0.95),
    ("frozen_epochs", 0, 100_000),
    ("frozen_learning_rate", 1e-9, 10),
    ("epochs", 1, 100_000),
    ("batch", 1, 65_536),
    ("learning_rate", 1e-9, 10),
    ("warmup", 0, 1),
    ("weight_decay", 0, 10),
    ("patience", 0, 100_000),
    ("teacher_share", 0, 1),
    ("ema", 0, 0.9999),
    ("workers", 0, 1024),
    ("seed", 0, 2**32 - 1),
)
CHOICES = {
    "pooling": POOLINGS,
    "output": OUTPUTS,
    "optimizer": OPTIMIZERS,
    "frozen_optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "early_stopping": METRICS,
    "precision": PRECISIONS,
    "distribute": DISTRIBUTIONS,
}


def validated(settings: FitSettings, origin: str) -> FitSettings:
    """Return the settings; UsageError, which starts with `origin`, for one out of its limits."""
    for name, lowest, highest in RANGES:
        value = getattr(settings, name)
        if not lowest <= value <= highest:  # also refuses nan
            raise UsageError(f"{origin}: {name} = {value}, need {lowest} to {highest}")
    for name, known in CHOICES.items():
        if (value := getattr(settings, name)) not in known:
            raise UsageError(f"{origin}: {name} = {value!r}", nearest(value, known))
    for size in (settings.crop_wh, settings.teacher_input or settings.crop_wh):
        if len(size) != 2 or min(size) < 32:
            raise UsageError(f"{origin}: {size} is not a size such as 128x160, at least 32 px")
    if min(settings.dense, default=1) < 1:
        raise UsageError(f"{origin}: dense = {list(settings.dense)}, need at least 1 unit in each")
    if settings.balanced and (len(settings.balanced) != 3 or min(settings.balanced) < 2):
        raise UsageError(f"{origin}: balanced = {list(settings.balanced)}, need three counts")
    if settings.balanced and len(settings.attributes) != 1:
        raise UsageError(
            f"{origin}: balanced needs one attribute, got {len(settings.attributes) or 'all'}",
            "--attributes Smiling",
        )
    if settings.bottleneck and (settings.teacher or settings.teacher_input):
        raise UsageError(
            f"{origin}: teachers need crops, bottleneck has only features", "--no-bottleneck"
        )
    one_computer = settings.teacher or settings.teacher_input or settings.bottleneck
    if settings.distribute == "workers" and one_computer:
        raise UsageError(
            f"{origin}: teachers and bottleneck need a single computer", "--distribute gpus"
        )
    if not 0 <= settings.augmentation.mixup <= 0.5:
        raise UsageError(f"{origin}: mixup = {settings.augmentation.mixup}, need 0 to 0.5")
    return settings


def backbone_is_fixed(settings: FitSettings) -> bool:
    """Return whether the backbone keeps its weights in the main epochs too."""
    return settings.unfreeze == "none"


def from_scratch(settings: FitSettings) -> FitSettings:
    """Return the settings, with nothing frozen if there are no starting weights.

    A frozen backbone of random weights would never learn.
    """
    if settings.weights != FROM_SCRATCH:
        return settings
    return dataclasses.replace(settings, frozen_epochs=0, bottleneck=False, unfreeze="all")
