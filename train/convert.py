"""Convert a finished run to an int8 .tflite with its card: calibrated, measured and verified.

    python -m train.convert runs/attributes --data ../shared/data/celeba

5 minutes for 37,616 training, 2,220 validation and 2,250 test photos. Writes NAME.tflite, NAME.json
(the card that the device reads) and MODEL_CARD.md (the card for people; MODEL_CARD-small.md for
attributes-small) to RUN/models or --out: under another name, verified, then renamed. If the power
fails in between, the device detects it by the card's SHA-256. Files of another model in --out are
replaced only with --overwrite. With UTKFace, here or beside the data, the card has errors by group.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from device.attributes.model_card import Attribute, ModelCard, read_card
from device.cli.command import Parser, count, exit_with, pasteable
from device.errors import ModelError, UsageError, disk_faults
from device.files import read_text
from device.text import printable
from train import verify
from train.data.file_names import file_slug
from train.data.match import match_data
from train.data.open import read_data
from train.data.select import head, sample_evenly, select_for_run
from train.data.split import CHECK_DATA, DataError, Dataset, Split, left_out_line
from train.data.unreadable import readable_crops, unreadable_line
from train.training.run_dir import is_same_run, read_record, read_settings, run_attributes

# TensorFlow and scikit-learn take seconds to import: functions import what needs them.
if TYPE_CHECKING:
    from device.tflite import Network
    from train.evaluation.predictions import Predictions

CALIBRATION_PHOTOS = 1000
VERIFIED_PHOTOS = 100
MAX_NAME = 100  # characters of a model's name
LICENCE = "CelebA is for non-commercial research only, and so is a model trained on it."


def convert(
    run: Path, data: Dataset, out: Path, name: str, utkface: Path, limit: int = 0
) -> list[str]:
    """Write `name`.tflite and its two cards to `out`; return the lines to print.

    limit: only the first photos of each split; 0 = all.
    """
    from device.tflite import Network
    from train.evaluation.agreement import flat_line
    from train.evaluation.measure import measure_model
    from train.evaluation.predictions import Predictions, predict_int8
    from train.network.load import load_float
    from train.network.quantize import quantize

    settings = read_settings(run)
    if names := run_attributes(read_record(run)):
        data = match_data(data, names, "the data", run)
    selected = select_for_run(data.splits, msgspec.structs.replace(settings, limit=0))
    splits = {name: head(split, limit) for name, split in selected.items()}
    train, val = splits["train"], splits["val"]
    model = load_float(run / "model.keras", len(train.attributes))
    for split in (train, val):
        if not len(split):
            raise DataError(
                f"no {split.name} photo: the conversion calibrates on train and val", CHECK_DATA
            )
    crop_wh = settings.input
    crops = readable_crops(sample_evenly(train, CALIBRATION_PHOTOS), crop_wh)
    content = quantize(model, (crop.astype(np.float32) for crop in crops))
    network = Network(content, f"{name}.tflite", "convert the run again", threads=2)

    predicted = {key: predict_int8(network, splits[key], crop_wh) for key in ("val", "test")}
    val, raw = predicted["val"]
    card = _uncalibrated_card(run, name, content, crop_wh, train, data.name)
    card, flat = _calibrate(card, network, train, Predictions(raw, val.labels))
    measured = measure_model(card, network, model, predicted, utkface)
    measured |= {"flat": flat} if flat else {}
    unread = unreadable_line(*splits.values(), utkface=utkface)
    measured |= {"unreadable": unread} if unread else {}
    card = dataclasses.replace(card, measured={"bytes": len(content)} | measured)
    verified = _write(out, name, card, content, _verified_crops(val, crop_wh, model))
    size = f"{name}.tflite: {len(content) / 1e6:.2f} MB"
    notes = filter(None, [flat_line(flat, len(card.names)), unread])
    return [*_table(card), size, *verified, *notes]


def _verified_crops(
    val: Split, crop_wh: tuple[int, int], model: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the crops that each runtime is run on, and the float model's raw outputs for them."""
    crops = np.stack(list(readable_crops(head(val, VERIFIED_PHOTOS), crop_wh)))
    return crops, np.asarray(model.predict_on_batch(crops.astype(np.float32)))


