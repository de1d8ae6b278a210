"""Make a flag of every setting, so that a recipe can be overridden on the command line."""

import argparse
import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from device.errors import UsageError
from train.fitting.settings import FitSettings, validated
from train.recipe import varied

NAMES = {"crop_wh": "input", "view_wh": "view"}  # what people call them
VARIED = "augment"


def crop_size(text: str) -> tuple[int, int]:
    """Return (width, height) of a size such as 128x160, each 32 px or more."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 32):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 128x160, 32 px at least")
    return int(width), int(height)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting; those not given leave no trace in the parsed namespace."""
    group = parser.add_argument_group("settings, each in place of the recipe's")
    hints, plain = get_type_hints(FitSettings), FitSettings()
    for one in dataclasses.fields(FitSettings):
        if "help" in one.metadata:
            flag = "--" + NAMES.get(one.name, one.name).replace("_", "-")
            default = getattr(plain, one.name)
            text = one.metadata["help"].replace("%", "%%")
            if default not in ("", (), 0, None):
                text += f" ({_shown(default)})"
            options = _options(one.name, hints[one.name])
            group.add_argument(flag, dest=one.name, default=argparse.SUPPRESS, help=text, **options)
    group.add_argument(
        "--mix",
        type=float,
        default=argparse.SUPPRESS,
        metavar="SHARE",
        help="blend each photo with up to this share of another (mixup), 0..0.5; as --augment mix=",
    )
    group.add_argument(
        f"--{VARIED}",
        nargs="+",
        metavar="KEY=VALUE",
        default=argparse.SUPPRESS,
        help="how photos are varied, such as flip=0 zoom=0.2; keys: "
        + ", ".join(one.name for one in dataclasses.fields(plain.augmentation)),
    )


def overridden(settings: FitSettings, args: argparse.Namespace) -> FitSettings:
    """Return the settings with the flags that were given; UsageError for impossible ones."""
    given = given_settings(args)
    values = dict(_pair(text) for text in vars(args).get(VARIED, ()))
    if "mix" in vars(args):
        values["mix"] = args.mix
    if values:
        given["augmentation"] = varied(settings.augmentation, values, f"--{VARIED}")
    return validated(dataclasses.replace(settings, **given), "flags")


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that flags gave, without --augment."""
    names = [one.name for one in dataclasses.fields(FitSettings) if "help" in one.metadata]
    found = {name: getattr(args, name) for name in names if name in vars(args)}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}


def _options(name: str, hint: Any) -> dict[str, Any]:
    if name in NAMES:
        return {"type": crop_size, "metavar": "WxH"}
    if get_origin(hint) is tuple:
        of = get_args(hint)[0]
        return {"type": of, "nargs": "*", "metavar": "N" if of is int else "NAME"}
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": hint, "metavar": {int: "N", float: "X"}.get(hint, "WHAT")}


def _shown(default: Any) -> str:
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
            f"--{VARIED} {text}: expected a key and a number, such as flip=0"
        ) from None
