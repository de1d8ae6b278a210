"""Train a backbone to imitate teachers, and save its weights as a start for train.fit.

    python -m train.pretrain ResNet50 --data ../shared/data/celeba \\
        --teacher models/attributes.keras models/face.keras \\
        --without Smiling High_Cheekbones Mouth_Slightly_Open --out runs/resnet50.weights.h5
    python -m train.pretrain ResNet50 --data ... --out runs/resnet50.weights.h5 --resume
    python -m train.fit --backbone ResNet50 --weights runs/resnet50.weights.h5 ...

For backbones whose weights no package has (python -m train.weights list). The labels are the
teachers' predictions for each augmented crop; with --teacher-share below 1 the labels of the photos
are mixed in. Without --teacher-input, crops have the size of the largest teacher, and the backbone
sees them reduced to --input. Settings that have no flag here are those of the recipe `pretrain`.

--without leaves attributes out, in the labels and in the teachers' predictions: the one that is
studied with these weights first, so that they have not learned it. What they learn of it all the
same: attributes that go with it, which the command lists, such as High_Cheekbones and
Mouth_Slightly_Open with Smiling; and the teachers were trained with its labels, so their other
predictions may depend on it. `--without` alone leaves nothing out.

FILE.weights.h5 is the backbone without head. The folder FILE beside it is a run as train.fit leaves
it. Hours on two cores: the command prints the cost first, then the progress with the time left.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from device.cli.command import Parser, exit_with, pasteable
from device.errors import UsageError, disk_faults
from device.log import log
from device.text import counted
from train.data.open import read_data
from train.data.select import attributes_for_run
from train.data.split import UNKNOWN, Split
from train.fit import check_new, resumed, splits_for, train_run
from train.training.config import FROM_SCRATCH, FitSettings
from train.training.flags import add_flags, overridden
from train.training.recipe import read_recipe
from train.training.run_dir import read_settings

# Keras takes 3 s to import: functions import what needs it, so that --help and errors come at once.
if TYPE_CHECKING:
    from train.network.distillation import TeacherEnsemble

RECIPE = "pretrain"
ENDING = ".weights.h5"
# fmt: off
FLAGS = (
    "--without", "--teacher", "--teacher-share", "--teacher-input", "--limit", "--more", "--input",
    "--weights", "--epochs", "--batch", "--optimizer", "--learning-rate", "--schedule", "--warmup",
    "--weight-decay", "--ema", "--mixup", "--precision", "--workers", "--distribute", "--seed",
)
# fmt: on
# Without BatchNorm the recipe's rate diverges from random weights.
RATES = {"VGG16": 1e-4, "VGG19": 1e-4}
REQUIRED = {
    "teacher": ("no teacher", "--teacher models/attributes.keras"),
    "without": ("no attribute to leave out", "--without Smiling, or --without alone for none"),
}
MIN_CORRELATION = 0.3  # that a line names


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the parsed flags; UsageError for wrong ones."""
    parser = Parser("train.pretrain", __doc__)
    add = parser.add_argument
    add("base", metavar="BASE", help="a backbone: a name that train.fit --backbone takes")
    add("--data", required=True, type=Path, help="CelebA's folder, or one of your own photos")
    add("--out", required=True, type=Path, metavar=f"FILE{ENDING}", help="the backbone's weights")
    add("--resume", action="store_true", help="continue with the run's own settings")
    add_flags(parser, FLAGS, read_recipe(RECIPE))
    args = parser.parse_args(argv)
    if not args.out.name.removesuffix(ENDING) or not args.out.name.endswith(ENDING):
        raise UsageError(f"--out {args.out} does not end in {ENDING}", f"--out NAME{ENDING}")
    return args


def run_folder(out: Path) -> Path:
    """Return the folder of the run beside a file of weights."""
    return out.with_name(out.name.removesuffix(ENDING))


def settings_of(args: argparse.Namespace) -> FitSettings:
    """Return the settings of a new run, or of the run to resume.

    Raises UsageError if there already is a run or a file, or, to resume, none or one of another
    backbone or other attributes.
    """
    run = run_folder(args.out)
    if args.resume:
        settings = read_settings(run)
        _check_same(run, settings, args)
        return resumed(settings, args)
    for name, (problem, hint) in REQUIRED.items():
        if name not in args or (name == "teacher" and not args.teacher):
            raise UsageError(problem, hint)
    settings = overridden(read_recipe(RECIPE), args)
    check_new(run, settings)
    if args.out.exists():
        raise UsageError(f"{args.out} already exists", "another --out")
    if "learning_rate" not in args and args.base in RATES:
        settings = msgspec.structs.replace(settings, learning_rate=RATES[args.base])
    return msgspec.structs.replace(settings, backbone=args.base)


