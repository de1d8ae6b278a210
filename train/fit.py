"""Train an attribute classifier by a recipe.

    python -m train.fit --data ../shared/data/celeba --out runs/a \\
        --weights ../shared/weights/mobilenet_v2_1.0_imagenet_notop.weights.h5
    python -m train.fit --data ... --out runs/a --resume      # continue after an interruption
    python -m train.fit --data ... --out runs/b --recipe smile-vgg19-frozen --epochs 5
    python -m train.fit --data ... --out runs/small --recipe attributes-small
    python -m train.recipe                                    # all recipes

--data is CelebA in the authors' or Kaggle's layout, complete or a part (python -m train.celeba
--help), or a folder of own photos (python -m train.own_photos --help). For a trial add
--limit 500 --epochs 1 --input 64x80. --more adds folders of further photos, of which some labels
may be unknown (docs/training.md). 15 minutes per epoch of `attributes-base` for 37,616 photos on
two cores. RUN then holds model.keras, settings.json (settings, seed, data counts, code version),
history.csv, tensorboard/, and, until the run is complete, backup/ with the last finished epoch.
Cached features of frozen backbones, which runs share, are beside RUN in features/ and may be
deleted.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from device.cli.command import Parser, exit_with
from device.errors import UsageError, disk_faults
from device.log import log
from train.data.open import read_data
from train.data.select import counts_line, select_for_run
from train.data.split import CHECK_DATA, DataError, Dataset, Split, left_out_line
from train.data.unreadable import unreadable_line
from train.training.config import FitSettings, check_early_stopping
from train.training.flags import add_flags, overridden
from train.training.photos import with_all_photos
from train.training.recipe import read_recipe, recipe_names
from train.training.run_dir import (
    check_same_photos,
    holds_run,
    read_settings,
    save_resumed,
    save_settings,
    save_unreadable,
    saved_line,
)

# Keras takes 3 s to import: functions import what needs it, so that --help and errors come at once.
if TYPE_CHECKING:
    from train.training.profile import Profile

DEFAULT_RECIPE = "attributes-base"
PROFILED_STEPS = 30
MACHINE_SETTINGS = ("distribute", "workers")  # may differ when a run is resumed
PHOTO_SETTINGS = ("more", "balance")  # may too, if the photos and their draws stay the same
RATES = ("learning_rate", "frozen_learning_rate")  # may too, after the training diverged


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the parsed flags; UsageError for wrong ones."""
    parser = Parser("train.fit", __doc__)
    add = parser.add_argument
    add("--data", required=True, type=Path, help="folder of CelebA, or of your own aligned photos")
    add("--out", type=Path, metavar="RUN", help="folder of this run; required without --profile")
    add(
        "--recipe",
        help=f"one of {', '.join(recipe_names())}, or a file NAME.toml ({DEFAULT_RECIPE})",
    )
    add("--resume", action="store_true", help="continue RUN with its own settings")
    add(
        "--profile",
        type=int,
        nargs="?",
        const=PROFILED_STEPS,
        default=0,
        metavar="STEPS",
        help="do not train: measure how long a step waits for its photos",
    )
    add_flags(parser)
    args = parser.parse_args(argv)
    if args.profile < 0:
        raise UsageError(f"--profile {args.profile}: need at least 1 step", "--profile 50")
    if not (args.out or args.profile):
        raise UsageError("no folder for the run", "--out RUN")
    return args


def settings_of(args: argparse.Namespace) -> FitSettings:
    """Return the settings of a new run, or of the run to resume.

    Raises UsageError if the folder already holds a run, or to resume, none or one of another
    recipe.
    """
    run: Path = args.out
    if not args.resume:
        settings = overridden(read_recipe(args.recipe or DEFAULT_RECIPE), args)
        check_new(run, settings)
        return settings
    settings = read_settings(run)
    if args.recipe and Path(args.recipe).stem != settings.recipe:
        raise UsageError(
            f"{run} is a run of the recipe {settings.recipe}, not of {args.recipe}",
            "omit --recipe, or another --out",
        )
    return resumed(settings, args)


def check_new(run: Path, settings: FitSettings) -> None:
    """Raise UsageError if a folder already holds a run."""
    from train.training.distributed import is_chief

    if is_chief(settings.distribute) and holds_run(run):
        raise UsageError(f"{run} already holds a run", "--resume, or another --out")


