"""Read a folder of own photos: a subfolder per class, or photos and a labels.csv.

`python -m train.own_photos --help` describes the layouts. Photos must be aligned as CelebA's are;
`train.data.align_photos` does that.
"""

import hashlib
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device.camera.image_io import PhotoError, read_photo
from device.faces.align import FRAME_WH
from device.log import log
from device.text import counted, printable
from train.data.class_folders import read_class_folders
from train.data.label_table import read_label_table
from train.data.own_labels import LABELS, LabelledPhoto, OwnLabels, label_table, shortened, split_of
from train.data.photo_folder import endings, read_folder, without_endings
from train.data.split import SPLITS, DataError, Dataset, Split

FRAME_SHAPE = FRAME_WH[0] / FRAME_WH[1]
THREADS = 4  # each decodes one photo, in at most 170 MB
FEW_PHOTOS = 10  # fewer of a class teach and measure little


@dataclass(frozen=True)
class CheckedPhotos:
    """What decoding each photo of a folder gave."""

    digests: dict[str, bytes]  # of the readable ones; equal for equal pictures
    faults: dict[str, PhotoError]  # of the others
    unaligned: int  # readable ones that do not have the shape of an aligned face


def read_own_photos(root: Path | str) -> Dataset:
    """Return the photos and labels of a folder, in splits.

    Leaves out photos without a label, labels without a photo, and unreadable photos. Copies of a
    photo, and the photos of a person, are in one split. Raises DataError if no photo has a label,
    and for labels that are missing, or likely to be wrong.
    """
    labels = read_labels(Path(root))
    checked = check_photos(labels.root, [photo.file for photo in labels.photos])
    if 2 * checked.unaligned > len(checked.digests):
        log.info(
            f"{checked.unaligned} of {len(checked.digests)} photos do not have the shape of "
            f"aligned faces. Try: python -m train.own_photos "
            f"--photos {shlex.quote(str(labels.root))} --out ALIGNED"
        )
    log_faults(checked.faults)
    if not checked.digests:
        raise no_photo_error(labels, checked.faults)
    reasons = {file: reason_of(error) for file, error in checked.faults.items()}
    return in_splits(replace(labels, skipped=labels.skipped | reasons), checked.digests)


def read_labels(root: Path) -> OwnLabels:
    """Return a folder's photos and their labels, without a look into the photos.

    Raises DataError as `read_own_photos` does.
    """
    folder = read_folder(root)
    if folder.unread:
        log.info(
            f"not read: {counted(len(folder.unread), 'picture')} of other formats in {root} "
            f"({endings(folder.unread)}). To use them: copies as JPEG"
        )
    table = label_table(root)
    labels = read_label_table(folder, table) if table else read_class_folders(folder)
    for name in labels.attributes:
        if not name or printable(name) != name:
            hint = "names of letters and digits for folders and columns"
            raise DataError(f"{root} has an attribute called {name!r}", hint)
    return labels


def check_photos(root: Path, files: Sequence[str]) -> CheckedPhotos:
    """Decode the photos `files` of a folder."""
    digests: dict[str, bytes] = {}
    faults: dict[str, PhotoError] = {}
    unaligned = 0
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        results = pool.map(_check, (root / file for file in files))
        shown = tqdm(results, "photos", len(files), unit="photo", mininterval=1, leave=False)
        for file, result in zip(files, shown, strict=True):
            if isinstance(result, PhotoError):
                faults[file] = result
            else:
                digests[file], fits = result
                unaligned += not fits
    return CheckedPhotos(digests, faults, unaligned)


def is_aligned(width: int, height: int) -> bool:
    """Return whether a photo has the shape of an aligned face."""
    return abs(width / height / FRAME_SHAPE - 1) <= 0.1


def digest(picture: np.ndarray) -> bytes:
    """Return 16 bytes that are equal for equal pictures only, uint8 (H, W, channels)."""
    sized = hashlib.blake2b(str(picture.shape).encode(), digest_size=16)
    sized.update(np.ascontiguousarray(picture).data)
    return sized.digest()


def _check(path: Path) -> tuple[bytes, bool] | PhotoError:
    """Return a photo's digest and whether it is aligned, or why it cannot be read."""
    try:
        photo = read_photo(path)
    except PhotoError as error:
        return error
    return digest(photo), is_aligned(photo.shape[1], photo.shape[0])


def in_splits(labels: OwnLabels, digests: Mapping[str, bytes]) -> Dataset:
    """Return the data set of the photos with a digest; copies have equal ones.

    In each split the classes are mixed: its first photos have all of them.
    """
    skipped = dict(labels.skipped)
    photos = [photo for photo in labels.photos if photo.file in digests]
    splits = _splits(photos)
    copies: dict[bytes, list[LabelledPhoto]] = defaultdict(list)
    for photo in photos:
        copies[digests[photo.file]].append(photo)
    for group in copies.values():
        skipped |= _join(group, splits)
    _log_copies([group for group in copies.values() if len(group) > 1])
    photos = mixed([photo for photo in photos if photo.file not in skipped])
    _log_rare(labels, photos, splits)
    members = {name: [p for p in photos if splits[p.file] == name] for name in SPLITS}
    return Dataset(
        {name: _split(labels, name, members[name]) for name in SPLITS},
        tuple(sorted(skipped.items())),
        labels.attributes,
        "own photos",
    )


