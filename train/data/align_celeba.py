"""Align CelebA's whole photos: a folder of the faces and the tables, as CelebA is aligned."""

import shutil
from pathlib import Path

from device.errors import UsageError
from train.data.celeba_files import IDENTITIES, PHOTOS, WHOLE_PHOTOS, find_celeba, optional_table
from train.data.photo_checks import photos_below
from train.data.write_faces import WrittenFaces, write_faces

QUALITY = 95  # of the JPEGs


def align_celeba(root: Path, out: Path) -> WrittenFaces:
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
    return write_faces(photos_below(files.photos), target, QUALITY)
