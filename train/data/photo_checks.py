"""Check the photo files that labels name: present, whole, and of an aligned photo's shape."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from device.camera.image_io import PHOTO_ENDINGS, PhotoError, read_photo
from train.data.own_photos import is_aligned
from train.data.tables import file_name

CHECK_BLOCK = 4096  # photos that are checked at a time
ENDS = ((b"\xff\xd8", b"\xff\xd9"), (b"\x89PNG", b"IEND\xaeB`\x82"))  # of JPEG and PNG files
MEASURED = 200  # photos whose shape is measured, at equal distances
MISSING, INTACT, SUSPECT = "missing", "intact", "suspect"


def find_readable(folder: Path, names: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of photos that have another name, and the reason per unreadable photo.

    A photo may be in a folder of `folder`, its ending and case may differ, zeros in front may be
    missing: {name: file relative to `folder`}. Intact photos are not decoded.
    """
    state = _states(folder, names, {})
    missing = [name for name in names if state.get(name) == MISSING]
    renamed = _other_names(folder, names, missing) if missing else {}
    state |= dict.fromkeys(renamed, INTACT) | _states(folder, list(renamed), renamed)
    reasons = {}
    for name in state:
        if state[name] == MISSING:
            reasons[name] = "no such file"
        elif state[name] == SUSPECT:
            try:
                read_photo(folder / renamed.get(name, name))
            except PhotoError as error:
                # without the path in front of it
                reasons[name] = str(error.args[0]).partition(": ")[2]
    return renamed, reasons


def _states(folder: Path, names: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the state of the photos that are not intact."""
    states = {}
    with ThreadPoolExecutor(8) as pool:
        # In blocks: a pool keeps a kilobyte per submitted task.
        for start in range(0, len(names), CHECK_BLOCK):
            block = names[start : start + CHECK_BLOCK]
            found = pool.map(lambda name: _state(folder / renamed.get(name, name)), block)
            pairs = zip(block, found, strict=True)
            states.update({name: state for name, state in pairs if state != INTACT})
    return states


def _state(path: Path) -> str:
    """Return INTACT if a file starts and ends as a photo does; others are decoded to be sure."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(-8, 2)
            end = file.read()
    except FileNotFoundError:
        return MISSING
    except OSError:
        return SUSPECT
    whole = any(start.startswith(first) and end.endswith(last) for first, last in ENDS)
    return INTACT if whole else SUSPECT


def photos_below(folder: Path) -> list[Path]:
    """Return the visible files with a photo's ending in a folder and the folders in it."""
    return sorted(folder / name for name in _names_below(folder))


def _names_below(folder: Path) -> Iterator[str]:
    start = len(os.path.join(folder, ""))
    for place, _, files in os.walk(folder):
        for file in files:
            if file[0] != "." and os.path.splitext(file)[1].lower() in PHOTO_ENDINGS:
                yield os.path.join(place, file)[start:]


def _other_names(folder: Path, names: Iterable[str], missing: Iterable[str]) -> dict[str, str]:
    taken = set(names)
    files: dict[str, str] = {}
    for file in sorted(name for name in _names_below(folder) if name not in taken):
        files.setdefault(photo_key(file), file)
    return {name: files.pop(photo_key(name)) for name in missing if photo_key(name) in files}


def photo_key(name: str) -> str:
    """Return a photo's name without folder, ending, case and zeros in front."""
    name = file_name(name)
    stem, ending = os.path.splitext(name)
    stem = stem if ending.lower() in PHOTO_ENDINGS else name
    plain = unicodedata.normalize("NFC", stem).casefold()
    return plain.lstrip("0") if plain.isdecimal() else plain


def share_of_other_shape(photos: Sequence[Path]) -> float:
    """Return the share of photos, 0..1, that do not have the shape of an aligned photo.

    Measured on at most MEASURED of them; those that cannot be read do not count.
    """
    rows = np.linspace(0, len(photos) - 1, min(len(photos), MEASURED)).astype(int)
    odd = [odd for row in rows if (odd := _is_odd(photos[row])) is not None]
    return sum(odd) / len(odd) if odd else 0.0


def _is_odd(path: Path) -> bool | None:
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return not is_aligned(width, height)