def _splits(photos: list[LabelledPhoto]) -> dict[str, str]:
    """Return {photo: split}; phones save IMG_1.HEIC and IMG_1.JPG, which are one picture."""
    first: dict[str, LabelledPhoto] = {}
    splits = {}
    for photo in photos:
        twin = first.setdefault(without_endings(photo.file), photo)
        splits[photo.file] = split_of(photo if photo.split or photo.person else twin)
    return splits


def _log_copies(groups: list[list[LabelledPhoto]]) -> None:
    for differ, what in ((False, "kept in one split"), (True, "left out: their labels differ")):
        chosen = [group for group in groups if _contradict(group) == differ]
        if chosen:
            number = sum(map(len, chosen)) - (0 if differ else len(chosen))
            pairs = shortened([f"{group[1].file} = {group[0].file}" for group in chosen])
            log.info(f"{counted(number, 'photo')} the same as another, {what}: {pairs}")


def _contradict(copies: list[LabelledPhoto]) -> bool:
    """Return whether a label is yes for one photo and no for another."""
    return any({0, 1} <= set(column) for column in zip(*(p.labels for p in copies), strict=True))


def _join(copies: list[LabelledPhoto], splits: dict[str, str]) -> dict[str, str]:
    """Put copies of one picture into one split; return {file: reason} of those to leave out."""
    if _contradict(copies):
        pairs = zip(copies, [*copies[1:], copies[0]], strict=True)
        return {p.file: f"same picture as {other.file}, other labels" for p, other in pairs}
    # Where the user decided, a test photo stays one, and its copy is not trained on.
    decided = [photo for photo in copies if photo.split or photo.person] or copies[:1]
    kept = max(decided, key=lambda photo: SPLITS.index(splits[photo.file]))
    skipped = {}
    for photo in copies:
        if splits[photo.file] != splits[kept.file]:
            if photo.split or photo.person:
                skipped[photo.file] = f"same picture as {kept.file} in {splits[kept.file]}"
            splits[photo.file] = splits[kept.file]
    return skipped


def mixed(photos: list[LabelledPhoto]) -> list[LabelledPhoto]:
    """Return photos in an order whose first ones have all classes, in about their shares.

    Not by turns: every second photo would then be of one class.
    """
    counts = Counter(photo.labels for photo in photos)
    ranks: Counter[tuple[int, ...]] = Counter()
    places = []
    for photo, jitter in zip(photos, np.random.default_rng(0).random(len(photos)), strict=True):
        rank = ranks[photo.labels]
        ranks[photo.labels] += 1
        places.append((rank + jitter) / counts[photo.labels] if rank else jitter - 1)
    return [photos[index] for index in np.argsort(places, kind="stable")]


def _split(labels: OwnLabels, name: str, photos: list[LabelledPhoto]) -> Split:
    table = np.array([photo.labels for photo in photos], np.uint8)
    paths = tuple(labels.root / photo.file for photo in photos)
    return Split(name, paths, table.reshape(-1, len(labels.attributes)), labels.attributes)


def _log_rare(labels: OwnLabels, photos: list[LabelledPhoto], splits: Mapping[str, str]) -> None:
    """Log empty splits, and the attributes that too few photos have or lack."""
    used = {splits[photo.file] for photo in photos}
    absent = [name for name in SPLITS if name not in used]
    if absent and not any(photo.split for photo in photos):
        log.info(
            f"no photo of {len(photos)} is in {' or '.join(absent)}: their names or people "
            f"decide. Try: a column split in {LABELS}"
        )
    trained = [photo for photo in photos if splits[photo.file] == "train"]
    fewest = _fewest(labels, photos)
    few = [f"{name} ({count})" for name, count in fewest.items() if count < FEW_PHOTOS]
    if few:
        log.info(f"fewer than {FEW_PHOTOS} photos with or without {shortened(few)}")
    missing = [name for name, count in _fewest(labels, trained).items() if not count]
    if trained and missing:
        log.info(f"training photos are all with or all without {shortened(missing)}: not learnable")


def _fewest(labels: OwnLabels, photos: list[LabelledPhoto]) -> dict[str, int]:
    """Return for each attribute the number of photos that have it, or that do not if fewer."""
    table = np.array([p.labels for p in photos], np.uint8).reshape(-1, len(labels.attributes))
    counts = np.minimum((table == 1).sum(axis=0), (table == 0).sum(axis=0))
    return dict(zip(labels.attributes, counts.tolist(), strict=True))


def reason_of(error: PhotoError) -> str:
    """Return a PhotoError's message without the photo's name."""
    return str(error.message).rpartition(": ")[2]


def log_faults(faults: Mapping[str, PhotoError]) -> None:
    """Log a line for each reason why photos cannot be read, with their number and names."""
    files: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file, error in faults.items():
        files[reason_of(error), error.hint].append(file)
    for (reason, hint), names in files.items():
        log.info(
            f"{counted(len(names), 'photo')} left out: {reason} ({shortened(names)}). Try: {hint}"
        )


def no_photo_error(labels: OwnLabels, faults: Mapping[str, PhotoError]) -> DataError:
    """Return the error of a folder none of whose photos can be read."""
    reasons = Counter((reason_of(error), error.hint) for error in faults.values())
    (reason, hint), _ = reasons.most_common(1)[0]
    return DataError(
        f"none of the {len(labels.photos)} photos in {labels.root} can be read: {reason}", hint
    )
