"""Turn probabilities into the few words a person reads: "woman, brown hair, smiling"."""

from collections.abc import Sequence

import numpy as np

# What is said when an attribute is present. Names that are not here are said as they are written.
PRESENT = {
    "5_o_Clock_Shadow": "stubble",
    "Bald": "bald",
    "Bags_Under_Eyes": "bags under eyes",
    "Big_Lips": "full lips",
    "Chubby": "round cheeks",
    "Male": "man",
    "Mouth_Slightly_Open": "mouth open",
    "No_Beard": "",  # said only when absent
    "Wearing_Earrings": "earrings",
    "Wearing_Hat": "hat",
    "Wearing_Lipstick": "lipstick",
    "Wearing_Necklace": "necklace",
    "Wearing_Necktie": "necktie",
}
ABSENT = {"Male": "woman", "No_Beard": "beard", "Young": "older"}

# The first hides the second, which is then a guess.
UNSEEN_UNDER = (("Wearing_Hat", "Bald"),)
# Of each group at most one is said: the likeliest that is present.
ONE_OF = (
    ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
    ("Straight_Hair", "Wavy_Hair"),
)
# The first is said instead of the second: a goatee is a beard, a bald head has no hair.
INSTEAD_OF = (
    ("Goatee", "No_Beard"),
    ("Mustache", "No_Beard"),
    ("5_o_Clock_Shadow", "No_Beard"),
    ("Bald", "Straight_Hair"),
    ("Bald", "Wavy_Hair"),
    ("Bald", "Bangs"),
    ("Bald", "Receding_Hairline"),
)
# Said first, because they are looked for first; the rest follows in the card's order.
FIRST = ("Male", "Young", "Smiling", "Eyeglasses", "Wearing_Hat")


def said(name: str, present: bool) -> str:
    """Return what is said of one attribute, "" for nothing: present Smiling is "smiling"."""
    if present:
        return PRESENT.get(name, name.replace("_", " ").lower())
    return ABSENT.get(name, "")


def words(
    names: Sequence[str],
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    shown: Sequence[str] | None = None,
) -> list[str]:
    """Return the words for one face, the most looked-for first.

    names, probabilities and thresholds: the card's, in its order. shown: attributes that may be
    mentioned; None means all. An attribute that is not shown says nothing and hides nothing.
    """
    shown = names if shown is None else shown
    place = {name: i for i, name in enumerate(names) if name in shown}
    present = {name: bool(probabilities[i] >= thresholds[i]) for name, i in place.items()}
    silent = {b for a, b in UNSEEN_UNDER if present.get(a)}
    for group in ONE_OF:
        seen = [name for name in group if present.get(name) and name not in silent]
        # By how far above its own threshold: thresholds of rare attributes are lower.
        seen.sort(key=lambda name: probabilities[place[name]] - thresholds[place[name]])
        silent.update(seen[:-1])
    silent.update(b for a, b in INSTEAD_OF if present.get(a) and a not in silent)
    ordered = [n for n in FIRST if n in place] + [n for n in place if n not in FIRST]
    spoken = (said(name, present[name]) for name in ordered if name not in silent)
    return [word for word in spoken if word]
