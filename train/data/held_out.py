"""Find the photos of a further folder that are in the validation or test split, or show its people.

Trained on, they would make the figures of those splits too good.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from train.data.celeba_files import IDENTITIES, optional_table
from train.data.identities import read_identities
from train.data.split import Dataset
from train.data.unreadable import content_digest


@dataclass(frozen=True)
class HeldOut:
    """The photos of the validation and test splits, and the people in all photos of the data."""

    photos: tuple[Path, ...] = ()
    identities: dict[str, int] = field(default_factory=dict)  # of a name without ending


def held_out(data: Dataset, root: Path) -> HeldOut:
    """Return the validation and test photos of the data in `root`."""
    photos = (*data.splits["val"].photos, *data.splits["test"].photos)
    return HeldOut(photos, identities_in(root))


def identities_in(folder: Path) -> dict[str, int]:
    """Return what `read_identities` does, or nothing without identity_CelebA.txt."""
    return read_identities(folder) if optional_table(folder, IDENTITIES) else {}


def are_held_out(photos: Sequence[Path], folder: Path, held: HeldOut) -> np.ndarray:
    """Return whether each photo of a folder must not be trained on, bool (photos,).

    Its name, its content or its person is that of a photo in `held`.
    """
    identities = held.identities | identities_in(folder)
    names = {_name(photo) for photo in held.photos}
    people = {identities[photo.stem] for photo in held.photos if photo.stem in identities}
    copies = _copies(photos, held.photos)
    return np.array(
        [
            _name(photo) in names or identities.get(photo.stem) in people or photo in copies
            for photo in photos
        ],
        bool,
    )


def _name(photo: Path) -> str:
    return photo.stem.casefold()


def _copies(photos: Sequence[Path], held: Sequence[Path]) -> set[Path]:
    """Return the photos whose content is that of one in `held`; reads those of equal sizes only."""
    same_size: dict[int, list[Path]] = defaultdict(list)
    for photo in held:
        same_size[_size(photo)].append(photo)
    digests: dict[int, set[bytes]] = {}
    copies = set()
    for photo in photos:
        size = _size(photo)
        if size <= 0 or size not in same_size:
            continue
        if size not in digests:
            digests[size] = {content_digest(path) for path in same_size[size]}
        if content_digest(photo) in digests[size]:
            copies.add(photo)
    return copies


def _size(photo: Path) -> int:
    """Return a file's size in bytes, -1 without a file."""
    try:
        return photo.stat().st_size
    except OSError:
        return -1
