"""Read studies: TOML files that name recipes to compare, and the figures to compare them with.

about = "The smile capstone's steps"
equal = ["input", "augmentation"]     # settings that must be equal in all rows, with the photos

[settings]                            # of all rows, over those of their recipes
balanced = [10000, 2500, 2500]

[[rows]]                              # in the order of the tables
recipe = "smile-simple-cnn"           # or a file beside the study
name = "plain"                        # of the row and its run; the recipe's if absent
seeds = [1, 2, 3]                     # a run for each; the recipe's seed if absent
ancestor = 0.8104                     # accuracy that the earlier project published
target = 0.88                         # least accuracy

[[rows]]
recipe = "smile-simple-cnn-augmented"
after = "plain"                       # the row that it is a step on from
target_gain = 0.0                     # least gain on it
note = "..."                          # shown with the row, such as why it falls short
settings = { epochs = 40 }            # of this row, over all others
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from device.config import Table, checked, read_toml, settings_of
from device.config import about as setting
from device.errors import UsageError, nearest
from train.training.config import FitSettings
from train.training.recipe import changed, read_recipe

STUDIES = Path(__file__).parents[1] / "comparisons"
SAME_PHOTOS = ("attributes", "without", "balanced", "limit")
FILE_NAME = re.compile(r"\w[\w.+-]*")
RESERVED = ("recipes", "features", "charts")  # folders beside the runs
SHARE = (0, 1)


# fmt: off
class StudyKeys(Table, frozen=True):
    """The keys of a study, beside its tables."""

    about: Annotated[str, setting("one line on the study")] = ""
    equal: Annotated[tuple[str, ...], setting("settings that must be equal in all rows")] = ()


class RowKeys(Table, frozen=True):
    """The keys of a row, beside its settings."""

    recipe: Annotated[str, setting("a recipe, or a file beside the study")] = ""
    name: Annotated[str, setting("of the row and its run")] = ""
    seeds: Annotated[tuple[int, ...], setting("a run for each", "", (0, 2**32 - 1))] = ()
    ancestor: Annotated[float | None, setting(
        "accuracy that the earlier project published", "", SHARE, example=0.9)] = None
    after: Annotated[str, setting("name of the row that it is a step on from")] = ""
    target: Annotated[float | None, setting("least accuracy", "", SHARE, example=0.9)] = None
    target_gain: Annotated[float | None, setting(
        "least gain on the row named by after", "", (-1, 1), example=0.0)] = None
    note: Annotated[str, setting("shown with the row")] = ""
# fmt: on


@dataclass(frozen=True)
class StudyRow:
    """A recipe of a comparison, and what its accuracy is compared with; shares are 0..1."""

    name: str
    settings: FitSettings
    seeds: tuple[int, ...] = ()  # () = that of the settings, in a run named as the row
    ancestor: float | None = None
    after: str = ""
    target: float | None = None
    target_gain: float | None = None
    note: str = ""

    def runs(self) -> dict[str, FitSettings]:
        """Return the settings of each run by the name of its folder: a run per seed."""
        if not self.seeds:
            return {self.name: self.settings}
        return {
            f"{self.name}-seed{seed}": msgspec.structs.replace(self.settings, seed=seed)
            for seed in self.seeds
        }


@dataclass(frozen=True)
class Study:
    """Recipes to compare on the same photos, in order."""

    name: str
    about: str
    rows: tuple[StudyRow, ...]
    equal: tuple[str, ...] = ()  # settings

    def check(self) -> None:
        """Raise UsageError for rows that do not go together."""
        names = [row.name for row in self.rows]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(f"duplicate recipe {doubled}", "each once, or another name in its row")
        for place, row in enumerate(self.rows):
            if row.name in RESERVED or not FILE_NAME.fullmatch(row.name):
                hint = 'name = "plain-cnn" in its row'
                raise UsageError(f"{row.name!r} cannot name the folder of a run", hint)
            if row.after and row.after not in names[:place]:
                hint = nearest(row.after, names[:place]) if place else "no after in the first row"
                raise UsageError(f"{row.name}: no row {row.after!r} above it", hint)
            if row.target_gain is not None and not row.after:
                raise UsageError(f"{row.name} has a target_gain on no row", 'after = "NAME"')
        self._check_equal()

    def _check_equal(self) -> None:
        first = self.rows[0]
        for row in self.rows:
            for key in (*SAME_PHOTOS, *self.equal):
                value, expected = getattr(row.settings, key), getattr(first.settings, key)
                if value != expected:
                    what = "different photos" if key in SAME_PHOTOS else "the study needs it equal"
                    raise UsageError(
                        f"{row.name} has {_shown(key, value)}, {first.name} has "
                        f"{_shown(key, expected)}: {what}",
                        f"for all rows {_flag(key, expected)}",
                    )


def _shown(key: str, value: Any) -> str:
    return f"{key} = {'another' if key == 'augmentation' else value}"


def _flag(key: str, value: Any) -> str:
    """Return the flag of train.compare that gives all rows a setting."""
    if key == "augmentation":
        return "--augment KEY=VALUE"
    name = key.replace("_", "-")
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{name}"
    if key == "input":
        return f"--input {'x'.join(map(str, value))}"
    return shlex.join([f"--{name}", *map(str, value if isinstance(value, tuple) else (value,))])


def study_names() -> tuple[str, ...]:
    """Return the names of the studies in train/comparisons/."""
    return tuple(sorted(path.stem for path in STUDIES.glob("*.toml")))


def read_study(name: str) -> Study:
    """Return a study, one of `study_names` or the path of a TOML file.

    Raises UsageError for an unknown study, recipe or key, with the nearest, and for a wrong value.
    """
    path = Path(name) if name.endswith(".toml") else STUDIES / f"{name}.toml"
    if not path.is_file():
        raise UsageError(f"no study {name!r}", nearest(path.stem, study_names()))
    values = read_toml(path, "compare it with train/comparisons/smiling.toml")
    rows, shared = values.pop("rows", []), _table(values.pop("settings", {}), path, "settings")
    keys = checked(StudyKeys(), values, f"{path}:")
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{path} has no rows", "[[rows]] with a recipe")
    known = [*settings_of(FitSettings), "augmentation"]
    for key in keys.get("equal", ()):
        if key not in known:
            raise UsageError(f"{path}: equal names no setting {key!r}", nearest(key, known))
    read = [_row(row, shared, path, f"{path}: row {n}") for n, row in enumerate(rows, 1)]
    return Study(path.stem, keys.get("about", ""), tuple(read), keys.get("equal", ()))


def _row(values: Any, shared: Mapping[str, Any], path: Path, origin: str) -> StudyRow:
    values = dict(_table(values, path, "rows"))
    own = _table(values.pop("settings", {}), path, "rows.settings")
    keys = checked(RowKeys(), values, f"{origin}:")
    recipe = keys.pop("recipe", "")
    if not recipe:
        raise UsageError(f"{origin} has no recipe", 'recipe = "smile-simple-cnn"')
    name = keys.pop("name", "") or Path(recipe).stem
    settings = read_recipe(recipe, path.parent)
    for part in (shared, own):
        settings = changed(settings, part, f"{origin} ({name}) settings")
    return StudyRow(name, settings, **keys)


def _table(value: Any, path: Path, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {name} is no table", f"[{name}]")
    return value


def study_of_recipes(names: list[str]) -> Study:
    """Return a study of recipes, or files that extend one, without figures to compare with."""
    rows = (StudyRow(Path(name).stem, read_recipe(name)) for name in names)
    return Study("recipes", "", tuple(rows))
