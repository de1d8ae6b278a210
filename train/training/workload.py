"""Estimate how long runs take, from their multiply-adds and the time of runs that are finished."""

import functools
from dataclasses import dataclass, field

import msgspec

from train.network.build import backbone_of, freeze, multiply_adds
from train.training.config import FROM_SCRATCH, FitSettings
from train.training.phases import Phase, phases
from train.training.trainer import build_network

# Multiply-adds per second of two desktop cores, until a run is finished. Depthwise convolutions
# wait for memory.
FIRST_GUESS, DEPTHWISE_GUESS = 3e10, 1e10
DEPTHWISE = ("MobileNet", "EfficientNet", "NASNet", "Xception")
FIRST_GUESS_LINE = "a guess to a factor of four until the first run is finished"
READING = 2e7  # multiply-adds that take as long as to read and crop a photo
BACKWARD = 2  # passes of a layer that learns: gradients of its inputs and of its weights


@dataclass(frozen=True)
class PhotoCounts:
    """Photos of each split that a run uses."""

    train: int
    val: int
    test: int


@functools.cache
def _costs(network: FitSettings, attributes: int, unfreeze: str) -> tuple[int, int, int]:
    """Return the multiply-adds of the network, of its head, and of the layers that learn."""
    model = build_network(network, attributes, FROM_SCRATCH)
    total, backbone = multiply_adds(model), multiply_adds(backbone_of(model))
    freeze(model, unfreeze)
    return total, total - backbone, multiply_adds(model, trainable_only=True)


def _network(settings: FitSettings) -> FitSettings:
    """Return the settings of the network alone, so that equal networks are built once."""
    names = ("backbone", "last_layer", "input", "pooling", "dense", "output")
    return msgspec.structs.replace(FitSettings(), **{n: getattr(settings, n) for n in names})


def work(
    settings: FitSettings,
    attributes: int,
    photos: PhotoCounts,
    epochs: int | None = None,
    has_features: bool = False,
) -> float:
    """Return a run's multiply-adds, those of its test included.

    epochs: that were trained; None = all of the settings'. has_features: whether another run has
    left the cached features of its frozen backbone.
    """
    total, head, _ = _costs(_network(settings), attributes, "all")
    done = phases(settings)[-1].last if epochs is None else epochs
    trained = 0.0
    for phase in phases(settings):
        count = min(max(done - phase.first, 0), phase.last - phase.first)
        trained += count * _epoch_work(phase, settings, attributes, photos)
        if phase.bottleneck and count and not has_features:
            trained += (photos.train + photos.val) * (total - head + READING)
            has_features = True
    return trained + (photos.val + photos.test) * 2 * (total + READING)


def _epoch_work(phase: Phase, settings: FitSettings, attributes: int, photos: PhotoCounts) -> float:
    total, head, learned = _costs(_network(settings), attributes, phase.unfreeze)
    if phase.bottleneck:
        return photos.train * (1 + BACKWARD) * head + photos.val * head
    step = total + BACKWARD * learned + READING
    return photos.train * step + photos.val * (total + READING)


def features_key(settings: FitSettings) -> FitSettings | None:
    """Return what runs share that share cached features; None for a run without."""
    if not any(phase.bottleneck for phase in phases(settings)):
        return None
    names = ("backbone", "last_layer", "input", "pooling", "weights")
    return msgspec.structs.replace(FitSettings(), **{n: getattr(settings, n) for n in names})


@dataclass
class RunSpeed:
    """How much slower runs are than guessed: those of the same backbone, else all finished ones."""

    _finished: list[tuple[str, float, float]] = field(default_factory=list)

    def add(self, backbone: str, multiply_adds: float, seconds: float) -> None:
        """Count a finished run, or the finished part of one."""
        if seconds > 0:
            self._finished.append((backbone, guess_s(backbone, multiply_adds), seconds))

    @property
    def is_measured(self) -> bool:
        """Whether a run is finished."""
        return bool(self._finished)

    def seconds(self, backbone: str, multiply_adds: float) -> float:
        """Return the time that a run of so many multiply-adds takes."""
        own = [entry for entry in self._finished if entry[0] == backbone] or self._finished
        slower = sum(real for *_, real in own) / sum(guess for _, guess, _ in own) if own else 1.0
        return guess_s(backbone, multiply_adds) * slower


def guess_s(backbone: str, multiply_adds: float) -> float:
    """Return the time of a run before any is finished."""
    return multiply_adds / (DEPTHWISE_GUESS if backbone.startswith(DEPTHWISE) else FIRST_GUESS)


def duration(seconds: float) -> str:
    """Return a time as text: "less than a minute", "about 12 min", "about 1 h 20 min"."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    parts = [f"{value} {unit}" for value, unit in ((hours, "h"), (rest, "min")) if value]
    return f"about {' '.join(parts)}"
