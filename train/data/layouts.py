"""Read the photos that --data names, whichever of the layouts they are in."""

from pathlib import Path

from device.camera.image_io import PHOTO_ENDINGS
from train.celeba import CelebA, read_celeba
from train.own_photos import LABELS, read_own_photos


def read_data(root: Path | str) -> CelebA:
    """Return CelebA, official or Kaggle's, or one's own photos; DataError where it is neither."""
    root = Path(root)
    if (root / LABELS).is_file() or _has_classes(root):
        return read_own_photos(root)
    return read_celeba(root)


def _has_classes(root: Path) -> bool:
    """Return whether a folder without CelebA's files holds folders of photos: those are classes."""
    if (
        not root.is_dir()
        or any(root.glob("list_attr_celeba.*"))
        or (root / "img_align_celeba").is_dir()
    ):
        return False
    folders = (child for child in root.iterdir() if child.is_dir())
    return any(one.suffix.lower() in PHOTO_ENDINGS for child in folders for one in child.rglob("*"))
