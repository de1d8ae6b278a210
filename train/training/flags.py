"""A command-line flag for every training setting; flags override the recipe."""

import argparse
import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from device.errors import UsageError
from train.training.config import FitSettings, validated
from train.training.recipe import replace_augmentation

NAMES = {"crop_wh": "input"}  # setting -> flag, where they differ
SIZES = ("crop_wh", "teacher_input")
AUGMENT = "augment"


def crop_size(text: str) -> tuple[int, int]:
    """Return (width, height) of a size such as 128x160, each 32 px or more."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 32):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 128x160, at least 32 px")
    return int(width), int(height)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting; flags not given are absent from the parsed namespace."""
    group = parser.add_argument_group("settings, which override the recipe's")
    hints, defaults = get_type_hints(FitSettings), FitSettings()
    for field in dataclasses.fields(FitSettings):
        if "help" in field.metadata:
            name = field.name
            flag = "--" + NAMES.get(name, name).replace("_", "-")
            default = getattr(defaults, name)
            text = field.metadata["help"].replace("%", "%%")
            if default not in ("", (), 0, None):
                text += f" ({_default_text(default)})"
            options = _options(name, hints[name])
            group.add_argument(flag, dest=name, default=argparse.SUPPRESS, help=text, **options)
    group.add_argument(
        "--mixup",
        type=float,
        default=argparse.SUPPRESS,
        metavar="SHARE",
        help="blend each photo with up to this share of another, 0..0.5; as --augment mixup=",
    )
    group.add_argument(
        f"--{AUGMENT}",
        nargs="+",
        metavar="KEY=VALUE",
        default=argparse.SUPPRESS,
        help="augmentation of the photos, such as flip=0 zoom=0.2; keys: "
        + ", ".join(field.name for field in dataclasses.fields(defaults.augmentation)),
    )


def overridden(settings: FitSettings, args: argparse.Namespace) -> FitSettings:
    """Return the settings with the given flags applied; UsageError for values out of limits."""
    given = given_settings(args)
    values = dict(_pair(text) for text in vars(args).get(AUGMENT, ()))
    if "mixup" in vars(args):
        values["mixup"] = args.mixup
    if values:
        given["augmentation"] = replace_augmentation(settings.augmentation, values, f"--{AUGMENT}")
    return validated(dataclasses.replace(settings, **given), "flags")


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings given as flags, without --augment."""
    fields = dataclasses.fields(FitSettings)
    names = [field.name for field in fields if "help" in field.metadata]
    given = {name: getattr(args, name) for name in names if name in vars(args)}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}


def _options(name: str, hint: Any) -> dict[str, Any]:
    if name in SIZES:
        return {"type": crop_size, "metavar": "WxH"}
    if get_origin(hint) is tuple:
        kind = get_args(hint)[0]
        return {"type": kind, "nargs": "*", "metavar": "N" if kind is int else "NAME"}
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": hint, "metavar": {int: "N", float: "X"}.get(hint, "VALUE")}


def _default_text(default: Any) -> str:
    if isinstance(default, tuple):
        return "x".join(map(str, default))
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _pair(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    try:
        return key, float(value)
    except ValueError:
        raise UsageError(
            f"--{AUGMENT} {text}: expected a key and a number, such as flip=0"
        ) from None
