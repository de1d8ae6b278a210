"""A run's phases: optionally the head alone on a frozen backbone, then the main epochs."""

from dataclasses import dataclass

from train.keras_import import keras
from train.training.config import FitSettings, backbone_is_fixed, from_scratch

HEAD_ONLY = "frozen backbone"


@dataclass(frozen=True)
class Phase:
    """Consecutive epochs with the same trainable layers and optimizer."""

    name: str
    first: int  # epoch, counted from 0 over the whole run
    last: int  # the epoch after its last
    unfreeze: str  # "all", "none", or the first layer of the backbone that learns
    bottleneck: bool  # on cached features of the backbone
    optimizer: str
    learning_rate: float
    schedule: str


def phases(settings: FitSettings) -> list[Phase]:
    """Return the one or two phases of a run, in order."""
    settings = from_scratch(settings)
    frozen, last = settings.frozen_epochs, settings.frozen_epochs + settings.epochs
    main = Phase(
        name="fine-tuning" if frozen else "training",
        first=frozen,
        last=last,
        unfreeze=settings.unfreeze,
        bottleneck=settings.bottleneck and backbone_is_fixed(settings),
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
    )
    if not frozen:
        return [main]
    head_only = Phase(
        name=HEAD_ONLY,
        first=0,
        last=frozen,
        unfreeze="none",
        bottleneck=settings.bottleneck,
        optimizer=settings.frozen_optimizer,
        learning_rate=settings.frozen_learning_rate,
        schedule="constant",
    )
    return [head_only, main]


def rate_flag(phase: Phase) -> str:
    """Return the flag of train.fit that sets a phase's learning rate."""
    return "--frozen-learning-rate" if phase.name == HEAD_ONLY else "--learning-rate"


def learning_rate(phase: Phase, settings: FitSettings, steps: int):
    """Return a phase's learning rate over its `steps`: constant, or a warm-up and cosine decay."""
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
    """Return the optimizer of a phase that has `steps` steps.

    With float16, whose gradients underflow below 6e-8, it scales the loss and skips the steps in
    which they overflow.
    """
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
        options["momentum"] = 0.9  # without it, small learning rates make little progress
    chosen = kind(learning_rate(phase, settings, steps), **options)
    # Keras wraps it by the model's own policy, but the policy is set per layer (set_precision).
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(chosen)
    return chosen
