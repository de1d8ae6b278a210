"""Open the data set that --data names, in any of the supported layouts."""

from pathlib import Path

from train.data.celeba import read_celeba
from train.data.celeba_files import PHOTOS, WHOLE_PHOTOS, is_celeba
from train.data.own_labels import label_table
from train.data.own_photos import read_own_photos
from train.data.photo_folder import read_folder
from train.data.split import Dataset


def read_data(root: Path | str) -> Dataset:
    """Return CelebA (see `train.data.celeba_files`) or a folder of own photos.

    Raises DataError if the folder is neither.
    """
    root = Path(root)
    if label_table(root) or _has_own_photos(root):
        return read_own_photos(root)
    return read_celeba(root)


def _has_own_photos(root: Path) -> bool:
    """Return whether a folder has pictures and is no part of CelebA."""
    part = root.resolve().name.lower().startswith((PHOTOS, WHOLE_PHOTOS))
    if part or not root.is_dir() or is_celeba(root):
        return False
    folder = read_folder(root)
    return bool(folder.photos or folder.unread)
