"""Print a settings file in which every setting stands, with what it means, its limits and default.

    python -m device.settings_file > facet.toml              # every setting at its default
    python -m device.settings_file --service > facet.toml    # as systemd/install.sh writes it

A setting that begins with # has its default, also when a later version has a better one. Meanings,
defaults and limits are read from device/settings.py, so the file is never out of date.
"""

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any

from ..settings import (
    RANGES,
    CameraSettings,
    OutputsSettings,
    PeopleSettings,
    RotationSettings,
    Settings,
)
from .command import Parser, exit_with

# What a camera that nobody looks after wants.
SERVICE = Settings(
    camera=CameraSettings(source="0"),  # auto would log the demo clip where no camera works
    people=PeopleSettings(file=Path("/var/lib/facet/people.json")),
    outputs=OutputsSettings(headless=True, log=Path("/var/lib/facet/faces.csv")),
    rotation=RotationSettings(daily=True, keep_days=30, min_free_mb=200.0),
)
EXAMPLES = {"log": "faces.csv", "events": "visits.csv", "record": "film.mp4"}  # TOML has no null
HEAD = """\
# Facet's settings. To change one that begins with #, remove the #. Flags of the command go before
# this file, and what it does not set has its default.
"""
LIMITS = {(table, key): (lowest, highest) for table, key, lowest, highest in RANGES}


def settings_file(chosen: Settings) -> str:
    """Return TOML in which every setting stands; those that have their default, commented out."""
    lines = [HEAD]
    for part in dataclasses.fields(Settings):
        lines.append(f"[{part.name}]")
        plain, values = getattr(Settings(), part.name), getattr(chosen, part.name)
        meanings = _meanings(type(plain))
        for key, meaning in meanings.items():
            value, default = getattr(values, key), getattr(plain, key)
            lines += [f"# {line}" for line in meaning]
            lines.append(f"# {_default(part.name, key, default)}")
            off = "#" if value == default else ""
            lines.append(f"{off}{key} = {_toml(EXAMPLES[key] if value is None else value)}")
            lines.append("")
    return "\n".join(lines)


def _meanings(part: type) -> dict[str, list[str]]:
    """Return the comments above and behind each field of a settings class, in their order."""
    meanings: dict[str, list[str]] = {}
    above: list[str] = []
    for line in inspect.getsource(part).splitlines():
        if alone := re.fullmatch(r"    # (.*)", line):
            above.append(alone[1])
        elif named := re.fullmatch(r"    (\w+): [^#]*(?:# (.*))?", line):
            meanings[named[1]] = [*above, named[2]] if named[2] else above
            above = []
    return meanings


def _default(table: str, key: str, default: Any) -> str:
    shown = "none" if default is None else _toml(default)
    if (table, key) not in LIMITS:
        return f"Default {shown}."
    lowest, highest = LIMITS[table, key]
    return f"Default {shown}, from {lowest} to {highest}."


def _toml(value: Any) -> str:
    # JSON's strings, numbers, lists and true or false are TOML's as well.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def main(argv: list[str] | None = None) -> None:
    parser = Parser("device.settings_file", __doc__)
    parser.add_argument(
        "--service", action="store_true", help="for a service: no window, a log of the last 30 days"
    )
    chosen = SERVICE if parser.parse_args(argv).service else Settings()
    print(settings_file(chosen), end="")


if __name__ == "__main__":
    exit_with(main)
