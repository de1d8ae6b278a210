"""Train the attribute classifier on CelebA.

    python -m train.fit --data ../shared/data/celeba --out runs/a \\
        --weights ../shared/weights/mobilenet_v2_1.0_imagenet_notop.weights.h5
    python -m train.fit --data ... --out runs/a --resume      # goes on after an interruption
    python -m train.fit --data ... --out runs/small --input 96x120 --until block_13_expand_relu \\
        --weights models/attributes.keras --teacher models/attributes.keras

15 minutes an epoch for 37,616 photos on two cores. RUN then holds model.keras, settings.json
(settings, seed, data counts, code version), history.csv, tensorboard/, and, until the run is
complete, backup/ with the last finished epoch.
"""

import argparse
import importlib.util
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from device.command import Parser, exit_with
from device.errors import FacetError, UsageError
from train.augment import Augmentation
from train.batches import Batches
from train.celeba import DataError, Split, left_out_line, read_celeba
from train.engine import keras
from train.models import BACKBONES, build, set_precision, settle_batchnorm
from train.outputs import load_float
from train.teacher import Opinion, Taught

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
SETTLE_BATCHES = 100  # batches whose mean gives the final BatchNorm statistics


@dataclass(frozen=True)
class FitSettings:
    """One training run's recipe, saved beside its weights."""

    weights: str = "imagenet"
    crop_wh: tuple[int, int] = (128, 160)
    epochs: int = 5
    batch: int = 32
    learning_rate: float = 8e-4  # at its peak, after the warm-up
    warmup: float = 0.05  # share of all steps
    weight_decay: float = 0.02
    dropout: float = 0.2
    backbone: str = "MobileNetV2"  # of train.models.BACKBONES
    until: str = ""  # the backbone's last layer; an earlier one makes a smaller model; "" = whole
    teacher: tuple[str, ...] = ()  # .keras files of models that look at the same crops
    teacher_share: float = 0.5  # of each label that is their opinion
    view_wh: tuple[int, int] | None = None  # size of the crops that teachers see; None = crop_wh
    ema: float = 0.0  # momentum of the weights' running mean, which is what is kept; 0 = none
    precision: str = "float32"  # or mixed_bfloat16, mixed_float16: for accelerators
    processes: int = 0  # that make batches; 0 = two threads, which suffice for two cores
    seed: int = 1
    limit: int = 0  # use only the first N photos of each split; 0 = all
    augmentation: Augmentation = field(default_factory=Augmentation)


