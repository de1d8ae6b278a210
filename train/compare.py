"""Train several recipes on equal photos and seeds, and set them side by side.

    python -m train.compare smile-simple-cnn smile-mobilenetv2 --data ../shared/data/celeba \\
        --out runs/compare-smiling
    python -m train.compare small.toml other.toml --data ... --out ... --limit 4000 --weights none

A recipe is a name or a file that extends one; settings given as flags go before all of theirs.
Takes as long as the recipes do, and goes on where it stopped. Leaves a run per recipe in --out,
with comparison.json in each, and comparison.md and comparison.png of all. --into FILE.md writes the
table there too, between <!-- NAME --> and <!-- /NAME -->, where NAME is that of --out, and the
chart beside it as NAME.png.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import FacetError, UsageError, disk_faults
from device.log import log
from train.data.layouts import read_data
from train.data.select import selected
from train.figures import filled
from train.fitting.flags import add_flags, overridden
from train.fitting.run_folder import read_settings
from train.fitting.settings import FitSettings
from train.measuring.side_by_side import Row, chart, rows_of, table
from train.recipe import as_toml, read_recipe

# What must be equal, or figures are of different photos.
EQUAL = ("attributes", "balanced", "limit", "seed")


def planned(names: Sequence[str], args: argparse.Namespace) -> dict[str, FitSettings]:
    """Return the settings per recipe; UsageError where they would not see the same photos."""
    plan = {Path(name).stem: overridden(read_recipe(name), args) for name in names}
    if len(plan) < len(names):
        raise UsageError("a recipe stands twice")
    first_name, first = next(iter(plan.items()))
    for name, settings in plan.items():
        for key in EQUAL:
            ours, theirs = getattr(settings, key), getattr(first, key)
            if ours != theirs:
                raise UsageError(
                    f"{name} has {key} = {ours}, {first_name} has {theirs}: not equal photos",
                    f"Give --{key} for all",
                )
    return plan


def trained(name: str, settings: FitSettings, data: Path, out: Path) -> Path:
    """Train a recipe in a process of its own, or go on, or see that it is done; return its run.

    Raises UsageError where the folder holds a run of other settings, FacetError where training
    fails, which has told why.
    """
    run, recipe = out / name, out / "recipes" / f"{name}.toml"
    command = [sys.executable, "-m", "train.fit", "--data", str(data), "--out", str(run)]
    if (run / "settings.json").exists():
        if read_settings(run) != dataclasses.replace(settings, recipe=name):
            raise UsageError(f"{run} has other settings", "Name another --out, or delete it")
        command.append("--resume")
    else:
        recipe.parent.mkdir(parents=True, exist_ok=True)
        recipe.write_text(as_toml(settings))
        command += ["--recipe", str(recipe)]
    if not (run / "model.keras").exists() and subprocess.run(command).returncode:
        raise FacetError(f"the recipe {name} was not trained", "Mend that and start again")
    return run


def compare(args: argparse.Namespace) -> list[Row]:
    """Train and measure what is missing and return a row for each recipe."""
    plan = planned(args.recipes, args)
    args.out.mkdir(parents=True, exist_ok=True)
    data, rows = read_data(args.data), []
    for number, (name, settings) in enumerate(plan.items(), 1):
        print(f"{number} of {len(plan)}: {name}", flush=True)
        run = trained(name, settings, args.data, args.out)
        splits = selected(data.splits, settings)
        rows += rows_of(name, run, settings, splits)
        _write(args, rows)
    return rows


def _write(args: argparse.Namespace, rows: list[Row]) -> None:
    """Write the table and the chart of what there is by now."""
    lines = table(rows)
    (args.out / "comparison.md").write_text("\n".join(lines) + "\n")
    records = [dataclasses.asdict(row) for row in rows]
    (args.out / "comparison.json").write_text(json.dumps(records, indent=2) + "\n")
    chart(args.out / "comparison.png", rows)
    if args.into:
        args.into.write_text(filled(args.into.read_text(), args.out.name, lines))
        chart(args.into.with_name(f"{args.out.name}.png"), rows)


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.compare", __doc__)
    add = parser.add_argument
    add("recipes", nargs="+", metavar="RECIPE", help="python -m train.recipe lists them")
    add("--data", required=True, type=Path, help="CelebA's folder, or one of your own photos")
    add("--out", required=True, type=Path, metavar="DIR", help="folder of the runs")
    add("--into", type=Path, metavar="FILE.md", help="a page to write the table into")
    add_flags(parser)
    args = parser.parse_args(argv)
    with disk_faults(f"cannot read or write {args.out}", "Mend that and start again"):
        rows = compare(args)
    print("\n".join(table(rows)))
    log.info(f"table and chart: {args.out / 'comparison.md'}, {args.out / 'comparison.png'}")


if __name__ == "__main__":
    exit_with(main)
