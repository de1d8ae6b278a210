"""Find photos of one folder that another one has too: saved, scaled, cropped or mirrored.

    python -m train.tools.near_duplicates ../shared/data/utkface                     # within
    python -m train.tools.near_duplicates TRAINING ../shared/data/utkface --list leaked.txt

20 seconds for 17,643 photos of 200x200 px.

Prints the pairs, nearest first: the bits of 255 in which their hashes differ (0 is equal to the
eye), "mirrored" for one left to right, then the files. --list writes the names of the first
folder's photos that are in a pair, a line each, relative to the folder: photos that a training set
must not have. Other photos of one person are not found.
"""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.camera.photo_files import photos_in
from device.cli.command import Parser, count, exit_with
from device.errors import SourceError, UsageError, disk_faults, os_reason
from device.files import write_atomic
from device.text import counted
from train.data.perceptual_hash import (
    BITS,
    MAX_DISTANCE,
    Pair,
    pairs_between,
    pairs_within,
    perceptual_hash,
)
from train.data.unreadable import photo_or_none


def hashes_of(folder: Path) -> tuple[list[Path], np.ndarray]:
    """Return the readable photos of a folder and its subfolders, and their hashes (photos, BITS).

    Raises SourceError if the folder cannot be read, or has no readable photo.
    """
    try:
        paths = photos_in(folder, recursive=True)
    except OSError as error:
        message = f"cannot read the folder {folder}: {os_reason(error)}"
        raise SourceError(message, "a folder of photos") from error
    photos = ((path, photo_or_none(path)) for path in tqdm(paths, folder.name, leave=False))
    found = [(path, perceptual_hash(photo)) for path, photo in photos if photo is not None]
    if not found:
        raise SourceError(f"no readable photo in {folder}", "a folder of photos")
    return [path for path, _ in found], np.array([bits for _, bits in found])


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.near_duplicates", __doc__ or "")
    add = parser.add_argument
    add("folders", type=Path, nargs="+", metavar="DIR", help="one or two folders of photos")
    help = f"bits that may differ, of {BITS} (default %(default)s)"
    add("--distance", type=count, default=MAX_DISTANCE, metavar="BITS", help=help)
    add("--list", type=Path, dest="names", metavar="FILE", help="for the first folder's photos")
    options = parser.parse_args(argv)
    if len(options.folders) > 2:
        raise UsageError(f"{len(options.folders)} folders, need one or two", "DIR DIR")
    first, hashes = hashes_of(options.folders[0])
    if len(options.folders) == 2:
        second, others = hashes_of(options.folders[1])
        pairs = pairs_between(hashes, others, options.distance)
    else:
        second, pairs = first, pairs_within(hashes, options.distance)
    for pair in pairs:
        mirrored = "  mirrored" if pair.mirrored else ""
        print(f"{pair.distance:4}{mirrored}  {first[pair.first]}  {second[pair.second]}")
    names = names_in(pairs, first, options.folders[0])
    print(
        f"{counted(len(pairs), 'pair')} within {options.distance} of {BITS} bits; of "
        f"{counted(len(first), 'photo')} in {options.folders[0]}, {len(names):,} in a pair"
    )
    if options.names:
        with disk_faults(f"cannot write {options.names}", "another --list"):
            write_atomic(options.names, "".join(f"{name}\n" for name in names).encode())


def names_in(pairs: list[Pair], photos: list[Path], folder: Path) -> list[str]:
    """Return the names, relative to the folder, of the first photos of pairs, sorted."""
    return sorted({str(photos[pair.first].relative_to(folder)) for pair in pairs})


if __name__ == "__main__":
    exit_with(main)
