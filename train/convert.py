"""Convert a finished run to an int8 .tflite with its card: calibrated, measured and verified.

    python -m train.convert runs/attributes --data ../shared/data/celeba --out models/

5 minutes for 37,616 training, 2,220 validation and 2,250 test photos. Writes NAME.tflite, NAME.json
(the card that the device reads) and MODEL_CARD.md (the card for people; MODEL_CARD-small.md for
attributes-small). All are written and verified under another name first and then renamed; if the
power fails in between, the device detects it by the card's SHA-256. A model of another run in --out
is replaced only with --overwrite. With UTKFace, beside the data or given, the card also has the
errors by group.
"""

import dataclasses
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from device.attributes.model_card import Attribute, ModelCard, read_card
from device.cli.command import Parser, count, exit_with
from device.errors import FacetError, ModelError, UsageError, disk_faults
from device.faces.align import crop_template
from device.tflite import Network
from train import verify
from train.data.open import read_data
from train.data.select import head, sample_evenly, select_for_run
from train.data.split import CHECK_DATA, DataError, Dataset, Split, left_out_line
from train.data.unreadable import readable_crops, unreadable_line
from train.evaluation.calibration import TRAINING_PHOTOS, operating_point
from train.evaluation.measure import measure_model
from train.evaluation.model_card import model_card, splits_of
from train.evaluation.predictions import Predictions, predict_int8
from train.network.load import load_float
from train.network.quantize import quantize
from train.training.run_dir import is_same_run, read_record, read_settings

CALIBRATION_PHOTOS = 1000
REINSTALL_RUNTIME = "rm -rf .venv-tflite && make setup-dev"
VERIFIED_PHOTOS = 100
# Mean difference of two runtimes' outputs, in steps of 1/256, above which one of them is wrong.
# XNNPACK, which accelerates litert, rounds int8 differently from the built-in kernels of
# tflite-runtime (for a sound model, by less than one step on average).
MAX_MEAN_STEPS = 4.0
LICENCE = "CelebA is for non-commercial research only, and so is a model trained on it."


def convert(
    run: Path, data: Dataset, out: Path, name: str, utkface: Path, limit: int = 0
) -> list[str]:
    """Write `name`.tflite and its two cards to `out`; return the lines to print.

    limit: only the first photos of each split; 0 = all.
    """
    settings = read_settings(run)
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
    card = _calibrate(card, network, train, Predictions(raw, val.labels))
    measured = measure_model(card, network, model, predicted, utkface)
    if line := unreadable_line(*splits.values(), utkface=utkface):
        measured["unreadable"] = line
    card = dataclasses.replace(card, measured={"bytes": len(content)} | measured)
    verified = _write(out, name, card, content, head(val, VERIFIED_PHOTOS))
    lines = [*_table(card), f"{name}.tflite: {len(content) / 1e6:.2f} MB", *verified]
    return [*lines, line] if line else lines


def _write(out: Path, name: str, card: ModelCard, content: bytes, sample: Split) -> list[str]:
    """Write and verify the three files, then move them to `out`; return lines per runtime."""
    out.mkdir(parents=True, exist_ok=True)
    # In the same folder: only renaming within one file system is atomic.
    with tempfile.TemporaryDirectory(dir=out, prefix=".convert-") as folder:
        partial = Path(folder)
        (partial / f"{name}.tflite").write_bytes(content)
        (partial / f"{name}.json").write_text(card.to_json())
        verified = _verify(partial / f"{name}.json", sample)
        (partial / _text_name(name)).write_text(model_card(card, name, verified))
        for file in (f"{name}.tflite", f"{name}.json", _text_name(name)):
            os.replace(partial / file, out / file)
    return verified


def _text_name(name: str) -> str:
    suffix = name.removeprefix("attributes").strip("-")
    return f"MODEL_CARD-{suffix}.md" if suffix else "MODEL_CARD.md"


def check_overwrite(card: Path, run: Path) -> None:
    """Raise UsageError if a card exists that is not of this run."""
    if not card.exists():
        return
    try:
        training = read_card(card).training
    except ModelError:
        training = {}
    if not is_same_run(training, read_record(run)):
        raise UsageError(
            f"{card} is a model of another run than {run}",
            "--overwrite to replace it, or another --out or --name",
        )


def _uncalibrated_card(
    run: Path, name: str, content: bytes, crop_wh: tuple[int, int], train: Split, source: str
) -> ModelCard:
    prevalence = train.labels.mean(axis=0)
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
            "data": f"{source}, train split",
            "licence": LICENCE if source == "CelebA" else "",
            **without_paths(read_record(run)),
        },
        measured={},
    )


