"""Print a settings file with every setting: its meaning, unit, limits and default.

    python -m device.settings_file > facet.toml              # every setting at its default
    python -m device.settings_file --service > facet.toml    # as systemd/install.sh writes it
    python -m device.settings_file --service --privacy faces > facet.toml
    python -m device.settings_file --markdown > docs/settings.md

A setting that begins with # keeps the default, also if a later version has a better one. All is
generated from device/settings/.
"""

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..config import Setting, Table, arrays_of, field_of, settings_of, tables_of
from ..errors import UsageError
from ..privacy import COUNTS, FACES, LEVELS, VISITS
from ..settings import (
    CameraSettings,
    CountsSettings,
    OutputsSettings,
    PeopleSettings,
    RotationSettings,
    Settings,
)
from ..text import text, toml
from .command import Parser, exit_with

STATE = Path("/var/lib/facet")  # of the service


def service_settings(privacy: str = COUNTS) -> Settings:
    """Return settings for a camera that runs unattended, with the file that the level permits."""
    files = {
        COUNTS: (OutputsSettings(), CountsSettings(file=STATE / "counts.csv")),
        VISITS: (OutputsSettings(events=STATE / "visits.csv"), CountsSettings()),
        FACES: (OutputsSettings(log=STATE / "faces.csv"), CountsSettings()),
    }
    outputs, counts = files[privacy]
    return Settings(
        privacy=privacy,
        # auto would log the demo clip if no camera works.
        camera=CameraSettings(source="0", wait=True),
        people=PeopleSettings(file=STATE / "people.json"),
        outputs=msgspec.structs.replace(outputs, headless=True, readable_by="group"),
        counts=counts,
        rotation=RotationSettings(daily=True, keep_days=30, min_free_mb=200.0),
    )


SERVICE = service_settings()
HEAD = """\
# Facet's settings. To change one that begins with #, remove the #. A flag of the command overrides
# this file; a setting that is missing here has its default.
"""
MARKDOWN = """\
# Settings

<!-- Generated: python -m device.settings_file --markdown > docs/settings.md -->

A flag overrides the settings file, which overrides the defaults. These commands print a file with
every setting and run with it:

    python -m device.settings_file > facet.toml
    python -m device.run --config facet.toml

Each section below is a table of the TOML file, each row a key in it. A table in double brackets may
stand there any number of times. An unknown key, a wrong type or a value out of its limits ends the
command with exit code 2 and names the nearest key.
"""
COLUMNS = ("Key", "Flag", "Unit", "Default", "Limits", "Meaning")


def settings_file(chosen: Settings) -> str:
    """Return TOML with every setting; those with their default value are commented out."""
    lines = [HEAD, *table_lines(chosen)]
    for name in tables_of(Settings):
        lines += [f"[{name}]", *table_lines(getattr(chosen, name))]
    for name, table in arrays_of(Settings).items():
        for entry in getattr(chosen, name):
            lines += [f"[[{name}]]", *table_lines(entry)]
        if not getattr(chosen, name):
            lines += [f"# Any number of such tables, each with a line #[[{name}]]:", f"#[[{name}]]"]
            lines += table_lines(table())
    return "\n".join(lines)


def table_lines(table: Table, defaults_off: bool = True) -> list[str]:
    """Return a table's settings as TOML, each after a comment on it; those without help left out.

    defaults_off: comment out the settings that have their default value.
    """
    lines = []
    for key, setting in settings_of(type(table)).items():
        if not setting.help:
            continue
        value = getattr(table, field_of(key))
        lines += [f"# {line}" for line in _comment(setting)]
        off = "#" if value is None or (defaults_off and value == setting.default) else ""
        lines += [f"{off}{key} = {toml(value or setting.example or value)}", ""]
    return lines


def _comment(setting: Setting) -> Iterator[str]:
    """Yield the comment lines of a setting; the last has unit, limits and default."""
    meaning = "; ".join(filter(None, (setting.help, setting.effects)))
    yield from textwrap.wrap(meaning, 98, break_long_words=False, break_on_hyphens=False)
    default = "none" if setting.default is None else toml(setting.default)
    yield ", ".join(filter(None, (setting.unit, setting.limits, f"default {default}")))


def markdown() -> str:
    """Return docs/settings.md: a section per table of the settings file, a row per setting."""
    lines = [MARKDOWN, *section("Above the tables", Settings)]
    for name, table in tables_of(Settings).items():
        lines += section(f"[{name}]", table)
    for name, table in arrays_of(Settings).items():
        lines += section(f"[[{name}]]", table)
    return "\n".join(lines)


def section(title: str, table: type[Table]) -> list[str]:
    """Return the lines of a page's section on a table; settings without help are left out."""
    return [
        f"## {title}",
        "",
        inspect.cleandoc(table.__doc__ or ""),
        "",
        _row(COLUMNS),
        _row(("---",) * len(COLUMNS)),
        *(_row(_cells(setting)) for setting in settings_of(table).values() if setting.help),
        "",
    ]


def _cells(setting: Setting) -> tuple[str, ...]:
    metavar = f"[{setting.metavar}]" if setting.alone else setting.metavar
    flag = f"`{' '.join(filter(None, (setting.flag, metavar)))}`" if setting.flag else ""
    if flag and setting.type is bool:
        flag += f", `--no-{setting.flag.removeprefix('--')}`"
    default = "" if setting.default is None else f"`{_portable(setting.default)}`"
    meaning = "; ".join(filter(None, (setting.help, setting.effects)))
    return f"`{setting.name}`", flag, setting.unit, default, setting.limits, meaning


def _portable(default: Any) -> str:
    """Return a default as TOML; a path relative to the checkout or the home folder."""
    return toml(text(default) if isinstance(default, Path) else default)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def main(argv: list[str] | None = None) -> None:
    parser = Parser("device.settings_file", __doc__)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--service", action="store_true", help="for a service: no window, files of the last 30 days"
    )
    kinds.add_argument("--markdown", action="store_true", help="docs/settings.md instead of TOML")
    parser.add_argument(
        "--privacy", choices=LEVELS, help=f"of a service: what it may write (default {COUNTS})"
    )
    options = parser.parse_args(argv)
    if options.privacy and not options.service:
        raise UsageError("--privacy is for the settings of a service", "--service --privacy counts")
    if options.markdown:
        print(markdown(), end="")
    elif options.service:
        print(settings_file(service_settings(options.privacy or COUNTS)), end="")
    else:
        print(settings_file(Settings()), end="")


if __name__ == "__main__":
    exit_with(main)
