"""Select attributes by preset or by name: `observable`, `all`, or Smiling, Eyeglasses, ...

`observable` is what a photo shows and two viewers would agree on: hair, eyeglasses, hat, smile,
mouth, beard, jewellery, necktie and lipstick. Not in it:
- opinions about looks: Attractive, Big_Lips, Big_Nose, Pointy_Nose, Narrow_Eyes, Oval_Face, Chubby,
  Double_Chin, High_Cheekbones, Bags_Under_Eyes, Pale_Skin, Rosy_Cheeks;
- guesses about the person: Male, Young;
- matters of degree without a common measure: Arched_Eyebrows, Bushy_Eyebrows, Heavy_Makeup;
- Blurry, which describes the photo; the quality gate measures sharpness.
"""

from collections.abc import Iterator

from ..errors import UsageError, nearest
from ..settings import AttributesSettings

OBSERVABLE = frozenset(
    {
        "5_o_Clock_Shadow",
        "Bald",
        "Bangs",
        "Black_Hair",
        "Blond_Hair",
        "Brown_Hair",
        "Eyeglasses",
        "Goatee",
        "Gray_Hair",
        "Mouth_Slightly_Open",
        "Mustache",
        "No_Beard",
        "Receding_Hairline",
        "Sideburns",
        "Smiling",
        "Straight_Hair",
        "Wavy_Hair",
        "Wearing_Earrings",
        "Wearing_Hat",
        "Wearing_Lipstick",
        "Wearing_Necklace",
        "Wearing_Necktie",
    }
)
PRESETS = ("observable", "all")


def select_attributes(wanted: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `names` that are wanted, in their order: names, presets or a mix of both.

    Nothing wanted, or only presets with no attribute among `names`, selects all of them. Raises
    UsageError, with the nearest name, for one that is neither in `names` nor a preset.
    """
    selected: set[str] = set()
    for name in wanted:
        if name in names:
            selected.add(name)
        elif name.lower() in PRESETS:
            selected.update(names if name.lower() == "all" else OBSERVABLE)
        else:
            raise UsageError(f"unknown attribute {name!r}", nearest(name, (*names, *PRESETS)))
    return tuple(name for name in names if name in selected) or names


def shown_and_logged(
    attributes: AttributesSettings, computed: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the attributes to show and those to log; UsageError for one that is not computed."""
    if attributes.compute:
        for name in _missing((*attributes.show, *attributes.logged), computed):
            raise UsageError(
                f"{name} is not computed", f'compute = ["{name}", ...] in [attributes]'
            )
    shown = select_attributes(attributes.show, computed)
    return shown, select_attributes(attributes.logged, computed) if attributes.logged else shown


def _missing(wanted: tuple[str, ...], computed: tuple[str, ...]) -> Iterator[str]:
    return (name for name in wanted if name not in computed and name.lower() not in PRESETS)
