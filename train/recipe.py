"""Read a recipe: a TOML file that names what differs from Facet's own way of training.

    python -m train.recipe                       # all recipes, a line each
    python -m train.recipe smile-vgg19-frozen    # every setting that it comes to

Keys are the settings of train/fitting/settings.py. `extends = "NAME"` begins with another recipe,
or with a file "NAME.toml" beside this one. An [augmentation] table names all that varies: what it
leaves out is off.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from device.cli.command import Parser, exit_with
from device.config import checked, read_toml
from device.errors import UsageError, nearest
from train.data.augment import Augmentation
from train.fitting.settings import FitSettings, validated

RECIPES = Path(__file__).parent / "recipes"
# crop_wh is what the code calls it, input what people do.
ALIASES = {"input": "crop_wh", "view": "view_wh"}


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that Facet has."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def read_recipe(name: str) -> FitSettings:
    """Return the settings of a recipe, one of `recipe_names` or the path of a TOML file.

    Raises UsageError for an unknown recipe or key, naming the nearest, and for a wrong value.
    """
    return validated(_read(name, ()), f"recipe {name}")


def _read(name: str, before: tuple[str, ...], folder: Path = Path()) -> FitSettings:
    path = folder / name if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file() and not name.endswith(".toml"):
        raise UsageError(f"no recipe {name!r}", nearest(name, recipe_names()))
    if path.stem in before:
        raise UsageError(f"recipe {path.stem} extends itself: {' -> '.join((*before, path.stem))}")
    values: dict[str, Any] = {
        ALIASES.get(key, key): value for key, value in read_toml(path).items()
    }
    extends = values.pop("extends", None)
    settings = _read(str(extends), (*before, path.stem), path.parent) if extends else FitSettings()
    values["recipe"] = path.stem
    if "augmentation" in values:
        values["augmentation"] = varied(off(), values["augmentation"], f"{path}: [augmentation]")
    plain = {key: value for key, value in values.items() if key != "augmentation"}
    # Checked together: a misspelt key may look like one from either.
    typed = checked(FitSettings(), plain, f"{path}:")
    return dataclasses.replace(settings, **(values | typed))


def off() -> Augmentation:
    """Return an augmentation that changes nothing."""
    return Augmentation(**{one.name: 0.0 for one in dataclasses.fields(Augmentation)})


def varied(augmentation: Augmentation, values: Any, origin: str) -> Augmentation:
    """Return the augmentation with other values; UsageError for unknown or impossible ones."""
    if not isinstance(values, dict):
        raise UsageError(f"{origin} is not a table", "Write [augmentation] above its keys")
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
    # JSON's strings, numbers, lists and true or false are TOML's as well.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in tables.items()
        if value is not None
    ]
    lines += ["", "[augmentation]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in augmentation.items()]
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.recipe", __doc__)
    parser.add_argument("name", nargs="?", metavar="RECIPE", help="a name, or a file NAME.toml")
    name = parser.parse_args(argv).name
    if name:
        print(as_toml(read_recipe(name)), end="")
        return
    width = max(map(len, recipe_names()))
    for each in recipe_names():
        print(f"{each:{width}}  {read_recipe(each).about}")


if __name__ == "__main__":
    exit_with(main)