def _write(
    out: Path, name: str, card: ModelCard, content: bytes, photos: tuple[np.ndarray, np.ndarray]
) -> list[str]:
    """Write and verify the three files, then move them to `out`; return lines per runtime.

    photos: crops, and the float model's raw outputs for them.
    """
    from train.evaluation.model_card import model_card

    out.mkdir(parents=True, exist_ok=True)
    # In the same folder: only renaming within one file system is atomic.
    with tempfile.TemporaryDirectory(dir=out, prefix=".convert-") as folder:
        partial = Path(folder)
        (partial / f"{name}.tflite").write_bytes(content)
        (partial / f"{name}.json").write_text(card.to_json())
        verified = verify.verified_lines(partial / f"{name}.json", *photos)
        (partial / _text_name(name)).write_text(model_card(card, name, verified))
        for file in (f"{name}.tflite", f"{name}.json", _text_name(name)):
            os.replace(partial / file, out / file)
    return verified


def _text_name(name: str) -> str:
    suffix = "" if name == "attributes" else name.removeprefix("attributes-")
    return f"MODEL_CARD-{suffix}.md" if suffix else "MODEL_CARD.md"


def check_overwrite(out: Path, name: str, run: Path) -> None:
    """Raise UsageError if a file to be written exists and is not of this run's model."""
    card, text = out / f"{name}.json", out / _text_name(name)
    hint = "--overwrite to replace it, or another --out or --name"
    try:
        training = read_card(card).training
    except ModelError:
        training = {}
    same = is_same_run(training, read_record(run))
    for file in (card, out / f"{name}.tflite"):
        if os.path.lexists(file) and not same:
            raise UsageError(f"{file} is a model of another run than {run}", hint)
    if os.path.lexists(text) and not _heading_of(text).startswith(f"# {name}: "):
        raise UsageError(f"{text} is the card of another model than {name}", hint)


def _heading_of(text: Path) -> str:
    try:
        return read_text(text).partition("\n")[0]
    except (OSError, ValueError):
        return ""


def check_name(name: str) -> None:
    """Raise UsageError for a name that is no file's, or that the device does not read."""
    usable = printable(name) == name and len(name) <= MAX_NAME and not name.startswith((".", "-"))
    if not name.strip() or not usable or set(name) & set("/\\:"):
        raise UsageError(
            f"--name {name!r} is no name of a file",
            f"--name {file_slug(name)}, or --out for the folder",
        )


def _uncalibrated_card(
    run: Path, name: str, content: bytes, crop_wh: tuple[int, int], train: Split, source: str
) -> ModelCard:
    from device.faces.align import crop_template

    prevalence, record = train.prevalence(), without_paths(read_record(run))
    return ModelCard(
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        crop_wh=crop_wh,
        template=tuple((round(x, 3), round(y, 3)) for x, y in crop_template(crop_wh).tolist()),
        attributes=tuple(
            Attribute(
                name=attribute,
                threshold=0.5,
                slope=1.0,
                offset=0.0,
                prevalence=round(float(prevalence[i]), 4),
            )
            for i, attribute in enumerate(train.attributes)
        ),
        training={
            "data": f"{source}, train split{_further(record)}",
            "licence": LICENCE if source == "CelebA" else "",
            **record,
        },
        measured={},
    )


def _further(record: dict[str, Any]) -> str:
    """Return what a card says about the further photos that a run was trained on, or ""."""
    more = record["settings"].get("more")
    return f", and photos of {', '.join(more)}" if more else ""


