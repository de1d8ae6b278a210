"""The flags of the commands that train, generated from the settings; they override a recipe."""

import argparse

from device.cli import flags
from device.config import checked, merge, settings_of
from device.errors import UsageError
from train.data.augment import Augmentation
from train.training.config import FitSettings


def add_flags(
    parser: argparse.ArgumentParser,
    only: tuple[str, ...] = (),
    defaults: FitSettings | None = None,
) -> None:
    """Add a flag for each setting; flags not given are absent from the parsed namespace.

    only: names such as "--input", --mixup among them; none means all. defaults: the values that the
    help names, if not those of FitSettings.
    """
    groups = flags.add_flags(parser, FitSettings, only, defaults)
    groups["[augmentation]"].add_argument(
        "--augment",
        nargs="+",
        metavar="KEY=VALUE",
        default=argparse.SUPPRESS,
        help="augmentation of the photos, such as flip=0 zoom=0.2; keys: "
        + ", ".join(settings_of(Augmentation)),
    )


def overridden(settings: FitSettings, given: argparse.Namespace) -> FitSettings:
    """Return the settings with the given flags applied; UsageError for a wrong value."""
    values = flags.flag_values(FitSettings, _with_all_photos(given))
    pairs = dict(_pair(text) for text in vars(given).get("augment", ()))
    changes = checked(settings.augmentation, pairs, "--augment")
    if changes:
        values["augmentation"] = values.get("augmentation", {}) | changes
    return merge(settings, values, "command line")


def _with_all_photos(given: argparse.Namespace) -> argparse.Namespace:
    """Return the flags with --balanced 0 as no counts; UsageError without a number."""
    counts = vars(given).get("balanced")
    if counts == []:
        raise UsageError(
            "--balanced has no number of photos",
            "--balanced 500 100 100, or --balanced 0 for all photos",
        )
    return argparse.Namespace(**vars(given) | {"balanced": []}) if counts == [0] else given


def _pair(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    try:
        return key, float(value)
    except ValueError:
        raise UsageError(f"--augment {text}: expected KEY=NUMBER", "--augment flip=0") from None
