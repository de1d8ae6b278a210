"""Settle which attributes the drawing shows: contradictions are resolved, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..numeric import logit

# Of each group at most one is drawn: the one that is furthest above its threshold, in log-odds.
RIVALS = (
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
# Attributes that change no line of the drawing, and why.
NOT_DRAWN = {
    "Attractive": "an opinion of the annotators",
    "Blurry": "says something about the photo, not about the person",
    "Pale_Skin": "told by the skin tone, which takes it into account",
}


@dataclass(frozen=True)
class Evidence:
    """What was said of one attribute."""

    probability: float  # 0..1, calibrated
    threshold: float  # 0..1: present from here on

    def __str__(self) -> str:
        return f"{self.probability:.2f} (from {self.threshold:.2f})"


@dataclass(frozen=True)
class Traits:
    """The attributes that are drawn, and why others that were seen are not."""

    present: frozenset[str]
    evidence: dict[str, Evidence] = field(default_factory=dict)  # of every attribute of the card
    hidden: dict[str, str] = field(default_factory=dict)  # name -> what it gave way to


def settle(names: Sequence[str], probabilities: np.ndarray, thresholds: np.ndarray) -> Traits:
    """Return the traits of one face; names, probabilities, thresholds in the card's order."""
    evidence = {
        name: Evidence(float(p), float(t))
        for name, p, t in zip(names, probabilities, thresholds, strict=True)
    }
    above = dict(zip(names, logit(probabilities) - logit(thresholds), strict=True))
    present = {name for name in names if above[name] >= 0}
    hidden: dict[str, str] = {}
    # First what hides, then rivals: a rival that cannot be seen wins nothing.
    for upper, under in HIDES:
        if upper in present and under in present:
            present.remove(under)
            hidden[under] = upper
    for group in RIVALS:
        seen = sorted((one for one in group if one in present), key=above.__getitem__)
        for loser in seen[:-1]:
            present.remove(loser)
            hidden[loser] = seen[-1]
    return Traits(frozenset(present), evidence, hidden)
