"""Write the probabilities of photos to a CSV: of aligned faces, or of all faces in whole photos.

    python -m train.predict --photos portraits/ --detect --out faces.csv    # 0.1 s a photo and CPU
    python -m train.predict --photos aligned/ --out probabilities.csv       # 10 ms a photo
    python -m train.predict --photos aligned/ --float RUN/model.keras --out probabilities.csv

--detect finds, aligns and classifies the faces of photos of any size exactly as the device does. A
row per face: image_id, the photo's name relative to DIR; face, its number from the left; state, ok
or why it was not classified; its box in px, and score; then a calibrated probability per attribute
of the card. A photo without a face has one row, with face 0 and the state "no face", and so has one
that cannot be read ("unreadable"). An interrupted command continues where it stopped if it is given
again; the file appears when all photos are done.

Without --detect the photos are faces that are aligned as CelebA's: a row each, with image_id and
the probabilities. Photos that cannot be read are left out and named.

--labels adds a column label_NAME with 1 or 0 per attribute. A file that ends in .csv.gz is
compressed. Both are read by pandas.read_csv(FILE).
"""

import argparse
import csv
import gzip
import io
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tqdm import tqdm

from device.attributes.classifier import Classifier
from device.attributes.model_card import ModelCard
from device.camera.image_io import PhotoError
from device.cli.command import Parser, count, exit_with
from device.cli.flags import add_config, add_flags, settings_from
from device.errors import SourceError, UsageError
from device.files import write_atomic
from device.log import log
from device.rowlog.csv_format import escaped
from device.settings import Settings
from device.text import counted
from device.types import UNREADABLE
from train.data.own_photos import check_photos, log_faults
from train.data.photo_folder import endings, read_folder
from train.data.select import rows_of
from train.data.split import unlabelled
from train.data.unreadable import COPY_AGAIN, leave_out
from train.evaluation.float_model import load_matched
from train.evaluation.photo_faces import faces_of_photos
from train.evaluation.photo_table import (
    LABEL,
    PhotoTable,
    face_rows,
    table_columns,
    unreadable_row,
)
from train.evaluation.predictions import calibrate, predict_float, predict_int8

DETECT_FLAGS = ("--detector", "--min-face", "--max-turn", "--min-sharpness")
SETTINGS_FLAGS = ("--model", *DETECT_FLAGS)
PHOTOS_PER_WORKER = 16  # fewer take less time than a process takes to start


def photos_of(root: Path) -> tuple[str, ...]:
    """Return the photos of a folder and its subfolders, as names relative to `root`, sorted.

    Raises SourceError if there is none.
    """
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise SourceError(f"{root} {kind}, need a folder", "--photos FOLDER")
    folder = read_folder(root)
    if folder.unread:
        log.info(f"not read: {endings(folder.unread)}")
    if not folder.photos:
        raise SourceError(f"no readable photo in {root}", "--photos FOLDER of JPEG or PNG files")
    return folder.photos


def readable_photos(root: Path) -> tuple[tuple[str, ...], int]:
    """Return the readable photos of `photos_of`, and the number of other ones.

    Photos that cannot be read, or are not aligned, are logged. Raises SourceError if no photo can
    be read.
    """
    photos = photos_of(root)
    checked = check_photos(root, photos)
    log_faults(checked.faults)
    readable = tuple(file for file in photos if file in checked.digests)
    if not readable:
        raise SourceError(f"no readable photo in {root}", next(iter(checked.faults.values())).hint)
    if 2 * checked.unaligned > len(readable):
        log.info(
            f"{checked.unaligned} of {len(readable)} photos do not have the shape of aligned "
            f"faces. Try: python -m train.predict --photos {shlex.quote(str(root))} --detect --out "
            "FILE.csv"
        )
    return readable, len(checked.faults)


