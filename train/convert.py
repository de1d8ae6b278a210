"""Convert a finished run to an int8 .tflite with its card, calibrated, measured and verified.

    python -m train.convert runs/attributes --data ../shared/data/celeba --out models/

5 minutes for 37,616 training, 2,220 validation and 2,250 test photos. Leaves NAME.tflite, NAME.json
(the card the device reads) and MODEL_CARD.md (the one for people; MODEL_CARD-small.md for
attributes-small): all are written and verified first and then renamed into place, and the card's
SHA-256 tells the device should the power fail in between. UTKFace, beside the data or given, adds
for whom the model errs.
"""

import dataclasses
import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.attributes.classifier import Classifier
from device.attributes.model_card import Attribute, ModelCard, read_card
from device.cli.command import Parser, exit_with
from device.errors import FacetError, disk_faults
from device.faces.align import crop_template
from train import verify
from train.celeba import CelebA, DataError, Split, left_out_line
from train.data.crops import read_crop
from train.data.layouts import read_data
from train.data.select import first, selected, spread
from train.fitting.run_folder import read_record, read_settings
from train.measuring.calibration import TRAINING_PHOTOS, Seen, operating_point
from train.measuring.measure import measured
from train.measuring.model_card import model_card, splits_of
from train.measuring.outputs import int8_raw, load_float
from train.quantize import quantized

CALIBRATION_PHOTOS = 1000
VERIFIED_PHOTOS = 100
# Mean difference of two runtimes' outputs, in steps of 1/256, beyond which one of them is wrong.
# litert accelerates int8 by XNNPACK, which rounds otherwise than the built-in kernels of
# tflite-runtime (a sound model differs by less than one step on average).
AGREE_STEPS = 4.0
LICENCE = "CelebA is for non-commercial research only, and so is a model trained on it."


def convert(
    run: Path, data: CelebA, out: Path, name: str, utkface: Path, limit: int = 0
) -> list[str]:
    """Write `name`.tflite and its cards for device and people to `out`; return lines to print."""
    settings = read_settings(run)
    splits = selected(data.splits, dataclasses.replace(settings, limit=0))
    train, val, test = (first(splits[s], limit) for s in ("train", "val", "test"))
    model = load_float(run / "model.keras", len(train.attributes))
    for split in (train, val):
        if not len(split):
            raise DataError(f"no {split.name} photo: the conversion calibrates on train and val")
    some = spread(train, CALIBRATION_PHOTOS).photos
    crops = (read_crop(photo, settings.crop_wh).astype(np.float32) for photo in some)
    content = quantized(model, crops)

    out.mkdir(parents=True, exist_ok=True)
    # In the same folder: only a rename within one file system is whole or not at all.
    with tempfile.TemporaryDirectory(dir=out, prefix=".convert-") as folder:
        part = Path(folder)
        (part / f"{name}.tflite").write_bytes(content)
        card = _card(run, name, content, settings.crop_wh, train, data.name)
        _write_card(part, card, name)
        card = _calibrate(part, card, name, train, val)
        _write_card(part, card, name)
        figures = measured(part / f"{name}.json", model, len(content), val, test, utkface)
        card = dataclasses.replace(card, measured=figures)
        _write_card(part, card, name)
        verified = _verify(part / f"{name}.json", val.photos[:VERIFIED_PHOTOS])
        (part / _text_name(name)).write_text(model_card(card, name, verified))
        for file in (f"{name}.tflite", f"{name}.json", _text_name(name)):
            os.replace(part / file, out / file)
    return [*_table(card), f"{name}.tflite: {len(content) / 1e6:.2f} MB", *verified]


def _text_name(name: str) -> str:
    other = name.removeprefix("attributes").strip("-")
    return f"MODEL_CARD-{other}.md" if other else "MODEL_CARD.md"


def _card(
    run: Path, name: str, content: bytes, crop_wh: tuple[int, int], train: Split, source: str
) -> ModelCard:
    return ModelCard(
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        crop_wh=crop_wh,
        template=tuple((round(x, 3), round(y, 3)) for x, y in crop_template(crop_wh).tolist()),
        attributes=tuple(
            Attribute(attribute, 0.5, 1.0, 0.0, round(float(train.labels[:, i].mean()), 4))
            for i, attribute in enumerate(train.attributes)
        ),
        training={
            "data": f"{source}, train split",
            "licence": LICENCE if source == "CelebA" else "",
            **_without_places(read_record(run)),
        },
        measured={},
    )


