"""Small pieces of text that several messages share."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent  # paths below it are printed relative to it


def counted(number: int, noun: str) -> str:
    """Return "1 face", "2 faces"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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