def without_paths(record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's record, and those of the runs it is made of, without local folders."""
    # The card lists the attributes itself.
    kept = {key: value for key, value in record.items() if key not in ("data", "attributes")}
    settings = kept["settings"]
    teachers = [str(Path(*Path(file).parts[-2:])) for file in settings.get("teacher", ())]
    weights = Path(settings["weights"]).name
    kept["settings"] = settings | {"weights": weights, "teacher": teachers}
    if "continued_from" in kept:
        kept["continued_from"] = without_paths(kept["continued_from"])
    if "ensemble" in kept:
        members = kept["ensemble"]["members"]
        members = {name: without_paths(member) for name, member in members.items()}
        kept["ensemble"] = kept["ensemble"] | {"members": members}
    return kept


def _calibrate(card: ModelCard, network: Network, train: Split, val: Predictions) -> ModelCard:
    """Return the card with slopes, offsets and thresholds."""
    sample, raw = predict_int8(network, sample_evenly(train, TRAINING_PHOTOS), card.crop_wh)
    train_predictions = Predictions(raw, sample.labels)
    prevalence = train.labels.mean(axis=0)
    slope, offset, threshold, weight = operating_point(val, train_predictions, prevalence)
    attributes = tuple(
        dataclasses.replace(
            attribute,
            threshold=round(float(threshold[i]), 4),
            slope=round(float(slope[i]), 4),
            offset=round(float(offset[i]), 4),
        )
        for i, attribute in enumerate(card.attributes)
    )
    training = {**card.training, "balanced_accuracy_weight": weight}
    return dataclasses.replace(card, attributes=attributes, training=training)


def _verify(card: Path, sample: Split) -> list[str]:
    """Return a line per runtime; FacetError if one fails or gives other results."""
    crops = np.stack(list(readable_crops(sample, read_card(card).crop_wh)))
    pythons = [Path(sys.executable)]
    lines, results = [], []
    if verify.TFLITE_PYTHON.exists():
        pythons.append(verify.TFLITE_PYTHON)
    else:
        lines.append("tflite-runtime: not installed, not verified")
    for python in pythons:
        result = verify.outputs_of(python, card, crops)
        if isinstance(result, str):
            raise FacetError(
                f"the converted model does not run with {python}: {result}", REINSTALL_RUNTIME
            )
        results.append(result)
    (reference, expected), *rest = results
    lines.append(f"{reference}: runs, {len(crops)} validation photos")
    return lines + [_agreement(reference, expected, *result) for result in rest]


def _agreement(reference: str, expected: np.ndarray, runtime: str, outputs: np.ndarray) -> str:
    """Return a line on the difference of two runtimes; FacetError if it is too large."""
    accelerated, plain = np.abs(outputs - expected) * 256
    if plain.any():
        raise FacetError(
            f"{runtime} and {reference} differ by {plain.max():.0f} steps with the same kernels",
            REINSTALL_RUNTIME,
        )
    difference = f"{accelerated.mean():.2f}/256 on average, {accelerated.max():.0f}/256 at most"
    if accelerated.mean() > MAX_MEAN_STEPS:
        raise FacetError(f"{runtime} and {reference} do not agree: {difference}", REINSTALL_RUNTIME)
    return (
        f"{runtime}: runs, identical to {reference} without XNNPACK; with XNNPACK, the default of "
        f"{reference}, outputs differ by {difference}, because it rounds differently"
    )


def _table(card: ModelCard) -> list[str]:
    """Return float against int8, a line per metric and split."""
    lines = [f"{'':28}{'float':>9}{'int8':>9}{'loss':>9}"]
    for split, metrics in splits_of(card).items():
        for key, value in metrics["float"].items():
            int8 = metrics["int8"][key]
            if value is None or int8 is None:
                continue
            lines.append(f"{split + ' ' + key:28}{value:9.4f}{int8:9.4f}{value - int8:9.4f}")
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.convert", __doc__)
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder that train.fit wrote")
    add("--data", type=Path, help="CelebA's folder (default: the one the run was trained on)")
    add("--out", type=Path, metavar="DIR", help="folder for the model (default RUN/models)")
    add("--name", default="attributes", help="of the model's files (default %(default)s)")
    add("--overwrite", action="store_true", help="replace a model of another run")
    add("--utkface", type=Path, help="UTKFace's folder (default: beside the data)")
    add("--limit", type=count, default=0, metavar="N", help="only the first N photos of each split")
    args = parser.parse_args(argv)
    out = args.out or args.run / "models"
    root = args.data or Path(read_record(args.run).get("data", ""))
    if not args.overwrite:
        check_overwrite(out / f"{args.name}.json", args.run)
    data = read_data(root)
    print(left_out_line(data))
    utkface = args.utkface or root.parent / "utkface"
    with disk_faults(f"cannot write to {out}", "free disk space and rerun"):
        lines = convert(args.run, data, out, args.name, utkface, args.limit)
    print("\n".join(lines))
    card = out / f"{args.name}.json"
    print(f"saved {card}; next: python -m device.run --model {card}")


if __name__ == "__main__":
    exit_with(main)
