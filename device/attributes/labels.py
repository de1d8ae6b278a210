"""Turn probabilities into labels: "woman", "brown hair", "smiling"."""

import functools
from collections.abc import Sequence

import numpy as np

# Labels of attributes that are present. Others have their name in lower case.
PRESENT = {
    "5_o_Clock_Shadow": "stubble",
    "Bald": "bald",
    "Bags_Under_Eyes": "bags under eyes",
    "Big_Lips": "full lips",
    "Chubby": "round cheeks",
    "Male": "man",
    "Mouth_Slightly_Open": "mouth open",
    "No_Beard": "",  # a label only when absent
    "Wearing_Earrings": "earrings",
    "Wearing_Hat": "hat",
    "Wearing_Lipstick": "lipstick",
    "Wearing_Necklace": "necklace",
    "Wearing_Necktie": "necktie",
}
ABSENT = {"Male": "woman", "No_Beard": "beard", "Young": "older"}

# The first hides the second, whose probability is then a guess.
OCCLUDES = (("Wearing_Hat", "Bald"),)
# Of each group at most one has a label: the one furthest above its threshold.
MUTUALLY_EXCLUSIVE = (
    ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"),
    ("Straight_Hair", "Wavy_Hair"),
)
# The first makes the second's label redundant: a goatee is a beard, a bald head has no hair.
IMPLIES = (
    ("Goatee", "No_Beard"),
    ("Mustache", "No_Beard"),
    ("5_o_Clock_Shadow", "No_Beard"),
    ("Bald", "Straight_Hair"),
    ("Bald", "Wavy_Hair"),
    ("Bald", "Bangs"),
    ("Bald", "Receding_Hairline"),
)
# These labels come first; the others follow in the card's order.
FIRST = ("Male", "Young", "Smiling", "Eyeglasses", "Wearing_Hat")


def label(name: str, present: bool) -> str:
    """Return an attribute's label, "" for none: present Smiling is "smiling"."""
    if present:
        return PRESENT.get(name, name.replace("_", " ").lower())
    return ABSENT.get(name, "")


def labels_for(
    names: Sequence[str],
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    shown: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Return one face's labels, those of FIRST first.

    names, probabilities and thresholds: the card's, in its order. shown: attributes that may have
    a label; None means all. An attribute that is not shown suppresses no other.
    """
    index = _positions(tuple(names), None if shown is None else tuple(shown))
    is_above = (np.asarray(probabilities) >= np.asarray(thresholds)).tolist()
    present = {name: is_above[at] for name, at in index.items()}
    suppressed = {hidden for cover, hidden in OCCLUDES if present.get(cover)}
    for group in MUTUALLY_EXCLUSIVE:
        rivals = [name for name in group if present.get(name) and name not in suppressed]
        # By the distance above its own threshold: thresholds of rare attributes are lower.
        rivals.sort(key=lambda name: probabilities[index[name]] - thresholds[index[name]])
        suppressed.update(rivals[:-1])
    suppressed.update(
        implied for name, implied in IMPLIES if present.get(name) and name not in suppressed
    )
    texts = (label(name, present[name]) for name in index if name not in suppressed)
    return tuple(text for text in texts if text)


@functools.lru_cache(maxsize=8)
def _positions(names: tuple[str, ...], shown: tuple[str, ...] | None) -> dict[str, int]:
    """Return where the shown attributes are among the card's names, in the order of labels."""
    visible = set(names if shown is None else shown)
    ordered = [*FIRST, *(name for name in names if name not in FIRST)]
    return {name: names.index(name) for name in ordered if name in names and name in visible}
