"""Align UTKFace's photos: the largest face of each, found by the device, cut out as in CelebA."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import cv2
from tqdm import tqdm

from device.analyzer import FaceAnalyzer
from device.camera.image_io import PhotoError, read_photo
from device.errors import UsageError
from device.faces.align import CELEBA_FRAME, AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.files import write_atomic
from device.log import log
from train.data.align_photos import aligned
from train.data.crops import with_border
from train.data.own_labels import LABELS
from train.data.utkface import read_utkface

QUALITY = 90  # of the JPEGs
COLUMNS = ("file", "age", "gender", "race")


@dataclass(frozen=True)
class AlignedUtkFace:
    """How many faces were written, and how many photos have none or cannot be read."""

    written: int
    skipped: int


def align_utkface(root: Path, out: Path) -> AlignedUtkFace:
    """Write the largest face of each adult's photo to `out`, with a labels.csv.

    The faces are JPEGs of 178x218 px. Raises DataError as `read_utkface` does, UsageError if `out`
    is in use, OSError if it cannot be written.
    """
    people = read_utkface(root)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", "another --align FOLDER")
    out.mkdir(parents=True, exist_ok=True)
    analyzer = FaceAnalyzer(BlazeFace("back", threads=2), NO_LIMITS, geometry=CELEBA_FRAME)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    written = 0
    for person in tqdm(people, desc="faces", unit="photo", mininterval=1):
        try:
            face, _ = aligned(with_border(read_photo(person.photo)), analyzer)
        except (PhotoError, AlignError) as error:
            log.info(f"left out: {person.photo}: {error}")
            continue
        name = f"{person.photo.stem}.jpg"
        _, content = cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
        (out / name).write_bytes(content.tobytes())
        writer.writerow((name, person.age, person.gender, person.race))
        written += 1
    write_atomic(out / LABELS, table.getvalue().encode())
    return AlignedUtkFace(written, len(people) - written)
