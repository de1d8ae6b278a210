"""What one training run is: every setting with its default, meaning and limits.

A recipe (train/recipes/*.toml) is a set of these, and each is a flag of train.fit as well.
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

    recipe: str = "attributes"
    about: str = ""  # the recipe in a line

    # Photos.
    attributes: tuple[str, ...] = _setting((), "which to learn (all that the data has)")
    balanced: tuple[int, ...] = _setting(
        (), "photos of train, val and test, half with and half without the one attribute (all)"
    )
    limit: int = _setting(0, "only the first N photos of each split (all)")
    crop_wh: tuple[int, int] = _setting(
        (128, 160), "size of the crop, px; larger sees more and runs slower"
    )

    # The model.
    backbone: str = _setting("MobileNetV2", "base: one of keras.applications, ResNeXt50, SimpleCNN")
    until: str = _setting("", "the base's last layer; an earlier one makes a smaller model")
    weights: str = _setting(
        "imagenet",
        '"imagenet", "none", a no-top .weights.h5 file, or the model.keras of another run',
    )
    pooling: str = _setting("average", "average over all places, or flatten them for the head")
    dense: tuple[int, ...] = _setting((), "units of the head's hidden layers; more fit more")
    output: str = _setting(
        "sigmoid", "one sigmoid unit per attribute, or a softmax over no and yes"
    )
    dropout: float = _setting(0.2, "in the head; low learns by heart, high learns slowly")

    # Training.
    frozen_epochs: int = _setting(0, "epochs before the others, in which the head alone learns")
    frozen_optimizer: str = _setting("adam", "in the frozen epochs")
    frozen_learning_rate: float = _setting(1e-3, "in the frozen epochs")
    bottleneck: bool = _setting(
        False, "compute a frozen base's features once and keep them on disk; no augmentation then"
    )
    epochs: int = _setting(5, "passes over the photos; few underfit")
    unfreeze: str = _setting("all", "of the base: all learns, none does, or from the layer named")
    batch: int = _setting(32, "photos a step, over all workers; many need memory")
    optimizer: str = _setting("adamw", "adamw, adam, sgd or rmsprop")
    learning_rate: float = _setting(8e-4, "at its peak; high diverges, low learns little")
    schedule: str = _setting("cosine", "of the learning rate: cosine (down to 0), or constant")
    warmup: float = _setting(0.05, "share of all steps in which the rate rises, with cosine")
    weight_decay: float = _setting(0.02, "of adamw; high underfits")
    early_stopping: str = _setting(
        "", "stop when this gets no better and keep the best epoch, such as val_loss (never)"
    )
    patience: int = _setting(3, "epochs without a better early_stopping until the stop")
    teacher: tuple[str, ...] = _setting(
        (), ".keras files of models whose mean opinion of each crop softens its labels"
    )
    teacher_share: float = _setting(0.5, "of each label that is the teachers' opinion, 0..1")
    view_wh: tuple[int, int] | None = _setting(
        None, "size of the crops that teachers see, in the shape of --input (as --input)"
    )
    ema: float = _setting(0.0, "keep the weights' running mean, of momentum such as 0.998 (off)")
    precision: str = _setting(
        "float32", "or mixed_bfloat16, mixed_float16: for accelerators that have it"
    )
    processes: int = _setting(
        0, "that cut the crops; as many as cores beside an accelerator (two threads)"
    )
    distribute: str = _setting(
        "none",
        "over several: gpus of this computer, or workers of TF_CONFIG; see fitting/cluster.py",
    )
    seed: int = _setting(1, "of shuffling, augmentation and fresh weights")
    augmentation: Augmentation = field(default_factory=Augmentation)


# (setting, lowest, highest); the highest are far beyond use, and catch slips of the finger.
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
    ("processes", 0, 1024),
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
    """Return the settings; UsageError, which begins with `origin`, for one out of its limits."""
    for name, lowest, highest in RANGES:
        value = getattr(settings, name)
        if not lowest <= value <= highest:  # also refuses nan
            raise UsageError(f"{origin}: {name} = {value}, need {lowest} to {highest}")
    for name, known in CHOICES.items():
        if (value := getattr(settings, name)) not in known:
            raise UsageError(f"{origin}: {name} = {value!r}", nearest(value, known))
    for size in (settings.crop_wh, settings.view_wh or settings.crop_wh):
        if len(size) != 2 or min(size) < 32:
            raise UsageError(f"{origin}: {size} is no size such as 128x160, 32 px at least")
    if min(settings.dense, default=1) < 1:
        raise UsageError(f"{origin}: dense = {list(settings.dense)}, need 1 unit at least in each")
    if settings.balanced and (len(settings.balanced) != 3 or min(settings.balanced) < 2):
        raise UsageError(f"{origin}: balanced = {list(settings.balanced)}, need three counts")
    if settings.balanced and len(settings.attributes) != 1:
        raise UsageError(
            f"{origin}: balanced needs one attribute, there are "
            f"{len(settings.attributes) or 'all'}",
            "Name it: --attributes Smiling",
        )
    if settings.bottleneck and (settings.teacher or settings.view_wh):
        raise UsageError(
            f"{origin}: teachers look at crops, bottleneck keeps none", "Add --no-bottleneck"
        )
    alone = settings.teacher or settings.view_wh or settings.bottleneck
    if settings.distribute == "workers" and alone:
        raise UsageError(
            f"{origin}: teachers and bottleneck are for one computer", "Use --distribute gpus"
        )
    if not 0 <= settings.augmentation.mix <= 0.5:
        raise UsageError(f"{origin}: mix = {settings.augmentation.mix}, need 0 to 0.5")
    return settings


def fixed_base(settings: FitSettings) -> bool:
    """Return whether the base keeps its weights in the main epochs too."""
    return settings.unfreeze == "none"


def from_scratch(settings: FitSettings) -> FitSettings:
    """Return what the settings come to without weights: nothing frozen, the whole learns at once.

    A base of random weights that never learns would be a recipe for nothing.
    """
    if settings.weights != FROM_SCRATCH:
        return settings
    return dataclasses.replace(settings, frozen_epochs=0, bottleneck=False, unfreeze="all")
