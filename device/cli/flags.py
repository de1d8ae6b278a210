"""Flags of commands, generated from the settings classes; a flag overrides the settings file.

`add_flags` and `flag_values` serve any settings class; `read_settings` is device.run's.
"""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from .. import __version__
from ..config import Setting, Table, converted, merge, settings_of, tables_of
from ..settings import Settings, load_settings
from ..text import text
from .command import Parser, spelled


class Flag(NamedTuple):
    """A flag and the settings that it sets, by their path: ("faces", "min_face")."""

    name: str
    settings: dict[tuple[str, ...], Setting]

    @property
    def dest(self) -> str:
        return self.name.removeprefix("--").replace("-", "_")

    @property
    def first(self) -> Setting:
        return next(iter(self.settings.values()))

    @property
    def sized(self) -> bool:
        """Whether its value is a WxH."""
        return self.first.metavar == "WxH"

    @property
    def default(self) -> str:
        """The default as the flag takes it: "640x480"; "" for none."""
        if not self.sized:
            return text(self.first.default)
        values = [setting.default for setting in self.settings.values()]
        return "x".join(map(str, values if len(values) > 1 else values[0] or ()))

    @property
    def suggestion(self) -> str:
        """The flag with its default, or with its metavar if it has none: "--log FILE.csv"."""
        return f"{self.name} {self.default or self.first.metavar}"

    @property
    def help(self) -> str:
        """Help with what lower and higher do, unit, limits and default."""
        setting, default = self.first, self.default
        named = setting.choices and all(choice in setting.help for choice in setting.choices)
        limits = "" if named else setting.limits
        default = f"default {default}" if default else ""
        default = default or (f"alone {setting.alone}" if setting.alone else "")
        facts = ", ".join(filter(None, (setting.unit, limits, default)))
        meaning = "; ".join(filter(None, (setting.flag_help or setting.help, setting.effects)))
        return f"{meaning} ({facts})" if facts else meaning


@functools.cache
def flags_of(struct: type[Table]) -> tuple[Flag, ...]:
    """Return the flags of a settings class and of its tables, in the order of their fields."""
    flags: dict[str, Flag] = {}
    for path, setting in _paths(struct):
        if setting.flag:
            flags.setdefault(setting.flag, Flag(setting.flag, {})).settings[path] = setting
    return tuple(flags.values())


def _paths(struct: type[Table]) -> list[tuple[tuple[str, ...], Setting]]:
    paths: list[tuple[tuple[str, ...], Setting]]
    paths = [((name,), setting) for name, setting in settings_of(struct).items()]
    for table, part in tables_of(struct).items():
        paths += [((table, *path), setting) for path, setting in _paths(part)]
    return paths


def add_flags(
    parser: argparse.ArgumentParser,
    struct: type[Table],
    only: tuple[str, ...] = (),
    defaults: Table | None = None,
) -> dict[str, Any]:
    """Add the flags of a settings class; those not given leave no trace in the parsed namespace.

    only: names such as "--camera"; none means all. The flags of each table are a group, named such
    as "[camera]", those outside tables are the group "settings". Returns {name: argparse's group}.
    defaults: the values that the help names; without it, those of the class.
    """
    groups: dict[str, Any] = {}
    for flag in flags_of(struct):
        if only and flag.name not in only:
            continue
        flag = _with_defaults(flag, defaults) if defaults else flag
        path = next(iter(flag.settings))
        title = f"[{path[0]}]" if len(path) > 1 else "settings"
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        groups[title].add_argument(
            flag.name,
            dest=flag.dest,
            default=argparse.SUPPRESS,
            help=spelled(flag.help.replace("%", "%%")),
            **_options(flag),
        )
    return groups


def _with_defaults(flag: Flag, defaults: Table) -> Flag:
    settings = {
        path: msgspec.structs.replace(setting, default=functools.reduce(getattr, path, defaults))
        for path, setting in flag.settings.items()
    }
    return flag._replace(settings=settings)


