"""Small pieces of text that several messages share."""

import contextlib
import json
import re
import shlex
import unicodedata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent  # paths below it are printed relative to it
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
    """Return "1 face", "2 faces", "1,000 faces"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def named_folder(folder: Path | str) -> str:
    """Return a folder for the end of a sentence: "this folder" for ".", which is no name there."""
    return "this folder" if str(folder) in (".", "./") else str(folder)


def path_from_here(path: Path) -> str:
    """Return a path as a command in the working directory takes it: quoted, short if below it."""
    with contextlib.suppress(OSError, ValueError):  # the directory is gone, or path elsewhere
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


def toml(value: Any) -> str:
    """Return a value of a setting as TOML."""
    # JSON's strings, numbers, lists and true or false are TOML's as well; DEL needs an escape.
    plain = str(value) if isinstance(value, Path) else value
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")


def text(value: Any) -> str:
    """Return a default as help and docs print it: "on", "640", "models/x.json", "A, B", or ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Path):
        for folder, short in ((ROOT, Path()), (Path.home(), Path("~"))):
            if value.is_relative_to(folder):
                return str(short / value.relative_to(folder))
    return str(value)
