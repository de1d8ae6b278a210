"""Align UTKFace's photos: the largest face of each, found by the device, cut out as in CelebA."""

import csv
import io
from pathlib import Path

from device.errors import UsageError
from device.files import write_atomic
from train.data.crops import with_border
from train.data.own_labels import LABELS
from train.data.utkface import read_utkface
from train.data.write_faces import WrittenFaces, write_faces

QUALITY = 90  # of the JPEGs
COLUMNS = ("file", "age", "gender", "race")


def align_utkface(root: Path, out: Path) -> WrittenFaces:
    """Write the largest face of each adult's photo to `out`, with a labels.csv.

    The faces are JPEGs of 178x218 px. Raises DataError as `read_utkface` does, UsageError if `out`
    is in use, OSError if it cannot be written.
    """
    people = read_utkface(root)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", "another --align FOLDER")
    out.mkdir(parents=True, exist_ok=True)
    done = write_faces([person.photo for person in people], out, QUALITY, with_border)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for person in people:
        if name := done.names.get(person.photo):
            writer.writerow((name, person.age, person.gender, person.race))
    write_atomic(out / LABELS, table.getvalue().encode())
    return done