def _options(flag: Flag) -> dict[str, Any]:
    setting = flag.first
    if setting.type is bool:
        return {"action": argparse.BooleanOptionalAction}
    metavar = {"metavar": setting.metavar or None}
    if setting.several:
        return {"type": str, "action": "append", **metavar}
    if flag.sized:
        return {"type": size_wh, **metavar}
    if setting.item and setting.nargs:
        return {"type": setting.item, "nargs": setting.nargs, **metavar}
    if setting.item:
        return {"type": functools.partial(_list, item=setting.item), **metavar}
    if setting.alone:
        metavar |= {"nargs": "?", "const": setting.alone}
    return {"type": setting.type if setting.type in (int, float) else str, **metavar}


def size_wh(text: str) -> tuple[int, int]:
    """Return (width, height) px of a flag's text, such as 1280x720."""
    sides = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text.lower())
    if not sides:
        raise argparse.ArgumentTypeError(f"expected WxH, such as 1280x720, not {text!r}")
    return int(sides[1]), int(sides[2])


def _list(text: str, item: type) -> list[Any]:
    values = [item(word.strip()) for word in text.split(",") if word.strip()]
    if not values:
        raise argparse.ArgumentTypeError(f"{text!r} names none")
    return values


def flag_values(
    struct: type[Table],
    given: argparse.Namespace | Mapping[str, Any],
    only: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return {table: {key: value}} of the flags that were given, for `config.merge`.

    given: a parsed namespace, or {dest: value}; what is no flag of `struct` is ignored.
    only: as for `add_flags`. Raises UsageError, which names the flag, for a wrong value.
    """
    given = vars(given) if isinstance(given, argparse.Namespace) else given
    values: dict[str, Any] = {}
    for flag in flags_of(struct):
        if flag.dest not in given or (only and flag.name not in only):
            continue
        value = given[flag.dest]
        several = flag.sized and len(flag.settings) > 1
        parts = value if several else [value] * len(flag.settings)
        for (path, setting), part in zip(flag.settings.items(), parts, strict=True):
            table = values
            for name in path[:-1]:
                table = table.setdefault(name, {})
            table[path[-1]] = converted(setting, part, flag.name, flag.suggestion)
    return values


def merge_flags(
    settings: Settings,
    given: argparse.Namespace | Mapping[str, Any],
    only: tuple[str, ...] = (),
) -> Settings:
    """Return the settings overlaid by the flags that were given; UsageError for a wrong one."""
    return merge(settings, flag_values(Settings, given, only), "command line")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add --config, for `settings_from`."""
    parser.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help=spelled("settings as TOML, as `python -m device.settings_file` prints them"),
    )


def settings_from(given: argparse.Namespace, only: tuple[str, ...] = ()) -> Settings:
    """Return the defaults, overlaid by --config's file, overlaid by the flags.

    only: as for `add_flags`, if a command has flags of its own with a setting's name.
    """
    config = vars(given).get("config")
    return merge_flags(load_settings(config) if config else Settings(), given, only)


class ListCameras(argparse.Action):
    """A flag that prints the cameras and ends the command, as --help does."""

    def __init__(self, option_strings, dest, **options):
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser, *_):
        from ..camera.discovery import table
        from ..camera.v4l2 import V4l2

        print(table(V4l2()))
        parser.exit()


def parser(about: str) -> Parser:
    """Return the parser of device.run; about: what its help begins with."""
    run = Parser("device.run", about)
    version = f"facet {__version__}"
    run.add_argument("--list-cameras", action=ListCameras, help="print the cameras, and end")
    run.add_argument(
        "--version", action="version", version=version, help="print the version, and end"
    )
    add_config(run)
    add_flags(run, Settings)
    return run


def read_settings(argv: list[str] | None, about: str = "") -> Settings:
    """Return device.run's settings: the defaults, --config's file, the flags, in that order.

    Raises UsageError for a wrong flag or setting.
    """
    return settings_from(parser(about).parse_args(argv))
