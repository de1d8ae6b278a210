"""Write the probabilities for aligned photos to a CSV, without a face detector.

    python -m train.predict --model models/attributes.json --images DIR --out FILE.csv
    python -m train.predict --model models/attributes.json --float RUN/model.keras ...

10 ms per photo. Columns: image_id, then a calibrated probability per attribute of the card.
"""

import csv
import io
import os
from pathlib import Path

from device.attributes.classifier import Classifier
from device.camera.image_io import PHOTO_ENDINGS, PhotoError, read_photo
from device.cli.command import Parser, exit_with
from device.errors import SourceError, UsageError
from device.files import write_atomic
from device.log import log
from device.rowlog.csv_format import escaped
from train.data.split import unlabelled
from train.evaluation.predictions import calibrate, predict_float, predict_int8
from train.network.load import load_float


def readable_photos(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the folder's readable photos, sorted by name, and an error for each other one."""
    if not folder.is_dir():
        raise SourceError(f"no folder {folder}", "--images FOLDER of aligned photos")
    readable, errors = [], []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_ENDINGS):
        try:
            read_photo(path)
            readable.append(path)
        except PhotoError as error:
            errors.append(str(error))
    if not readable:
        raise SourceError(f"no readable photo in {folder}", "--images FOLDER of JPEG or PNG files")
    return readable, errors


def write_csv(path: Path, names: tuple[str, ...], photos: list[Path], rows) -> None:
    """Write the file atomically."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["image_id", *names])
    for photo, row in zip(photos, rows, strict=True):
        writer.writerow([escaped(photo.name), *(f"{value:.6f}" for value in row)])
    try:
        write_atomic(path, content.getvalue().encode(errors="backslashreplace"))
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            "--out in a writable folder",
        ) from error


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.predict", __doc__)
    add = parser.add_argument
    add("--model", type=Path, default=Path("models/attributes.json"), metavar="CARD")
    add("--images", type=Path, required=True, metavar="DIR", help="aligned photos")
    add("--out", type=Path, required=True, metavar="FILE.csv")
    add("--float", type=Path, dest="keras_file", metavar="FILE.keras", help="use the Keras model")
    args = parser.parse_args(argv)
    classifier = Classifier(args.model, threads=os.cpu_count() or 1)
    card = classifier.card
    model = load_float(args.keras_file, len(card.attributes)) if args.keras_file else None
    photos, errors = readable_photos(args.images)
    for line in errors:
        log.info(f"skipped: {line}")
    split = unlabelled("predicted", photos)
    if model:
        readable, raw = predict_float(model, split)
    else:
        readable, raw = predict_int8(classifier.network, split, card.crop_wh)
    write_csv(args.out, card.names, list(readable.photos), calibrate(card, raw))
    skipped = len(errors) + len(photos) - len(readable)
    print(f"{len(readable)} photos, {skipped} skipped: {args.out}")


if __name__ == "__main__":
    exit_with(main)
