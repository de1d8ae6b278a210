"""Decide which attributes a drawing shows: conflicts are resolved, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..numeric import logit

# Of each group at most one is drawn: the one furthest above its threshold, in log-odds.
MUTUALLY_EXCLUSIVE = (
    ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
    ("Straight_Hair", "Wavy_Hair"),
    ("Arched_Eyebrows", "Bushy_Eyebrows"),
    ("Big_Nose", "Pointy_Nose"),
    ("Chubby", "Oval_Face"),
    ("No_Beard", "Goatee"),
    ("No_Beard", "Mustache"),
    ("No_Beard", "Sideburns"),
    ("No_Beard", "5_o_Clock_Shadow"),
    ("5_o_Clock_Shadow", "Goatee"),
)
# The first is drawn and hides the second.
HIDES = (
    ("Wearing_Hat", "Bald"),
    ("Wearing_Hat", "Bangs"),
    ("Wearing_Hat", "Receding_Hairline"),
    ("Bald", "Bangs"),
    ("Bald", "Receding_Hairline"),
    ("Bald", "Straight_Hair"),
    ("Bald", "Wavy_Hair"),
    ("Bangs", "Receding_Hairline"),
)
# Attributes that change nothing in the drawing, and why.
NOT_DRAWN = {
    "Attractive": "an opinion of the annotators",
    "Blurry": "describes the photo, not the person",
    "Pale_Skin": "part of the skin tone estimate",
}


@dataclass(frozen=True)
class Evidence:
    """The classifier's output for one attribute."""

    probability: float  # 0..1, calibrated
    threshold: float  # 0..1, from which the attribute is present

    def __str__(self) -> str:
        return f"{self.probability:.2f} (from {self.threshold:.2f})"


@dataclass(frozen=True)
class Traits:
    """The attributes that are drawn, and why others that are present are not."""

    present: frozenset[str]
    evidence: dict[str, Evidence] = field(default_factory=dict)  # of every classified attribute
    hidden: dict[str, str] = field(default_factory=dict)  # name -> the attribute drawn instead


def resolve_conflicts(
    names: Sequence[str], probabilities: np.ndarray, thresholds: np.ndarray
) -> Traits:
    """Return the traits of one face; probabilities and thresholds, 0..1, in the order of names."""
    evidence = {
        name: Evidence(float(probability), float(threshold))
        for name, probability, threshold in zip(names, probabilities, thresholds, strict=True)
    }
    above = dict(zip(names, logit(probabilities) - logit(thresholds), strict=True))
    present = {name for name in names if above[name] >= 0}
    hidden: dict[str, str] = {}
    # HIDES comes first: a hidden attribute must not win against one that is visible.
    for cover, covered in HIDES:
        if cover in present and covered in present:
            present.remove(covered)
            hidden[covered] = cover
    for group in MUTUALLY_EXCLUSIVE:
        rivals = sorted((name for name in group if name in present), key=above.__getitem__)
        for loser in rivals[:-1]:
            present.remove(loser)
            hidden[loser] = rivals[-1]
    return Traits(frozenset(present), evidence, hidden)