def _without_places(record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's record without where files lay on this desk, nor of the runs before it."""
    kept = {key: value for key, value in record.items() if key != "data"}
    settings = kept["settings"]
    teachers = [str(Path(*Path(file).parts[-2:])) for file in settings.get("teacher", ())]
    weights = Path(settings["weights"]).name
    kept["settings"] = settings | {"weights": weights, "teacher": teachers}
    if "went_on_from" in kept:
        kept["went_on_from"] = _without_places(kept["went_on_from"])
    if "ensemble" in kept:
        members = kept["ensemble"]["members"]
        members = {member: _without_places(one) for member, one in members.items()}
        kept["ensemble"] = kept["ensemble"] | {"members": members}
    return kept


def _write_card(folder: Path, card: ModelCard, name: str) -> None:
    (folder / f"{name}.json").write_text(card.to_json())


def _calibrate(folder: Path, card: ModelCard, name: str, train: Split, val: Split) -> ModelCard:
    classifier = Classifier(folder / f"{name}.json", threads=2)
    some = spread(train, TRAINING_PHOTOS)
    seen = [Seen(int8_raw(classifier, one.photos), one.labels) for one in (val, some)]
    slope, offset, threshold, weight = operating_point(*seen, train.labels.mean(axis=0))
    attributes = tuple(
        dataclasses.replace(
            one,
            threshold=round(float(threshold[i]), 4),
            slope=round(float(slope[i]), 4),
            offset=round(float(offset[i]), 4),
        )
        for i, one in enumerate(card.attributes)
    )
    training = {**card.training, "balanced_accuracy_weight": weight}
    return dataclasses.replace(card, attributes=attributes, training=training)


def _verify(card: Path, photos: Sequence[Path]) -> list[str]:
    """Return a line per runtime; FacetError where one that runs gives other results."""
    crops = np.stack([read_crop(path, read_card(card).crop_wh) for path in photos])
    pythons = [Path(sys.executable)]
    lines, results = [], []
    if verify.TFLITE_PYTHON.exists():
        pythons.append(verify.TFLITE_PYTHON)
    else:
        lines.append("tflite-runtime: not installed here, not verified")
    for python in pythons:
        answer = verify.outputs_of(python, card, crops)
        if isinstance(answer, str):
            raise FacetError(f"the converted model does not run under {python}: {answer}")
        results.append(answer)
    (first, expected), *others = results
    lines.append(f"{first}: runs, {len(crops)} validation photos")
    for runtime, outputs in others:
        accelerated, plain = np.abs(outputs - expected) * 256
        if plain.any():
            raise FacetError(
                f"{runtime} and {first} differ by {plain.max():.0f} steps on the same kernels"
            )
        apart = f"{accelerated.mean():.2f} of 1/256 on average, {accelerated.max():.0f} at most"
        if accelerated.mean() > AGREE_STEPS:
            raise FacetError(f"{runtime} and {first} do not agree: {apart}")
        lines.append(
            f"{runtime}: runs, and gives the same to the last unit as {first} without XNNPACK; "
            f"XNNPACK, which {first} uses by itself, rounds otherwise inside, by {apart}"
        )
    return lines


def _table(card: ModelCard) -> list[str]:
    """Return float against int8, a line per figure and split."""
    lines = [f"{'':28}{'float':>9}{'int8':>9}{'loss':>9}"]
    for split, figures in splits_of(card).items():
        for key, value in figures["float"].items():
            other = figures["int8"][key]
            if value is None or other is None:
                continue
            lines.append(f"{split + ' ' + key:28}{value:9.4f}{other:9.4f}{value - other:9.4f}")
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.convert", __doc__)
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder that train.fit left")
    add("--data", type=Path, help="CelebA's folder; default: the one the run was trained on")
    add("--out", type=Path, default=Path("models"), help="folder for the model (default models/)")
    add("--name", default="attributes", help="of the model's files (default %(default)s)")
    add("--utkface", type=Path, help="UTKFace's folder (default: beside the data)")
    add("--limit", type=int, default=0, metavar="N", help="only the first N photos of each split")
    args = parser.parse_args(argv)
    root = args.data or Path(read_record(args.run).get("data", ""))
    data = read_data(root)
    print(left_out_line(data))
    utkface = args.utkface or root.parent / "utkface"
    with disk_faults(f"cannot write to {args.out}", "Free the disk, try again"):
        lines = convert(args.run, data, args.out, args.name, utkface, args.limit)
    print("\n".join(lines))


if __name__ == "__main__":
    exit_with(main)
