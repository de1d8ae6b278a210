"""Write a model's probabilities for aligned photos, without a face detector.

    python -m train.predict --model models/attributes.json --images DIR --out FILE.csv
    python -m train.predict --model models/attributes.json --float RUN/model.keras ...

10 ms a photo. FILE.csv: image_id, then a calibrated probability per attribute, in the card's order.
"""

import csv
import os
from pathlib import Path

from device.attributes.classifier import Classifier, calibrated
from device.camera.image_io import PHOTO_ENDINGS, PhotoError, read_photo
from device.cli.command import Parser, exit_with
from device.errors import SourceError, UsageError
from device.log import log
from train.measuring.outputs import float_raw, int8_raw, load_float


def readable_photos(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the folder's photos that can be read, by name, and why each other one cannot."""
    if not folder.is_dir():
        raise SourceError(f"no folder {folder}", "Give a folder of aligned photos with --images")
    good, bad = [], []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_ENDINGS):
        try:
            read_photo(path)
            good.append(path)
        except PhotoError as error:
            bad.append(str(error))
    if not good:
        raise SourceError(f"no readable photo in {folder}")
    return good, bad


def write_csv(path: Path, names: tuple[str, ...], photos: list[Path], rows) -> None:
    """Write the file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["image_id", *names])
            for photo, row in zip(photos, rows, strict=True):
                writer.writerow([photo.name, *(f"{value:.6f}" for value in row)])
        os.replace(partial, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.predict", __doc__)
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/attributes.json"), metavar="CARD")
    add("--images", type=Path, required=True, metavar="DIR", help="aligned photos")
    add("--out", type=Path, required=True, metavar="FILE.csv")
    add("--float", type=Path, dest="keras_file", metavar="FILE.keras", help="use this instead")
    args = parser.parse_args(argv)
    classifier = Classifier(args.model, threads=os.cpu_count() or 1)
    card = classifier.card
    model = load_float(args.keras_file, len(card.attributes)) if args.keras_file else None
    photos, bad = readable_photos(args.images)
    for line in bad:
        log.info(f"skipped: {line}")
    raw = float_raw(model, photos) if model else int8_raw(classifier, photos)
    rows = calibrated(raw, card.column("slope"), card.column("offset"))
    write_csv(args.out, card.names, photos, rows)
    print(f"{len(photos)} photos, {len(bad)} skipped: {args.out}")


if __name__ == "__main__":
    exit_with(main)
