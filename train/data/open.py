"""Open the data set that --data names, in any of the supported layouts."""

from pathlib import Path

from device.camera.image_io import PHOTO_ENDINGS
from train.data.celeba import read_celeba
from train.data.own_photos import label_table, read_own_photos
from train.data.split import Dataset


def read_data(root: Path | str) -> Dataset:
    """Return CelebA (official or Kaggle's layout) or a folder of own photos.

    Raises DataError if the folder is neither.
    """
    root = Path(root)
    if label_table(root) or _has_class_folders(root):
        return read_own_photos(root)
    return read_celeba(root)


def _has_class_folders(root: Path) -> bool:
    """Return whether a folder without CelebA's files has subfolders with photos: the classes."""
    if (
        not root.is_dir()
        or any(root.glob("list_attr_celeba.*"))
        or (root / "img_align_celeba").is_dir()
    ):
        return False
    folders = (child for child in root.iterdir() if child.is_dir())
    files = (file for folder in folders for file in folder.rglob("*"))
    return any(file.suffix.lower() in PHOTO_ENDINGS for file in files)
