"""Align your own photos for training: the largest face of each, cut out as in CelebA.

    python -m train.own_photos --photos mine/ --out aligned/     # 20 ms a photo
    python -m train.fit --recipe smile-simple-cnn --data aligned/ --attributes smile --out runs/mine

    mine/smile/*.jpg                  a folder per class. Two classes are one attribute: smile and
    mine/no_smile/*.jpg               no_smile (or not_, non_, without_), otherwise the class that
                                      is last by name. Three or more classes: one attribute each
    mine/train/smile/*.jpg            optional: the same in train/, val/ and test/
    mine/smile/ann/*.jpg              optional: from ten such folders on, a folder's photos stay in
                                      one split
    mine/labels.csv, mine/*.jpg       the file name; then a column per attribute with 1 for yes, 0
                                      or -1 for no, or one column of class names. In a table of
                                      several attributes an empty cell, ?, nan, na or unknown is an
                                      unknown label. Optional: a column split with train, val or
                                      test, and a column person, whose photos stay in one split

Without a split, a photo's or person's name decides: 80, 10 and 10 %. The output folder has the same
subfolders, and a labels.csv if the photos have one; faces of HEIC and other formats that cannot be
written become JPEGs. Photos that cannot be read, without a face or with several are named. Like
--align of train.celeba and train.utkface, this stores pictures of people.

Labels that people correct in Label Studio, beginning with the photos the model is least sure of:

    python -m train.own_photos export --label-studio tasks.json --photos mine/ --attributes Smiling
    python -m train.own_photos import --label-studio answers.json --photos mine/

export writes the tasks with the model's guesses, and tasks.xml, the labelling interface; import
writes the answers into mine/labels.csv. A label on which people disagree is left out.
"""

import argparse
import json
import os
import shlex
from collections import Counter
from pathlib import Path

from device.attributes.classifier import Classifier
from device.attributes.presets import select_attributes
from device.camera.image_io import PhotoError
from device.cli.command import Parser, exit_with, pasteable
from device.cli.flags import add_flags, settings_from
from device.errors import UsageError, disk_faults, os_reason
from device.files import read_json, write_atomic
from device.log import log
from device.settings import Settings
from device.text import counted
from train.data.align_photos import align_photos
from train.data.label_studio import (
    LOCAL_FILES,
    Guess,
    labelling_config,
    read_answers,
    table_of,
    tasks_of,
)
from train.data.own_labels import LABELS, label_table
from train.data.own_photos import read_labels
from train.data.photo_folder import read_folder
from train.data.split import SPLITS, DataError, Dataset, unknown_line
from train.evaluation.photo_faces import faces_of_photos
from train.training.run_dir import free_run

MAX_ANSWERS = 2_000_000_000  # bytes
PHOTOS_PER_WORKER = 16  # fewer take less time than a process takes to start


def counts_table(data: Dataset) -> str:
    """Return the photos per split, and of them those with each attribute, as text."""
    splits = [data.splits[name] for name in SPLITS]
    width = max(22, *(len(name) + 1 for name in data.attributes))
    lines = [f"{'split':{width}}" + "".join(f"{name:>10}" for name in SPLITS)]
    lines.append(f"{'photos':{width}}" + "".join(f"{len(split):10,}" for split in splits))
    for column, name in enumerate(data.attributes):
        counts = (int(split.positives()[column]) for split in splits)
        lines.append(f"{name:{width}}" + "".join(f"{count:10,}" for count in counts))
    return "\n".join([*lines, *filter(None, [unknown_line(splits)])])


def align(args: argparse.Namespace) -> None:
    """Write the aligned faces, and print the counts per split."""
    if args.out is None:
        raise UsageError("no folder for the aligned faces", "--out aligned/")
    labels = read_labels(args.photos)  # unusable labels stop here, before the work
    with disk_faults(f"cannot write to {args.out}", "another --out, or free disk space"):
        result = align_photos(labels, args.out)
    faces, photos = counted(result.written, "face"), counted(result.missed, "photo")
    print(f"{faces} written to {args.out}, {photos} left out")
    print(counts_table(result.data))
    folder, run = str(args.out), str(free_run(args.out))
    command = f"python -m train.fit --data {shlex.quote(folder)} --out {shlex.quote(run)}"
    print(pasteable(f"next: {command}"))