def write_csv(path: Path, columns: Sequence[str], photos: Sequence[str], rows) -> None:
    """Write the file atomically."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["image_id", *columns])
    for photo, row in zip(photos, rows, strict=True):
        writer.writerow([escaped(photo), *row])
    encoded = content.getvalue().encode(errors="backslashreplace")
    try:
        write_atomic(path, gzip.compress(encoded, mtime=0) if path.suffix == ".gz" else encoded)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            "--out in a writable folder",
        ) from error


def predict_aligned(args: argparse.Namespace, card_path: Path) -> None:
    """Write a row per aligned photo, and print their number."""
    given = [flag for flag in ("--config", "--workers", *DETECT_FLAGS) if _is_given(args, flag)]
    if given:
        raise UsageError(f"{given[0]} is for whole photos, with --detect", f"--detect {given[0]}")
    classifier = Classifier(card_path, threads=os.cpu_count() or 1)
    card = classifier.card
    model = load_matched(args.keras_file, card.names, card_path) if args.keras_file else None
    photos, skipped = readable_photos(args.photos)
    split = unlabelled("listed", (args.photos / photo for photo in photos))
    if model:
        readable, raw = predict_float(model, split)
    else:
        readable, raw = predict_int8(classifier.network, split, card.crop_wh)
    names = [photos[row] for row in rows_of(readable, split)]
    probabilities = calibrate(card, raw)
    columns, rows = list(card.names), [[f"{value:.6f}" for value in row] for row in probabilities]
    if args.labels:
        columns += [LABEL + name for name in card.names]
        labels = (probabilities >= classifier.thresholds).astype(int).astype(str)
        rows = [[*row, *more] for row, more in zip(rows, labels, strict=True)]
    write_csv(args.out, columns, names, rows)
    skipped += len(split) - len(readable)
    print(f"{counted(len(names), 'photo')}, {skipped:,} skipped: {args.out}")


def _is_given(args: argparse.Namespace, flag: str) -> bool:
    return vars(args).get(flag.removeprefix("--").replace("-", "_")) is not None


def predict_whole(args: argparse.Namespace, settings: Settings) -> None:
    """Write a row per face of whole photos, and print their number."""
    if args.keras_file:
        raise UsageError(
            "--detect runs the int8 network of a card, not --float",
            "python -m train.convert RUN, and --model RUN/models/attributes.json",
        )
    chosen = settings.attributes
    card = Classifier(chosen.model, wanted=chosen.compute).card
    photos = photos_of(args.photos)
    columns = table_columns(card.names, args.labels)
    key = (args.photos.resolve(), card.to_json(), msgspec.structs.asdict(settings.faces))
    with PhotoTable(args.out, columns, key) as table:
        _analyze(args, table, card, photos, settings)
        table.finish()
    print(f"{table.summary()}: {args.out}")
    if table.states[UNREADABLE] == len(photos):
        raise SourceError(f"none of {counted(len(photos), 'photo')} can be read", COPY_AGAIN)
    print(f'next, in Python: faces = pandas.read_csv("{args.out}")')


def _analyze(
    args: argparse.Namespace,
    table: PhotoTable,
    card: ModelCard,
    photos: Sequence[str],
    settings: Settings,
) -> None:
    """Add the rows of the photos that the table does not have yet."""
    thresholds = card.values("threshold") if args.labels else None
    todo = [photo for photo in photos if photo not in table.done]
    most = os.cpu_count() or 1 if args.workers is None else args.workers
    workers = max(1, min(most, len(todo) // PHOTOS_PER_WORKER))
    begun = f", {len(photos) - len(todo):,} of them in {table.partial}" if table.done else ""
    log.info(f"{counted(len(photos), 'photo')} in {args.photos}{begun}; processes: {workers}")
    results = faces_of_photos((args.photos / photo for photo in todo), settings, workers)
    bar = tqdm(
        todo, "photos", len(photos), initial=len(photos) - len(todo), unit="photo", mininterval=1
    )
    for photo, faces in zip(bar, results, strict=True):
        if isinstance(faces, PhotoError):
            leave_out(args.photos / photo, str(faces.message))
            table.add([unreadable_row(photo, len(table.columns))])
        else:
            table.add(face_rows(photo, faces, card.names, thresholds))


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.predict", __doc__)
    add = parser.add_argument
    add("--photos", "--images", type=Path, required=True, metavar="DIR", help="folder of photos")
    add("--detect", action="store_true", help="find the faces; without it the photos are aligned")
    add("--out", type=Path, required=True, metavar="FILE.csv", help="or FILE.csv.gz")
    add("--float", type=Path, dest="keras_file", metavar="FILE.keras", help="use the Keras model")
    add("--labels", action="store_true", help="with a column of 1 and 0 per attribute")
    detect = parser.add_argument_group("with --detect")
    detect.add_argument(
        "--workers", type=count, metavar="N", help="processes (default: one per CPU)"
    )
    add_config(parser)
    add_flags(parser, Settings, SETTINGS_FLAGS)
    args = parser.parse_args(argv)
    settings = settings_from(args, SETTINGS_FLAGS)
    if args.detect:
        predict_whole(args, settings)
    else:
        predict_aligned(args, settings.attributes.model)


if __name__ == "__main__":
    exit_with(main)
