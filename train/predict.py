"""Write the probabilities for aligned photos to a CSV, without a face detector.

    python -m train.predict --model models/attributes.json --images DIR --out FILE.csv
    python -m train.predict --model models/attributes.json --float RUN/model.keras ...

10 ms per photo. Columns: image_id, the photo's name relative to DIR, with its folder if it is in
one; then a calibrated probability per attribute of the card.
"""

import csv
import io
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from device.attributes.classifier import Classifier
from device.cli.command import Parser, exit_with
from device.errors import SourceError, UsageError
from device.files import write_atomic
from device.log import log
from device.rowlog.csv_format import escaped
from train.data.own_photos import check_photos, log_faults
from train.data.photo_folder import endings, read_folder
from train.data.select import rows_of
from train.data.split import unlabelled
from train.evaluation.float_model import load_matched
from train.evaluation.predictions import calibrate, predict_float, predict_int8


def readable_photos(root: Path) -> tuple[tuple[str, ...], int]:
    """Return the readable photos of a folder and its subfolders, and the number of other ones.

    Names are relative to `root`, sorted. Photos that cannot be read, or are not aligned, are
    logged. Raises SourceError if no photo can be read.
    """
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise SourceError(f"{root} {kind}, need a folder", "--images FOLDER of aligned photos")
    folder = read_folder(root)
    if folder.unread:
        log.info(f"not read: {endings(folder.unread)}")
    checked = check_photos(root, folder.photos)
    log_faults(checked.faults)
    readable = tuple(file for file in folder.photos if file in checked.digests)
    if not readable:
        hint = next((error.hint for error in checked.faults.values()), "")
        raise SourceError(
            f"no readable photo in {root}", hint or "--images FOLDER of JPEG or PNG files"
        )
    if 2 * checked.unaligned > len(readable):
        log.info(
            f"{checked.unaligned} of {len(readable)} photos do not have the shape of aligned "
            "faces. Try: python -m device.run --camera "
            f"{shlex.quote(str(root))} --recursive --headless --log FILE.csv"
        )
    return readable, len(checked.faults)


def write_csv(path: Path, names: tuple[str, ...], photos: Sequence[str], rows) -> None:
    """Write the file atomically."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["image_id", *names])
    for photo, row in zip(photos, rows, strict=True):
        writer.writerow([escaped(photo), *(f"{value:.6f}" for value in row)])
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
    model = load_matched(args.keras_file, card.names, args.model) if args.keras_file else None
    photos, skipped = readable_photos(args.images)
    split = unlabelled("listed", (args.images / photo for photo in photos))
    if model:
        readable, raw = predict_float(model, split)
    else:
        readable, raw = predict_int8(classifier.network, split, card.crop_wh)
    names = [photos[row] for row in rows_of(readable, split)]
    write_csv(args.out, card.names, names, calibrate(card, raw))
    skipped += len(split) - len(readable)
    print(f"{len(names)} photos, {skipped} skipped: {args.out}")


if __name__ == "__main__":
    exit_with(main)