def export(args: argparse.Namespace) -> None:
    """Write the tasks and their labelling interface for Label Studio."""
    settings = settings_from(args, ("--model",))
    classifier = Classifier(settings.attributes.model)
    chosen = tuple(name.strip() for name in args.attributes.split(",") if name.strip())
    names = select_attributes(chosen, classifier.card.names)
    columns = [classifier.card.names.index(name) for name in names]
    photos = read_folder(args.photos).photos
    guesses = _guesses(args.photos, photos, settings, columns)
    if not guesses:
        raise DataError(f"no photo in {args.photos} shows one clear face", "other --photos")
    model = classifier.card.sha256[:12]
    tasks = tasks_of(guesses, names, classifier.thresholds[columns], model, args.address)
    interface = args.label_studio.with_suffix(".xml")
    with disk_faults(f"cannot write {args.label_studio}", "--label-studio in a writable folder"):
        write_atomic(args.label_studio, f"{json.dumps(tasks, indent=1)}\n".encode())
        write_atomic(interface, labelling_config(names).encode())
    print(f"{counted(len(tasks), 'task')}: {args.label_studio}; labelling interface: {interface}")


def _guesses(
    root: Path, photos: tuple[str, ...], settings: Settings, columns: list[int]
) -> list[Guess]:
    """Return the guesses for the photos with one face; the others are counted in the log."""
    workers = max(1, min(os.cpu_count() or 1, len(photos) // PHOTOS_PER_WORKER))
    found = faces_of_photos((root / photo for photo in photos), settings, workers)
    guesses, missed = [], Counter[str]()
    for photo, faces in zip(photos, found, strict=True):
        if isinstance(faces, PhotoError):
            missed["not readable"] += 1
        elif len(faces) != 1:
            missed["without a face" if not faces else "with several faces"] += 1
        elif (values := faces[0].probabilities.array) is None:
            missed[f"with a face that is {faces[0].state}"] += 1
        else:
            guesses.append(Guess(photo, values[columns]))
    for reason, count in missed.items():
        log.info(f"{counted(count, 'photo')} left out: {reason}")
    return guesses


def import_answers(args: argparse.Namespace) -> None:
    """Write the answers of Label Studio into the photos' labels.csv."""
    if (before := label_table(args.photos)) is not None:
        raise UsageError(f"{before} is there already", f"mv {shlex.quote(str(before))} elsewhere")
    try:
        content = read_json(args.label_studio, MAX_ANSWERS)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read {args.label_studio}: {os_reason(error)}", "an export in JSON"
        ) from error
    answers = read_answers(content, str(args.label_studio))
    table = args.photos / LABELS
    with disk_faults(f"cannot write {table}", "a folder of photos that may be written"):
        write_atomic(table, table_of(answers))
    print(
        f"{counted(len(answers.labels), 'photo')} labelled: {table}; "
        f"{counted(answers.unanswered, 'task')} unanswered, "
        f"{counted(answers.disputed, 'label')} disputed"
    )


COMMANDS = {"align": align, "export": export, "import": import_answers}


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.own_photos", __doc__)
    add = parser.add_argument
    add("command", nargs="?", choices=COMMANDS, default="align", help="what to do (default align)")
    add("--photos", required=True, type=Path, help="folder of photos of people")
    add("--out", type=Path, help="align: folder for the aligned faces")
    studio = parser.add_argument_group("export and import")
    studio.add_argument("--label-studio", type=Path, metavar="FILE.json", help="tasks, answers")
    studio.add_argument(
        "--attributes", default="", metavar="NAME,..", help="export: those to label (default: all)"
    )
    studio.add_argument(
        "--address",
        default=LOCAL_FILES,
        metavar="TEXT",
        help="export: what stands before a photo's name in its address (default: Label Studio's "
        "local files)",
    )
    add_flags(parser, Settings, ("--model",))
    args = parser.parse_args(argv)
    if args.command != "align" and args.label_studio is None:
        raise UsageError(f"{args.command} without a file", "--label-studio FILE.json")
    COMMANDS[args.command](args)


if __name__ == "__main__":
    exit_with(main)
