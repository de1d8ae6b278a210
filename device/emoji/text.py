"""Find the nearest Unicode emoji, for a text message.

A person in Unicode has one feature at a time (UTS #51): the rarest that is present is chosen.
Eyeglasses and a hat are not among the features; they follow as emoji of their own.
"""

from .skin import BANDS
from .traits import Traits

TONES = dict(zip(BANDS, "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff", strict=True))
JOIN, MALE, FEMALE = "\u200d", "\u2642\ufe0f", "\u2640\ufe0f"
MAN, WOMAN, OLD_MAN, OLD_WOMAN = "\U0001f468", "\U0001f469", "\U0001f474", "\U0001f475"
BEARDED, BLOND = "\U0001f9d4", "\U0001f471"
CURLY, WHITE, NO_HAIR = "\U0001f9b1", "\U0001f9b3", "\U0001f9b2"
GLASSES, CAP = "\U0001f453", "\U0001f9e2"


def emoji_text(traits: Traits, band: int) -> str:
    """Return the emoji sequence for traits and a Fitzpatrick type, 2 to 6."""
    worn = [(GLASSES, "Eyeglasses"), (CAP, "Wearing_Hat")]
    extras = "".join(symbol for symbol, name in worn if name in traits.present)
    return _person(traits, TONES[band]) + extras


def _person(traits: Traits, tone: str) -> str:
    present = traits.present
    man = "Male" in present
    gender = MALE if man else FEMALE
    adult = (MAN if man else WOMAN) + tone
    if "Bald" in present:
        return adult + JOIN + NO_HAIR
    if man and "No_Beard" not in present and "5_o_Clock_Shadow" not in present:
        return BEARDED + tone + JOIN + gender
    if "Gray_Hair" in present:
        old = (OLD_MAN if man else OLD_WOMAN) + tone
        return adult + JOIN + WHITE if "Young" in present else old
    if "Blond_Hair" in present:
        return BLOND + tone + JOIN + gender
    if "Wavy_Hair" in present:
        return adult + JOIN + CURLY
    return adult
