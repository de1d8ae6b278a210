"""Which attributes may be counted, and which of them a shop should rather not."""

from collections.abc import Sequence

from ..errors import UsageError, nearest

# What tells groups of people apart. To sort people by them is biometric categorisation, on which
# the AI Act (EU) 2024/1689 has rules of its own: Art. 5(1)(g), Annex III 1(b), Art. 50(3).
BIOMETRIC = {
    "Male": "the sex, as annotators saw it",
    "Young": "the age, as annotators saw it",
    "Black_Hair": "the hair's colour",
    "Blond_Hair": "the hair's colour",
    "Brown_Hair": "the hair's colour",
    "Gray_Hair": "the hair's colour, and so the age",
    "Bald": "the hair, and so sex and age",
    "Receding_Hairline": "the hair, and so sex and age",
    "Pale_Skin": "the skin's colour",
    "Narrow_Eyes": "a trait that stands for descent",
    "Big_Lips": "a trait that stands for descent",
    "Big_Nose": "a trait that stands for descent",
}
# Opinions of annotators, which no second viewer need share.
OPINIONS = ("Attractive", "Chubby", "Double_Chin", "Oval_Face", "Pointy_Nose", "Bags_Under_Eyes")


def check_choice(chosen: Sequence[str], computed: Sequence[str]) -> None:
    """Raise UsageError for an attribute that does not exist, or is not computed."""
    for name in chosen:
        if name not in computed:
            raise UsageError(
                f"[counts] attributes: {name!r} is unknown, or not computed",
                nearest(name, computed),
            )


def warnings_of(chosen: Sequence[str]) -> list[str]:
    """Return a sentence for each chosen attribute that is sensitive, without a full stop."""
    found = [
        f"{name} is {BIOMETRIC[name]}: counting by it is biometric categorisation"
        for name in chosen
        if name in BIOMETRIC
    ]
    found += [f"{name} is an opinion of annotators" for name in chosen if name in OPINIONS]
    return found