def resumed(settings: FitSettings, args: argparse.Namespace) -> FitSettings:
    """Return a run's settings with the flags that may change when it is resumed.

    A log line names each of the other flags that differs.
    """
    asked = _flat(overridden(settings, args))
    changeable = (*MACHINE_SETTINGS, *PHOTO_SETTINGS, *RATES)
    for name, kept in _flat(settings).items():
        if name not in changeable and asked[name] != kept:
            log.info(f"--resume keeps the run's {name}: {kept}, not {asked[name]}")
    return msgspec.structs.replace(settings, **{name: asked[name] for name in changeable})


def _flat(settings: FitSettings) -> dict[str, Any]:
    """Return {name: value}, those of the augmentation among them."""
    values = msgspec.structs.asdict(settings)
    return values | msgspec.structs.asdict(values.pop("augmentation"))


def check_inputs(settings: FitSettings) -> None:
    """Raise UsageError for an unknown backbone or a missing teacher."""
    from train.network.backbones import find_backbone

    find_backbone(settings.backbone)
    missing = [file for file in settings.teacher if not Path(file).is_file()]
    if missing:
        raise UsageError(
            f"recipe {settings.recipe}: no teacher {', '.join(missing)}",
            f"the commands in train/recipes/{settings.recipe}.toml, --teacher FILE.keras ..., "
            f"or --recipe {DEFAULT_RECIPE}",
        )


def profile(args: argparse.Namespace) -> Profile:
    """Return how long a step of the recipe's main epochs waits for its photos."""
    from train.training.profile import measure_input_wait

    settings = overridden(read_recipe(args.recipe or DEFAULT_RECIPE), args)
    data = read_data(args.data)
    train = select_for_run(data.splits, settings)["train"]
    train = with_all_photos(train, data, args.data, settings)
    if not len(train):
        raise DataError(f"no training photo in {args.data}", CHECK_DATA)
    return measure_input_wait(train, settings, args.profile)


def _check_complete(model: Path) -> None:
    """Raise UsageError if a finished model has a NaN: a run of Facet before it checked that."""
    from train.network.load import has_finite_weights

    if not has_finite_weights(model):
        raise UsageError(
            f"{model} has weights that are NaN or infinite: its training diverged",
            "another --out with a lower --learning-rate",
        )


def splits_for(data: Dataset, folder: Path, settings: FitSettings) -> dict[str, Split]:
    """Return the splits of a run, with the photos of --more, and print their counts.

    folder: of the data. Raises DataError without a training photo, and as `select_for_run` does.
    """
    splits = select_for_run(data.splits, settings)
    own = len(splits["train"])
    splits["train"] = with_all_photos(splits["train"], data, folder, settings)
    further = len(splits["train"]) - own
    print(f"{counts_line(splits, settings, further)}; {left_out_line(data)}")
    if not len(splits["train"]):
        raise DataError(f"no training photo in {folder}", CHECK_DATA)
    return splits


def train_run(
    run: Path, settings: FitSettings, splits: dict[str, Split], folder: Path, resume: bool
) -> None:
    """Train RUN/model.keras on the photos of `folder`, or go on, and print the unreadable photos.

    Raises UsageError if a resumed run was started on other photos.
    """
    from train.training.distributed import Cluster
    from train.training.trainer import fit

    check_early_stopping(settings, len(splits["val"]))
    resume = resume and holds_run(run)  # False after a start that failed
    if resume:
        check_same_photos(run, folder, splits)
    with disk_faults(f"cannot read or write {run}", "fix it or free disk space, then add --resume"):
        run.mkdir(parents=True, exist_ok=True)
        # Joined before the settings are saved: with the name of a device, TensorFlow has begun.
        cluster = Cluster(settings.distribute)
        if cluster.is_chief:
            if resume:
                rates = {name: getattr(settings, name) for name in RATES}
                save_resumed(run, folder, rates, settings.more)
            else:
                save_settings(run, settings, folder, splits)
        fit(splits["train"], splits["val"], run, settings, cluster)
        if cluster.is_chief:
            save_unreadable(run, (splits["train"], splits["val"]))
            if line := unreadable_line(splits["train"], splits["val"]):
                print(line)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    if args.profile:
        print(profile(args))
        return
    run: Path = args.out
    settings = settings_of(args)
    if (run / "model.keras").exists():
        _check_complete(run / "model.keras")
        print(f"{run} is complete: {saved_line(run)}")
        return
    from train.training.distributed import is_chief
    from train.training.plan import plan_lines

    # Keras says so of every input that is no square; the weights fit all the same.
    warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square")
    check_inputs(settings)
    splits = splits_for(read_data(args.data), args.data, settings)
    print("\n".join(plan_lines(settings, len(splits["train"]))), flush=True)
    train_run(run, settings, splits, args.data, args.resume)
    if is_chief(settings.distribute):
        print(saved_line(run))


if __name__ == "__main__":
    exit_with(main)
