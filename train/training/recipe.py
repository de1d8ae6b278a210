"""Read recipes: TOML files with the settings that differ from the defaults.

`python -m train.recipe --help` describes the format.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from device.cli.settings_file import section, table_lines
from device.config import merge, read_toml, settings_of
from device.errors import UsageError, nearest
from train.data.augment import Augmentation
from train.training.config import FitSettings

RECIPES = Path(__file__).parents[1] / "recipes"
MARKDOWN = """\
# Training settings

<!-- Generated: python -m train.recipe --markdown > docs/training-settings.md -->

A flag of `train.fit` overrides the [recipe](recipes.md), which overrides the defaults. This command
prints a recipe with every setting:

    python -m train.recipe attributes > mine.toml

An unknown key, a wrong type or a value out of its limits ends the command with exit code 2 and
names the nearest key. `extends` is another recipe, or a file beside this one, to start from.
"""
AUGMENTATION = """\
A recipe with this table lists all augmentations that are on: the others are off. Without it, they
have their defaults or those of the recipe it extends. `--augment KEY=VALUE ...` sets any of them.
"""


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes in train/recipes/."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def read_recipe(name: str, folder: Path = Path()) -> FitSettings:
    """Return the settings of a recipe, one of `recipe_names` or the path of a TOML file.

    folder: that a relative path starts from. Raises UsageError for an unknown recipe or key, with
    the nearest, and for a wrong value.
    """
    return _read(name, (), folder)


def _read(name: str, extended_by: tuple[str, ...], folder: Path = Path()) -> FitSettings:
    path = folder / name if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file():
        raise UsageError(f"no recipe {name!r}", nearest(path.stem, recipe_names()))
    chain = (*extended_by, path.stem)
    if path.stem in extended_by:
        raise UsageError(
            f"recipe {path.stem} extends itself: {' -> '.join(chain)}",
            f"another extends in {chain[-2]}.toml",
        )
    values = read_toml(path, "compare it with the output of python -m train.recipe attributes")
    extends = values.pop("extends", None)
    settings = _read(str(extends), chain, path.parent) if extends else FitSettings()
    return changed(settings, values | {"recipe": path.stem}, str(path))


def changed(settings: FitSettings, values: Mapping[str, Any], origin: str) -> FitSettings:
    """Return the settings with a recipe's values over them; UsageError for a wrong one.

    A table "augmentation" lists all augmentations that are on.
    """
    if "augmentation" in values:
        settings = msgspec.structs.replace(settings, augmentation=no_augmentation())
    return merge(settings, values, origin)


def no_augmentation() -> Augmentation:
    """Return an augmentation that changes nothing: 0 for each setting whose limits include it."""
    off = [name for name, setting in settings_of(Augmentation).items() if setting.allows(0.0)]
    return Augmentation(**dict.fromkeys(off, 0.0))


def as_toml(settings: FitSettings) -> str:
    """Return every setting, with its meaning, as TOML that `read_recipe` reads back."""
    lines = table_lines(settings, defaults_off=False)
    lines += ["[augmentation]", *table_lines(settings.augmentation, defaults_off=False)]
    return "\n".join(lines)


def markdown() -> str:
    """Return docs/training-settings.md: a row per setting."""
    lines = [MARKDOWN, *section("Settings", FitSettings), *section("[augmentation]", Augmentation)]
    return "\n".join([*lines, AUGMENTATION])
