"""Photos that cannot be read: left out by every command alike, each named once, and counted.

A photo is found to be broken or gone only when it is decoded, which may be hours into a run. Every
reader of many photos uses `photo_or_none` or `crop_or_none`; figures are those of the other photos.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from device.camera.image_io import PhotoError, read_photo
from device.files import open_regular
from device.log import log
from device.text import counted
from train.data.crops import read_crop
from train.data.split import DataError, Split

NAMED = 20  # photos that the log names; all are counted
LEFT_OUT = "left out: not readable"
COPY_AGAIN = "check the folder, or copy the photos again"

_unreadable: dict[Path, str] = {}  # of this process


def photo_or_none(path: Path) -> np.ndarray | None:
    """Return a photo, uint8 (H, W, 3) BGR; None if it cannot be read, which is logged once."""
    return _or_none(read_photo, path)


def crop_or_none(path: Path, crop_wh: tuple[int, int]) -> np.ndarray | None:
    """Return the crop of an aligned photo as `read_crop`; None if the photo cannot be read."""
    return _or_none(lambda photo: read_crop(photo, crop_wh), path)


def _or_none(read: Callable[[Path], np.ndarray], path: Path) -> np.ndarray | None:
    try:
        return read(path)
    except PhotoError as error:
        leave_out(path, error.args[0])
        return None


def readable_crops(split: Split, crop_wh: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield the crops of a split's photos that can be read; DataError at the end if none can."""
    count = 0
    for photo in split.photos:
        crop = crop_or_none(photo, crop_wh)
        if crop is not None:
            count += 1
            yield crop
    check_any(count, split)


def leave_out(path: Path, reason: str) -> None:
    """Count a photo as unreadable; the first NAMED of a process are logged, each once."""
    if path in _unreadable:
        return
    _unreadable[path] = reason
    if len(_unreadable) <= NAMED:
        log.info(f"left out: {reason}")
    elif len(_unreadable) == NAMED + 1:
        log.info("left out: more photos, which are counted and not named")


def reasons_from(start: int) -> list[tuple[Path, str]]:
    """Return the unreadable photos of this process without the first `start`, and the reasons."""
    return list(_unreadable.items())[start:]


def content_digest(photo: Path) -> bytes:
    """Return the SHA-256 of a file's content; zeros of a file that cannot be read.

    Not its size and time: a copy has another time. 42,000 photos of 4.5 kB take 1.4 s.
    """
    try:
        with open_regular(photo) as file:
            return hashlib.sha256(file.read()).digest()
    except OSError:
        return bytes(32)


def unreadable(photos: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of the photos that this process could not read."""
    return tuple(photo for photo in photos if photo in _unreadable) if _unreadable else ()


def unreadable_line(*splits: Split, utkface: Path | None = None) -> str:
    """Return a line with the photos of splits, and of a folder, that could not be read; or ""."""
    counts = [(len(unreadable(split.photos)), split) for split in splits]
    parts = [f"{count:,} of {len(split):,} {split.name} photos" for count, split in counts if count]
    if utkface and (count := sum(photo.is_relative_to(utkface) for photo in _unreadable)):
        parts.append(f"{counted(count, 'photo')} of UTKFace")
    return f"{', '.join(parts)} {LEFT_OUT}" if parts else ""


def check_any(count: int, split: Split) -> None:
    """Raise DataError if a split has photos, and `count`, those that could be read, is 0."""
    if len(split) and not count:
        what = counted(len(split), f"{split.name} photo")
        raise DataError(f"none of {what} can be read", COPY_AGAIN)
