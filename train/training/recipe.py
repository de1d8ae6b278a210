"""Read recipes: TOML files with the settings that differ from the defaults.

`python -m train.recipe --help` describes the format.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from device.config import checked, read_toml
from device.errors import UsageError, nearest
from train.data.augment import Augmentation
from train.training.config import FitSettings, validated

RECIPES = Path(__file__).parents[1] / "recipes"
ALIASES = {"input": "crop_wh"}  # key in a recipe -> setting, where they differ


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes in train/recipes/."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def read_recipe(name: str) -> FitSettings:
    """Return the settings of a recipe, one of `recipe_names` or the path of a TOML file.

    Raises UsageError for an unknown recipe or key, with the nearest, and for a wrong value.
    """
    return validated(_read(name, ()), f"recipe {name}")


def _read(name: str, extended_by: tuple[str, ...], folder: Path = Path()) -> FitSettings:
    path = folder / name if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file() and not name.endswith(".toml"):
        raise UsageError(f"no recipe {name!r}", nearest(name, recipe_names()))
    chain = (*extended_by, path.stem)
    if path.stem in extended_by:
        raise UsageError(f"recipe {path.stem} extends itself: {' -> '.join(chain)}")
    values: dict[str, Any] = {
        ALIASES.get(key, key): value for key, value in read_toml(path).items()
    }
    extends = values.pop("extends", None)
    settings = _read(str(extends), chain, path.parent) if extends else FitSettings()
    values["recipe"] = path.stem
    if "augmentation" in values:
        values["augmentation"] = replace_augmentation(
            no_augmentation(), values["augmentation"], f"{path}: [augmentation]"
        )
    plain = {key: value for key, value in values.items() if key != "augmentation"}
    # Checked together, so that a misspelt key gets the nearest of all settings.
    typed = checked(FitSettings(), plain, f"{path}:")
    return dataclasses.replace(settings, **(values | typed))


def no_augmentation() -> Augmentation:
    """Return an augmentation that changes nothing."""
    return Augmentation(**{field.name: 0.0 for field in dataclasses.fields(Augmentation)})


def replace_augmentation(augmentation: Augmentation, values: Any, origin: str) -> Augmentation:
    """Return the augmentation with other values; UsageError for unknown keys or wrong values."""
    if not isinstance(values, dict):
        raise UsageError(f"{origin} is not a table", "[augmentation] on a line above its keys")
    changed = dataclasses.replace(augmentation, **checked(augmentation, values, origin))
    for key, value in dataclasses.asdict(changed).items():
        if not 0 <= value <= 255:
            raise UsageError(f"{origin} {key} = {value}, need 0 to 255")
    return changed


def as_toml(settings: FitSettings) -> str:
    """Return every setting as TOML that `read_recipe` reads back."""
    tables = dataclasses.asdict(settings)
    augmentation = tables.pop("augmentation")
    del tables["recipe"]
    # JSON's strings, numbers, booleans and lists are valid TOML.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in tables.items()
        if value is not None
    ]
    lines += ["", "[augmentation]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in augmentation.items()]
    return "\n".join(lines) + "\n"
