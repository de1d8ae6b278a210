"""Train several recipes on the same photos with the same seed, and compare them.

    python -m train.compare smile-simple-cnn smile-mobilenetv2 --data ../shared/data/celeba \\
        --out runs/compare-smiling
    python -m train.compare small.toml other.toml --data ... --out ... --limit 4000 --weights none

A recipe is a name or a file that extends one; flags override the settings of all recipes. Takes as
long as the recipes do, and continues if interrupted. Writes a run per recipe to --out, with
comparison.json in each, and comparison.md and comparison.png of all. --into FILE.md also writes the
table there, between <!-- NAME --> and <!-- /NAME -->, where NAME is that of --out, and the chart
beside it as NAME.png.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from device.cli.command import Parser, exit_with
from device.errors import FacetError, UsageError, disk_faults
from device.log import log
from train.data.open import read_data
from train.data.select import select_for_run
from train.data.unreadable import unreadable_line
from train.evaluation.comparison import ComparisonRow, measure_run, row_record, table
from train.tools.markers import fill_markers
from train.training.config import FitSettings
from train.training.flags import add_flags, overridden
from train.training.recipe import as_toml, read_recipe
from train.training.run_dir import read_settings

# Must be equal in all recipes, or the results are on different photos.
EQUAL = ("attributes", "without", "balanced", "limit", "seed")


def plan_runs(names: Sequence[str], flags: argparse.Namespace) -> dict[str, FitSettings]:
    """Return the settings per recipe; UsageError if they would not use the same photos."""
    plan = {Path(name).stem: overridden(read_recipe(name), flags) for name in names}
    if len(plan) < len(names):
        raise UsageError("duplicate recipe", f"python -m train.compare {shlex.join(plan)} ...")
    first_name, first = next(iter(plan.items()))
    for name, settings in plan.items():
        for key in EQUAL:
            value, expected = getattr(settings, key), getattr(first, key)
            if value != expected:
                raise UsageError(
                    f"{name} has {key} = {value}, {first_name} has {expected}: different photos",
                    f"--{key} for all",
                )
    return plan


def train_recipe(name: str, settings: FitSettings, data: Path, out: Path) -> Path:
    """Train a recipe in its own process, unless it is finished, or resume it; return its run.

    Raises UsageError if the folder holds a run of other settings, FacetError if training fails,
    which has printed the reason.
    """
    run, recipe = out / name, out / "recipes" / f"{name}.toml"
    command = [sys.executable, "-m", "train.fit", "--data", str(data), "--out", str(run)]
    if (run / "settings.json").exists():
        if read_settings(run) != msgspec.structs.replace(settings, recipe=name):
            raise UsageError(f"{run} has other settings", "another --out, or delete it")
        command.append("--resume")
    else:
        recipe.parent.mkdir(parents=True, exist_ok=True)
        recipe.write_text(as_toml(settings))
        command += ["--recipe", str(recipe)]
    if not (run / "model.keras").exists() and subprocess.run(command).returncode:
        raise FacetError(f"training the recipe {name} failed", "fix it and rerun")
    return run


def compare(
    plan: dict[str, FitSettings], data_folder: Path, out: Path, into: Path | None
) -> list[ComparisonRow]:
    """Train and measure what is missing and return the rows of all recipes."""
    out.mkdir(parents=True, exist_ok=True)
    data, rows = read_data(data_folder), []
    for number, (name, settings) in enumerate(plan.items(), 1):
        print(f"{number} of {len(plan)}: {name}", flush=True)
        run = train_recipe(name, settings, data_folder, out)
        splits = select_for_run(data.splits, settings)
        rows += measure_run(name, run, settings, splits)
        if line := unreadable_line(*splits.values()):
            print(line)
        _write(rows, out, into)
    return rows


def _write(rows: list[ComparisonRow], out: Path, into: Path | None) -> None:
    """Write the table and the chart of the recipes so far."""
    from train.evaluation.comparison_chart import chart  # imports Matplotlib

    lines = table(rows)
    (out / "comparison.md").write_text("\n".join(lines) + "\n")
    records = [row_record(row) for row in rows]
    (out / "comparison.json").write_text(json.dumps(records, indent=2) + "\n")
    chart(out / "comparison.png", rows)
    if into:
        into.write_text(fill_markers(into.read_text(), out.name, lines))
        chart(into.with_name(f"{out.name}.png"), rows)


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.compare", __doc__)
    add = parser.add_argument
    add("recipes", nargs="+", metavar="RECIPE", help="python -m train.recipe lists them")
    add("--data", required=True, type=Path, help="CelebA's folder, or one of your own photos")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the runs")
    add("--into", type=Path, metavar="FILE.md", help="page to write the table into")
    add_flags(parser)
    args = parser.parse_args(argv)
    with disk_faults(f"cannot read or write {args.out}", "fix it and rerun"):
        rows = compare(plan_runs(args.recipes, args), args.data, args.out, args.into)
    print("\n".join(table(rows)))
    log.info(f"table and chart: {args.out / 'comparison.md'}, {args.out / 'comparison.png'}")


if __name__ == "__main__":
    exit_with(main)