def without_paths(record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's record, and those of the runs it is made of, without local folders."""
    # The card lists the attributes itself.
    kept = {key: value for key, value in record.items() if key not in ("data", "attributes")}
    settings = kept["settings"]
    teachers = [str(Path(*Path(file).parts[-2:])) for file in settings.get("teacher", ())]
    named = {"weights": Path(settings["weights"]).name, "teacher": teachers}
    if "more" in settings:
        named["more"] = [Path(folder).name for folder in settings["more"]]
    kept["settings"] = settings | named
    if "continued_from" in kept:
        kept["continued_from"] = without_paths(kept["continued_from"])
    if "ensemble" in kept:
        members = kept["ensemble"]["members"]
        members = {name: without_paths(member) for name, member in members.items()}
        kept["ensemble"] = kept["ensemble"] | {"members": members}
    return kept


def _calibrate(
    card: ModelCard, network: Network, train: Split, val: Predictions
) -> tuple[ModelCard, list[str]]:
    """Return the card with slopes, offsets and thresholds, and the attributes with flat outputs."""
    from train.evaluation.agreement import flat_attributes
    from train.evaluation.calibration import TRAINING_PHOTOS, operating_point
    from train.evaluation.predictions import Predictions, predict_int8

    photos, raw = predict_int8(network, sample_evenly(train, TRAINING_PHOTOS), card.crop_wh)
    sample = Predictions(raw, photos.labels)
    prevalence = train.prevalence()
    slope, offset, threshold, weight = operating_point(val, sample, prevalence)
    attributes = tuple(
        dataclasses.replace(
            attribute,
            threshold=round(float(threshold[i]), 4),
            slope=round(float(slope[i]), 4),
            offset=round(float(offset[i]), 4),
        )
        for i, attribute in enumerate(card.attributes)
    )
    flat = flat_attributes(card.names, sample.raw, sample.labels)
    training = {**card.training, "balanced_accuracy_weight": weight}
    return dataclasses.replace(card, attributes=attributes, training=training), list(flat)


def _table(card: ModelCard) -> list[str]:
    """Return float against int8, a line per metric and split."""
    from train.evaluation.model_card import splits_of

    lines = [f"{'':28}{'float':>9}{'int8':>9}{'loss':>9}"]
    for split, metrics in splits_of(card).items():
        for key, value in metrics["float"].items():
            int8 = metrics["int8"][key]
            if value is None or int8 is None:
                continue
            lines.append(f"{split + ' ' + key:28}{value:9.4f}{int8:9.4f}{value - int8:9.4f}")
    return lines


def next_lines(run: Path, data: Path, card: Path) -> list[str]:
    """Return the commands that report on a converted run, score its model, and run it."""
    run_text, data_text, card_text = (shlex.quote(str(path)) for path in (run, data, card))
    commands = (
        f"train.report {run_text} --data {data_text} --model {card_text}",
        f"train.evaluate scores --data {data_text} --model {card_text}",
        f"device.run --model {card_text}",
    )
    return [f"saved {card}; next:", *(pasteable(f"python -m {command}") for command in commands)]


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.convert", __doc__)
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder that train.fit wrote")
    add("--data", type=Path, help="photos (default: those the run was trained on)")
    add("--out", type=Path, metavar="DIR", help="folder for the model (default RUN/models)")
    add("--name", default="attributes", help="of the model's files (default %(default)s)")
    add("--overwrite", action="store_true", help="replace a model of another run")
    add("--utkface", type=Path, help="UTKFace's folder (default: beside the data)")
    add("--limit", type=count, default=0, metavar="N", help="only the first N photos of each split")
    args = parser.parse_args(argv)
    out = args.out or args.run / "models"
    root = args.data or Path(read_record(args.run).get("data", ""))
    check_name(args.name)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is no folder", "--out DIR")
    if not args.overwrite:
        check_overwrite(out, args.name, args.run)
    data = read_data(root)
    print(left_out_line(data))
    utkface = args.utkface or root.parent / "utkface"
    with disk_faults(f"cannot write to {out}", "free disk space and rerun"):
        lines = convert(args.run, data, out, args.name, utkface, args.limit)
    print("\n".join(lines))
    card = out / f"{args.name}.json"
    for line in next_lines(args.run, root, card):
        print(line)


if __name__ == "__main__":
    exit_with(main)
