"""How far the outputs of one network differ between runtimes, and between int8 and float."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device.attributes.classifier import calibrated
from device.attributes.model_card import ModelCard

# A runtime may be twice as far from the float model as the reference, and this much farther, as
# a mean of raw outputs 0..1. Kernels round differently, and a network that learnt little amplifies
# it; outputs of a broken kernel are 0.2 or more from the float model's.
MAX_EXCESS = 0.05
# Range of an attribute's raw outputs over all photos below which the photos hardly matter.
MIN_RANGE = 0.05
NAMED = 5  # attributes that a line names


@dataclass(frozen=True)
class Difference:
    """Two sets of outputs for the same photos, compared after calibration."""

    decisions: int  # that differ at the card's thresholds
    of: int  # photos times attributes
    mean_points: float  # of the probabilities, in percentage points
    max_points: float

    def __str__(self) -> str:
        return (
            f"{self.decisions:,} of {self.of:,} decisions differ, probabilities by "
            f"{self.mean_points:.2f} points on average, {self.max_points:.1f} at most"
        )


def compare_outputs(card: ModelCard, raw: np.ndarray, other: np.ndarray) -> Difference:
    """Return how two networks' raw outputs, each (photos, attributes) 0..1, differ."""
    first, second = (
        calibrated(values, card.values("slope"), card.values("offset")) for values in (raw, other)
    )
    points = 100 * np.abs(first.astype(float) - second)
    thresholds = card.values("threshold")
    return Difference(
        decisions=int(((first >= thresholds) != (second >= thresholds)).sum()),
        of=points.size,
        mean_points=float(points.mean()) if points.size else 0.0,
        max_points=float(points.max(initial=0.0)),
    )


def is_wrong(outputs: np.ndarray, reference: np.ndarray, float_: np.ndarray) -> bool:
    """Return whether a runtime's outputs are no rounding of the network that the reference runs.

    outputs, reference: (photos, attributes) 0..1 of one int8 network on two runtimes; float_: of
    the float model that it was made of.
    """
    if not np.isfinite(outputs).all():
        return True
    own, usual = (float(np.abs(raw - float_).mean()) for raw in (outputs, reference))
    return own > 2 * usual + MAX_EXCESS


def flat_attributes(names: Sequence[str], raw: np.ndarray, labels: np.ndarray) -> tuple[str, ...]:
    """Return the attributes whose outputs hardly differ between photos with and without them.

    raw: (photos, attributes) 0..1; labels: 0, 1 or UNKNOWN, of the same shape. Attributes that all
    or none of the photos have are left out: their outputs may be alike.
    """
    if not len(raw):
        return ()
    varied = (labels == 1).any(axis=0) & (labels == 0).any(axis=0)
    flat = varied & (np.ptp(raw, axis=0) < MIN_RANGE)
    return tuple(name for name, is_flat in zip(names, flat, strict=True) if is_flat)


def flat_line(flat: Sequence[str], count: int) -> str:
    """Return the line for attributes of `flat_attributes`, of `count` in all; "" for none."""
    if not flat:
        return ""
    named = ", ".join(flat[:NAMED]) + (", ..." if len(flat) > NAMED else "")
    which = "" if len(flat) == count else f" of {len(flat)} of {count} attributes ({named})"
    return f"the outputs{which} hardly differ between photos: train longer"
