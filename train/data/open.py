"""Open the data set that --data names, in any of the supported layouts."""

from pathlib import Path

from device.camera.image_io import PHOTO_ENDINGS
from train.data.celeba import read_celeba
from train.data.celeba_files import is_celeba
from train.data.own_photos import LABELS, read_own_photos
from train.data.split import Dataset


def read_data(root: Path | str) -> Dataset:
    """Return CelebA (see `train.data.celeba_files`) or a folder of own photos.

    Raises DataError if the folder is neither.
    """
    root = Path(root)
    if (root / LABELS).is_file() or _has_class_folders(root):
        return read_own_photos(root)
    return read_celeba(root)


def _has_class_folders(root: Path) -> bool:
    """Return whether a folder without CelebA's files has subfolders with photos: the classes."""
    if not root.is_dir() or is_celeba(root):
        return False
    folders = (child for child in root.iterdir() if child.is_dir())
    files = (file for folder in folders for file in folder.rglob("*"))
    return any(file.suffix.lower() in PHOTO_ENDINGS for file in files)
