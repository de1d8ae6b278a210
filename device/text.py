"""Small pieces of text that several messages share."""

import re
import unicodedata

# Letters that may be part of a name though Unicode counts them as format: joiners of scripts, emoji
_JOINERS = "\u200c\u200d"
_PLAIN = re.compile(r"[ -~]*")


def printable(text: str) -> str:
    """Return a text with everything that is not a letter to be shown as its escape: \\x1b, \\u202e.

    That is control characters, line breaks, characters that turn the direction of the text, and
    the halves of letters that stand for bytes in a file's name. To be applied to all text that
    goes to a terminal or a journal and comes from a file, a camera or a command line.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    hidden = category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and letter not in _JOINERS
    return letter.encode("unicode_escape").decode() if hidden else letter


def counted(number: int, noun: str) -> str:
    """Return "1 face", "2 faces"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