def _check_same(run: Path, settings: FitSettings, args: argparse.Namespace) -> None:
    """Raise UsageError if a run has another backbone, or leaves other attributes out."""
    if settings.backbone != args.base:
        raise UsageError(f"{run} is a run of {settings.backbone}", "the same, or another --out")
    if set(vars(args).get("without", settings.without)) != set(settings.without):
        raise UsageError(
            f"{run} leaves out {_listed(settings.without)}", "the same, or another --out"
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def check_inputs(settings: FitSettings) -> None:
    """Raise UsageError for an unknown backbone or a missing teacher."""
    from train.network.backbones import find_backbone

    find_backbone(settings.backbone)
    missing = [file for file in settings.teacher if not Path(file).is_file()]
    if missing:
        raise UsageError(f"no teacher {', '.join(missing)}", "--teacher models/attributes.keras")


def teacher_input(teachers: TeacherEnsemble, input_wh: tuple[int, int]) -> tuple[int, int] | None:
    """Return a crop size, px, as high as the highest teacher's and of the shape of `input_wh`.

    None if no teacher is higher than that.
    """
    height = max(teacher.input_shape[1] for teacher in teachers.teachers)
    if height <= input_wh[1]:
        return None
    return round(height * input_wh[0] / input_wh[1]), height


def correlated(split: Split, without: tuple[str, ...]) -> dict[str, float]:
    """Return the attributes that go with those left out, and their correlation, the highest first.

    {name: phi coefficient}, 0.3..1 in absolute value, over the photos where both are known.
    """
    found: dict[str, float] = {}
    for excluded in set(without) & set(split.attributes):
        first = split.labels[:, split.attributes.index(excluded)]
        for column, name in enumerate(split.attributes):
            second = split.labels[:, column]
            pairs = np.stack([first, second])[:, (first != UNKNOWN) & (second != UNKNOWN)]
            if name in without or not pairs.std(axis=1).all():
                continue
            phi = float(np.corrcoef(pairs)[0, 1])
            if abs(phi) >= max(MIN_CORRELATION, abs(found.get(name, 0.0))):
                found[name] = phi
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def describe(settings: FitSettings, teachers: TeacherEnsemble, train: Split) -> str:
    """Return what a run does and what it costs, two lines."""
    from train.network.build import multiply_adds
    from train.training.trainer import build_network

    student = multiply_adds(build_network(settings, len(train.attributes), FROM_SCRATCH))
    of_teachers = sum(multiply_adds(teacher) for teacher in teachers.teachers)
    start = "scratch" if settings.weights == FROM_SCRATCH else settings.weights
    steps = -(-len(train) // settings.batch)
    size = "x".join(map(str, settings.input))
    return (
        f"{settings.backbone} from {start} at {size} imitates {', '.join(settings.teacher)} in "
        f"{len(train.attributes)} attributes, without {_listed(settings.without)}\n"
        f"{counted(settings.epochs, 'epoch')} of {counted(steps, 'step')} of {settings.batch} "
        f"photos; multiply-adds of a photo: {student / 1e6:,.0f} M, three times that with the "
        f"gradients, and {of_teachers / 1e6:,.0f} M of the teachers"
    )


def train_base(run: Path, settings: FitSettings, args: argparse.Namespace) -> None:
    """Train the run's model, or go on; print what that costs before."""
    from train.network.distillation import load_teachers

    check_inputs(settings)
    data = read_data(args.data)
    names = attributes_for_run(data.attributes, settings)
    teachers = load_teachers([Path(file) for file in settings.teacher], names)
    if not (args.resume or settings.teacher_input):
        size = teacher_input(teachers, settings.input)
        settings = msgspec.structs.replace(settings, teacher_input=size)
    splits = splits_for(data, args.data, settings)
    print(describe(settings, teachers, splits["train"]))
    left_in = correlated(data.splits["train"], settings.without)
    if left_in:
        pairs = ", ".join(f"{name} {phi:.2f}" for name, phi in left_in.items())
        all_names = shlex.join([*settings.without, *left_in])
        log.info(f"not left out, but correlated: {pairs}; to leave them out: --without {all_names}")
    del teachers  # train_run loads them at the run's precision
    train_run(run, settings, splits, args.data, args.resume)


def save_base(run: Path, out: Path) -> None:
    """Write the weights of the backbone of RUN/model.keras, whole or not at all."""
    from train.network.backbones import save_weights
    from train.network.build import backbone_of
    from train.network.load import load_float

    model = load_float(run / "model.keras")
    with disk_faults(f"cannot write {out}", "free disk space, then add --resume"):
        save_weights(backbone_of(model), out)


def next_command(settings: FitSettings, data: Path, out: Path) -> str:
    """Return the command that continues from the weights, for the attribute left out first."""
    run = run_folder(out)
    studied = settings.without[:1]
    words = ["python", "-m", "train.fit", "--backbone", settings.backbone, "--weights", str(out)]
    words += ["--input", "x".join(map(str, settings.input))]
    words += ["--attributes", *studied] if studied else []
    fitted = run.with_name("-".join([run.name, *studied] if studied else [run.name, "all"]))
    return shlex.join([*words, "--data", str(data), "--out", str(fitted)])


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    run, out = run_folder(args.out), args.out
    settings = settings_of(args)
    complete = (run / "model.keras").exists()
    if not complete:
        train_base(run, settings, args)
    if not out.exists() or not complete:
        save_base(run, out)
    print(pasteable(f"saved {out}; next: {next_command(settings, args.data, out)}"))


if __name__ == "__main__":
    exit_with(main)
