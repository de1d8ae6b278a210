"""A run's phases: the head alone on a frozen base, then what of the base is let loose."""

from dataclasses import dataclass

from train.engine import keras
from train.fitting.settings import FitSettings, fixed_base, from_scratch


@dataclass(frozen=True)
class Phase:
    """Consecutive epochs in which the same layers learn in the same way."""

    name: str
    first: int  # epoch, counted from 0 over the whole run
    last: int  # the epoch after its last
    unfreeze: str  # "all", "none", or the first layer of the base that learns
    bottleneck: bool  # on features that the base gave once
    optimizer: str
    learning_rate: float
    schedule: str


def phases(settings: FitSettings) -> list[Phase]:
    """Return one phase or two, in their order."""
    settings = from_scratch(settings)
    frozen, last = settings.frozen_epochs, settings.frozen_epochs + settings.epochs
    main = Phase(
        "fine-tuning" if frozen else "training",
        frozen,
        last,
        settings.unfreeze,
        settings.bottleneck and fixed_base(settings),
        settings.optimizer,
        settings.learning_rate,
        settings.schedule,
    )
    if not frozen:
        return [main]
    before = Phase(
        "frozen base",
        0,
        frozen,
        "none",
        settings.bottleneck,
        settings.frozen_optimizer,
        settings.frozen_learning_rate,
        "constant",
    )
    return [before, main]


def learning_rate(phase: Phase, settings: FitSettings, steps: int):
    """Return a phase's learning rate over its `steps`: constant, or warm-up and a cosine."""
    if phase.schedule == "constant":
        return phase.learning_rate
    warmup = max(1, round(settings.warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, steps - warmup),
        warmup_target=phase.learning_rate,
        warmup_steps=warmup,
    )


def optimizer(phase: Phase, settings: FitSettings, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of a phase that has `steps` steps."""
    options = {"use_ema": settings.ema > 0, "ema_momentum": settings.ema or 0.99}
    kind = {
        "adamw": keras.optimizers.AdamW,
        "adam": keras.optimizers.Adam,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }[phase.optimizer]
    if phase.optimizer == "adamw":
        options["weight_decay"] = settings.weight_decay
    if phase.optimizer == "sgd":
        options["momentum"] = 0.9  # without it such small rates hardly move
    return kind(learning_rate(phase, settings, steps), **options)
