"""Train an attribute classifier: Facet's own, or another recipe.

    python -m train.fit --data ../shared/data/celeba --out runs/a \\
        --weights ../shared/weights/mobilenet_v2_1.0_imagenet_notop.weights.h5
    python -m train.fit --data ... --out runs/a --resume      # goes on after an interruption
    python -m train.fit --data ... --out runs/b --recipe smile-vgg19-frozen --epochs 5
    python -m train.fit --data ... --out runs/small --recipe attributes-small
    python -m train.recipe                                    # all recipes

--data is CelebA, complete or a part, or one's own photos (python -m train.own_photos --help).
15 minutes an epoch of `attributes` for 37,616 photos on two cores. RUN then holds model.keras,
settings.json (settings, seed, data counts, code version), history.csv, tensorboard/, and, until the
run is complete, backup/ with the last finished epoch. Features of frozen bases, which runs share,
lie beside RUN in features/ and may be deleted.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from device.cli.command import Parser, exit_with
from device.errors import UsageError, disk_faults
from device.log import log
from train.celeba import DataError, left_out_line
from train.data.layouts import read_data
from train.data.select import counts_line, selected
from train.fitting.cluster import leads
from train.fitting.flags import add_flags, given_settings, overridden
from train.fitting.loop import fit
from train.fitting.profile import Profile, profiled
from train.fitting.run_folder import holds_run, read_settings, save_settings
from train.fitting.settings import FitSettings
from train.network.bases import find_base
from train.recipe import read_recipe, recipe_names

DEFAULT_RECIPE = "attributes"
PROFILED_STEPS = 30
OF_THE_MACHINE = ("distribute", "processes")  # settings that a resumed run may have otherwise


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser("train.fit", __doc__)
    add = parser.add_argument
    add("--data", required=True, type=Path, help="CelebA's folder, or one of your own photos")
    add("--out", type=Path, metavar="RUN", help="folder of this run; needed but for --profile")
    add(
        "--recipe",
        help=f"one of {', '.join(recipe_names())}, or a file NAME.toml ({DEFAULT_RECIPE})",
    )
    add("--resume", action="store_true", help="go on with RUN, with the settings it has")
    add(
        "--profile",
        type=int,
        nargs="?",
        const=PROFILED_STEPS,
        default=0,
        metavar="STEPS",
        help="train nothing: measure how long a step waits for its photos",
    )
    add_flags(parser)
    args = parser.parse_args(argv)
    if args.profile < 0:
        raise UsageError(f"--profile {args.profile}: need 1 step at least")
    if not (args.out or args.profile):
        raise UsageError("no folder for the run", "Give --out RUN")
    return args


def settings_of(args: argparse.Namespace) -> FitSettings:
    """Return a new run's settings, or those that the run to go on with has.

    Raises UsageError where the folder holds a run, none, or one of another recipe.
    """
    run: Path = args.out
    if not args.resume:
        settings = overridden(read_recipe(args.recipe or DEFAULT_RECIPE), args)
        if leads(settings.distribute) and holds_run(run):
            raise UsageError(f"{run} holds a run already", "Add --resume, or name another --out.")
        return settings
    settings = read_settings(run)
    if args.recipe and Path(args.recipe).stem != settings.recipe:
        raise UsageError(
            f"{run} is a run of the recipe {settings.recipe}, not of {args.recipe}",
            "Leave out --recipe, or name another --out.",
        )
    given = given_settings(args)
    for name, value in given.items():
        if name not in OF_THE_MACHINE and value != getattr(settings, name):
            log.info(f"--resume keeps the run's {name}: {getattr(settings, name)}, not {value}")
    return replace(settings, **{k: v for k, v in given.items() if k in OF_THE_MACHINE})


def profile(args: argparse.Namespace) -> Profile:
    """Return how long a step of the recipe's main epochs waits for its photos."""
    settings = overridden(read_recipe(args.recipe or DEFAULT_RECIPE), args)
    train = selected(read_data(args.data).splits, settings)["train"]
    if not len(train):
        raise DataError(f"no training photo in {args.data}")
    return profiled(train, settings, args.profile)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    if args.profile:
        print(profile(args))
        return
    run: Path = args.out
    settings = settings_of(args)
    find_base(settings.backbone)
    if (run / "model.keras").exists():
        print(f"{run} is complete: {run / 'model.keras'}")
        return
    data = read_data(args.data)
    splits = selected(data.splits, settings)
    print(f"{counts_line(splits, settings)}; {left_out_line(data)}")
    if not len(splits["train"]):
        raise DataError(f"no training photo in {args.data}")
    mend = "Free the disk or mend that, then add --resume."
    with disk_faults(f"cannot read or write {run}", mend):
        run.mkdir(parents=True, exist_ok=True)
        if not args.resume and leads(settings.distribute):
            counts = {name: len(splits[name]) for name in ("train", "val")}
            save_settings(run, settings, args.data, counts)
        fit(splits["train"], splits["val"], run, settings)
    if leads(settings.distribute):
        print(f"saved {run / 'model.keras'}; next: python -m train.convert {run} --out models/")


if __name__ == "__main__":
    exit_with(main)
