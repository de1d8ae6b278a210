"""Align CelebA's whole photos: a folder of the faces and the tables, as CelebA is aligned."""

import shutil
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
from device.log import log
from train.data.align_photos import aligned
from train.data.celeba_files import IDENTITIES, PHOTOS, WHOLE_PHOTOS, find_celeba, optional_table
from train.data.photo_checks import photos_below

QUALITY = 95  # of the JPEGs


@dataclass(frozen=True)
class AlignedCeleba:
    """How many faces were written, and how many photos have none or cannot be read."""

    written: int
    skipped: int


def align_celeba(root: Path, out: Path) -> AlignedCeleba:
    """Write the largest face of each whole photo to `out`/img_align_celeba, beside the tables.

    The faces are JPEGs of 178x218 px under the photos' names. Raises DataError as `find_celeba`
    does, UsageError if `out` is in use, OSError if it cannot be written.
    """
    files = find_celeba(root, WHOLE_PHOTOS)
    target = out / PHOTOS
    if target.exists():
        raise UsageError(f"{target} exists already", "another --align FOLDER")
    target.mkdir(parents=True)
    for path in (files.labels, files.partition, optional_table(root, IDENTITIES)):
        if path:
            shutil.copy(path, out)
    analyzer = FaceAnalyzer(BlazeFace("back", threads=2), NO_LIMITS, geometry=CELEBA_FRAME)
    paths = photos_below(files.photos)
    written = 0
    for path in tqdm(paths, desc="faces", unit="photo", mininterval=1):
        try:
            _write_face(path, target / f"{path.stem}.jpg", analyzer)
            written += 1
        except (PhotoError, AlignError) as error:
            log.info(f"left out: {path}: {error}")
    return AlignedCeleba(written, len(paths) - written)


def _write_face(path: Path, target: Path, analyzer: FaceAnalyzer) -> None:
    face, _ = aligned(read_photo(path), analyzer)
    _, content = cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    target.write_bytes(content.tobytes())