class Progress(keras.callbacks.Callback):
    """One bar for the whole run, with the time left and the running loss."""

    def __init__(self, steps_per_epoch: int, epochs: int):
        super().__init__()
        self._steps_per_epoch, self._total = steps_per_epoch, steps_per_epoch * epochs

    def on_train_begin(self, logs=None):
        self._bar = tqdm(total=self._total, unit="step", smoothing=0.05, mininterval=2)

    def on_epoch_begin(self, epoch, logs=None):
        # Also after a resume, where the first epoch is not the run's first.
        self._bar.n = self._bar.initial = max(self._bar.initial, epoch * self._steps_per_epoch)

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(1)
        if batch % 20 == 0:
            self._bar.set_postfix(loss=f"{logs['loss']:.4f}", refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        shown = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._bar.write(f"epoch {epoch + 1}: {shown}")

    def on_train_end(self, logs=None):
        self._bar.close()


class EpochStart(keras.callbacks.Callback):
    """Tell the batches which epoch it is, so that a resumed run is shuffled like a whole one."""

    def __init__(self, batches: Batches):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.start_epoch(epoch)


def schedule(settings: FitSettings, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return linear warm-up, then a cosine down to zero over the rest of `steps`."""
    warmup = max(1, round(settings.warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, steps - warmup),
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )


def accuracy(labels, probabilities):
    """Share of attributes on the right side of 1/2; mixed labels count as their nearer side."""
    same = keras.ops.equal(labels > 0.5, probabilities > 0.5)
    return keras.ops.mean(keras.ops.cast(same, "float32"), axis=-1)


def fit(train: Split, val: Split, run: Path, settings: FitSettings) -> keras.Model:
    """Train, or go on from RUN/backup, and leave model.keras in the run's folder."""
    keras.utils.set_random_seed(settings.seed)
    batches = Batches(
        train,
        settings.view_wh or settings.crop_wh,
        settings.batch,
        settings.augmentation,
        settings.seed,
        settings.processes,
    )
    backup = run / "backup"
    # What is restored needs no start: the weights' file may have gone since.
    weights = "none" if any(backup.glob("*.weights.h5")) else settings.weights
    model = build(
        len(train.attributes),
        settings.crop_wh,
        weights,
        settings.dropout,
        settings.until,
        settings.backbone,
    )
    set_precision(model, settings.precision)
    pupil = taught(model, settings) if settings.teacher or settings.view_wh else model
    pupil.compile(
        keras.optimizers.AdamW(
            schedule(settings, len(batches) * settings.epochs),
            weight_decay=settings.weight_decay,
            use_ema=settings.ema > 0,
            ema_momentum=settings.ema or 0.99,
        ),
        loss="binary_crossentropy",
        metrics=[accuracy],
    )
    pupil.fit(
        batches,
        validation_data=validation(val, settings),
        epochs=settings.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(
                backup, double_checkpoint=True, delete_checkpoint=False
            ),
            EpochStart(batches),
            keras.callbacks.CSVLogger(run / "history.csv", append=True),
            *tensorboard(run),
            Progress(len(batches), settings.epochs),
            *([keras.callbacks.SwapEMAWeights()] if settings.ema else []),
        ],
    )
    set_precision(model, "float32")
    settle_batchnorm(model, settling_crops(train, settings))
    # Without the optimizer's state, which is two thirds of the file and of no use once done.
    keras.Model(model.input, model.output, name=model.name).save(run / "model.partial.keras")
    (run / "model.partial.keras").rename(run / "model.keras")
    shutil.rmtree(backup, ignore_errors=True)
    return model


def taught(student: keras.Model, settings: FitSettings) -> Taught:
    """Return the student with its teachers beside it, all at the run's precision."""
    teachers = [load_float(Path(file), student.output_shape[-1]) for file in settings.teacher]
    for teacher in teachers:
        set_precision(teacher, settings.precision)
    return Taught(student, Opinion(teachers), settings.teacher_share if teachers else 0.0)


def validation(val: Split, settings: FitSettings) -> Batches | None:
    """Return the validation photos, cut as for the device, or None where there are none."""
    some = -(-settings.processes // 2)
    return Batches(val, settings.crop_wh, 64, processes=some) if len(val) else None


def tensorboard(run: Path) -> list[keras.callbacks.Callback]:
    """Return TensorBoard's callback where TensorFlow, which writes its files, is installed."""
    if importlib.util.find_spec("tensorflow") is None:
        return []
    return [keras.callbacks.TensorBoard(run / "tensorboard", write_graph=False)]


def settling_crops(train: Split, settings: FitSettings) -> Iterator[np.ndarray]:
    """Yield batches of un-augmented training crops, spread over the split, for BatchNorm."""
    plain = Batches(train, settings.crop_wh, 32)
    step = max(1, len(plain) // SETTLE_BATCHES)
    for index in range(0, len(plain), step):
        yield plain[index][0]


def first(split: Split, limit: int) -> Split:
    """Return the first `limit` photos of a split; 0 means all."""
    if not limit:
        return split
    return Split(split.name, split.photos[:limit], split.labels[:limit], split.attributes)


def code_version() -> str:
    """Return the commit that is checked out, with -dirty where files differ, or "unknown"."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:  # no git
        return "unknown"
    return done.stdout.strip() or "unknown"


def save_settings(run: Path, settings: FitSettings, data: Path, counts: dict[str, int]) -> None:
    """Write settings.json: all that is needed to repeat the run."""
    record = {
        "settings": asdict(settings),
        "data": str(data),
        "photos": counts,
        "code": code_version(),
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "python": platform.python_version(),
    }
    before = Path(settings.weights).parent
    if settings.weights.endswith(".keras") and (before / "settings.json").exists():
        record["went_on_from"] = read_record(before)
    (run / "settings.json").write_text(json.dumps(record, indent=2) + "\n")


def read_record(run: Path) -> dict[str, Any]:
    """Return what settings.json holds; UsageError where there is no run."""
    path = run / "settings.json"
    try:
        record = json.loads(path.read_text())
        return record | {"settings": dict(record["settings"])}
    except FileNotFoundError:
        raise UsageError(
            f"no run in {run}: {path} is missing", "Start one: python -m train.fit --help"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a run's settings: {error}", "Start anew.") from error


def read_settings(run: Path) -> FitSettings:
    """Return the settings a run was started with; UsageError where there is no such run."""
    values = read_record(run)["settings"]
    try:
        values["augmentation"] = Augmentation(**values["augmentation"])
        values["crop_wh"] = tuple(values["crop_wh"])
        values["teacher"] = tuple(values.get("teacher", ()))
        values["view_wh"] = tuple(values["view_wh"]) if values.get("view_wh") else None
        return FitSettings(**values)
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{run / 'settings.json'} is not of this version: {error}", "Start anew."
        ) from error


def crop_size(text: str) -> tuple[int, int]:
    """Return (width, height) of a size such as 128x160, each 32 px or more."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 32):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 128x160, 32 px at least")
    return int(width), int(height)


def parse(argv: list[str] | None) -> argparse.Namespace:
    plain = FitSettings()
    parser = Parser("train.fit", __doc__)
    add = parser.add_argument
    add("--data", required=True, type=Path, help="CelebA's folder, complete or a part")
    add("--out", required=True, type=Path, metavar="RUN", help="folder of this run")
    add("--resume", action="store_true", help="go on with RUN, with the settings it has")
    add(
        "--weights",
        default=plain.weights,
        help='"imagenet", "none", a no-top '
        ".weights.h5 file, or the model.keras of another run, to go on from it",
    )
    add(
        "--input",
        type=crop_size,
        default=plain.crop_wh,
        dest="crop_wh",
        metavar="WxH",
        help="size of the crop, px; larger sees more and runs slower (128x160)",
    )
    add("--epochs", type=int, default=plain.epochs, help="passes over the photos (%(default)s)")
    add("--batch", type=int, default=plain.batch, help="photos a step (%(default)s)")
    add("--learning-rate", type=float, default=plain.learning_rate, help="peak (%(default)s)")
    add(
        "--backbone",
        choices=BACKBONES,
        default=plain.backbone,
        help="base of the model (%(default)s)",
    )
    add(
        "--until",
        default=plain.until,
        metavar="LAYER",
        help="last layer of the backbone; block_13_expand_relu makes a third of the size",
    )
    add(
        "--teacher",
        nargs="+",
        default=(),
        metavar="FILE.keras",
        help="models whose mean opinion of each crop softens its labels (distillation)",
    )
    add(
        "--teacher-share",
        type=float,
        default=plain.teacher_share,
        help="of the softened labels, 0..1 (%(default)s)",
    )
    add(
        "--view",
        type=crop_size,
        dest="view_wh",
        metavar="WxH",
        help="size of the crops that teachers see, in the shape of --input (as --input)",
    )
    add(
        "--mix",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="blend each photo with up to this share of another (mixup), 0..0.5 (%(default)s)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default=plain.precision,
        help="mixed_bfloat16 is for accelerators that have it (%(default)s)",
    )
    add(
        "--processes",
        type=int,
        default=plain.processes,
        metavar="N",
        help="that cut the crops; as many as cores beside an accelerator (two threads)",
    )
    add(
        "--ema",
        type=float,
        default=plain.ema,
        metavar="M",
        help="keep the weights' running mean, with momentum M such as 0.998 (off)",
    )
    add("--seed", type=int, default=plain.seed, help="of shuffling and augmentation (%(default)s)")
    add("--limit", type=int, default=0, metavar="N", help="only the first N photos of each split")
    args = parser.parse_args(argv)
    for name, least in (("epochs", 1), ("batch", 1), ("seed", 0), ("limit", 0), ("processes", 0)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name} {getattr(args, name)}: need {least} or more")
    if not 0 < args.learning_rate < 10:
        raise UsageError(f"--learning-rate {args.learning_rate}: need more than 0, at most 10")
    if not 0 <= args.teacher_share <= 1:
        raise UsageError(f"--teacher-share {args.teacher_share}: need 0 to 1")
    if not 0 <= args.mix <= 0.5:
        raise UsageError(f"--mix {args.mix}: need 0 to 0.5")
    if not 0 <= args.ema < 1:
        raise UsageError(f"--ema {args.ema}: need 0, or up to 0.9999")
    return args


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    run: Path = args.out
    if args.resume:
        settings = read_settings(run)
    else:
        if (run / "settings.json").exists():
            raise UsageError(f"{run} holds a run already", "Add --resume, or name another --out.")
        names = {f.name for f in fields(FitSettings)} & set(vars(args))
        values = {name: getattr(args, name) for name in names}
        settings = FitSettings(**values, augmentation=Augmentation(mix=args.mix))
    if (run / "model.keras").exists():
        print(f"{run} is complete: {run / 'model.keras'}")
        return
    data = read_celeba(args.data)
    train, val = (first(data.splits[name], settings.limit) for name in ("train", "val"))
    print(f"{len(train):,} photos to train on, {len(val):,} to validate; {left_out_line(data)}")
    if not len(train):
        raise DataError(f"no training photo in {args.data}")
    try:
        run.mkdir(parents=True, exist_ok=True)
        if not args.resume:
            save_settings(run, settings, args.data, {"train": len(train), "val": len(val)})
        fit(train, val, run, settings)
    except OSError as error:
        if isinstance(error, FacetError):
            raise
        raise FacetError(
            f"cannot read or write {run}: {error}", "Mend that, then add --resume."
        ) from error
    print(f"saved {run / 'model.keras'}; next: python -m train.convert {run} --out models/")


if __name__ == "__main__":
    exit_with(main)
