"""Read a folder of own photos: a subfolder per class, or photos and a labels.csv.

`python -m train.own_photos --help` describes the layouts. Photos must be aligned as CelebA's are;
`align_folder` does that.
"""

import shutil
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from device.analyzer import FaceAnalyzer, largest
from device.camera.image_io import PHOTO_ENDINGS, PhotoError, read_photo
from device.errors import UsageError, nearest
from device.faces.align import CELEBA_FRAME, FRAME_WH, AlignError, warp_crop
from device.faces.blazeface import BlazeFace
from device.faces.quality_gate import NO_LIMITS
from device.log import log
from device.text import printable
from train.data.split import CORRECT_LINE, SPLITS, DataError, Dataset, Split
from train.data.tables import read_rows

LABELS = "labels.csv"
OWN_PHOTOS_HELP = "python -m train.own_photos --help"
NEGATIONS = ("no_", "not_", "non_", "without_")
FRAME_SHAPE = FRAME_WH[0] / FRAME_WH[1]
VALUES = {"1": 1, "0": 0, "-1": 0}
SPLIT_ENDS = (80, 90)  # percentiles: the end of train, the end of val
LabelRow = tuple[str, str, dict[str, int]]  # file relative to the root, split, labels


def read_own_photos(root: Path | str) -> Dataset:
    """Return the photos and labels of a folder, in splits.

    Leaves out photos without a label, labels without a photo, and unreadable photos. Raises
    DataError if no photo has a label.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"no folder {root}", "--data FOLDER")
    rows, names = _read_csv(root) if (root / LABELS).is_file() else _read_folders(root)
    skipped: dict[str, str] = {}
    labelled = {file for file, _, _ in rows}
    for path in _photos(root):
        file = str(path.relative_to(root))
        if file not in labelled:
            skipped[file] = "has no label"
    usable, unaligned = [], 0
    for row in tqdm(rows, desc="photos", unit="photo", mininterval=1, leave=False):
        try:
            height, width = read_photo(root / row[0]).shape[:2]
            unaligned += abs(width / height / FRAME_SHAPE - 1) > 0.1
            usable.append(row)
        except PhotoError as error:
            skipped[row[0]] = str(error.args[0]).rpartition(": ")[2]
    if 2 * unaligned > len(usable):
        log.info(
            f"{unaligned} of {len(usable)} photos do not have the shape of aligned faces. "
            f"To align them: python -m train.own_photos --photos {root} --out ALIGNED"
        )
    if not usable:
        raise DataError(
            f"none of the {len(rows)} labels in {root} has a readable photo",
            "file names as in the folder, copy damaged photos again",
        )
    odd = [name for name in names if not name or printable(name) != name]
    if odd:
        hint = "names of letters and digits for folders and columns"
        raise DataError(f"{root} has an attribute called {odd[0]!r}", hint)
    splits = {split: _split(root, split, usable, names) for split in SPLITS}
    return Dataset(splits, tuple(sorted(skipped.items())), names, "own photos")


def _split(root: Path, split: str, rows: list[LabelRow], names: tuple[str, ...]) -> Split:
    members = [(file, labels) for file, row_split, labels in rows if row_split == split]
    table = [[labels[name] for name in names] for _, labels in members]
    return Split(
        split,
        tuple(root / file for file, _ in members),
        np.array(table, np.uint8).reshape(-1, len(names)),
        names,
    )


def _photos(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PHOTO_ENDINGS)


def _hashed_split(name: str) -> str:
    """Return the split of a photo that has none; it depends on the file name alone."""
    percentile = zlib.crc32(Path(name).name.encode()) % 100
    return SPLITS[sum(percentile >= end for end in SPLIT_ENDS)]


def _read_folders(root: Path) -> tuple[list[LabelRow], tuple[str, ...]]:
    parts = {split: root / split for split in SPLITS if (root / split).is_dir()} or {"": root}
    files: dict[str, list[tuple[str, str]]] = {}
    for split, folder in parts.items():
        for path in _photos(folder):
            if path.parent != folder:  # a photo beside the class folders has no class
                label = path.relative_to(folder).parts[0]
                file_split = split or _hashed_split(path.name)
                files.setdefault(label, []).append((str(path.relative_to(root)), file_split))
    classes = sorted(files)
    if len(classes) < 2:
        raise DataError(
            f"{root} has no {LABELS}, and {len(classes)} folders with photos, need 2 at least",
            OWN_PHOTOS_HELP,
        )
    names = _attributes_of(classes)
    rows = [
        (file, split, _one_hot(label, names)) for label in classes for file, split in files[label]
    ]
    return rows, names


def _attributes_of(classes: list[str]) -> tuple[str, ...]:
    """Return the attributes of classes: one for two classes, otherwise one per class."""
    if len(classes) != 2:
        return tuple(classes)
    for name, opposite in (classes, classes[::-1]):
        if any(opposite.lower().replace("-", "_") == no + name.lower() for no in NEGATIONS):
            return (name,)
    return (classes[-1],)


def _one_hot(label: str, names: tuple[str, ...]) -> dict[str, int]:
    return {name: int(name == label) for name in names}


def _read_csv(root: Path) -> tuple[list[LabelRow], tuple[str, ...]]:
    path = root / LABELS
    header, *lines = read_rows(path, OWN_PHOTOS_HELP) or [[]]
    if not header:
        raise DataError(f"{path} is empty", OWN_PHOTOS_HELP)
    columns = [i for i, name in enumerate(header) if i and name.strip() != "split"]
    if not columns or not lines:
        raise DataError(f"{path} has no column besides the file name, or no photo", OWN_PHOTOS_HELP)
    for number, row in enumerate(lines, 2):
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(row)} fields, expected {len(header)}", CORRECT_LINE
            )
    if len(columns) == 1 and not all(row[columns[0]].strip() in VALUES for row in lines):
        classes = sorted({row[columns[0]].strip() for row in lines})
        if len(classes) < 2:
            raise DataError(
                f"{path}: all photos are {classes[0]!r}, need two classes", OWN_PHOTOS_HELP
            )
        names = _attributes_of(classes)
        labels = [_one_hot(row[columns[0]].strip(), names) for row in lines]
    else:
        names = tuple(header[column].strip() for column in columns)
        labels = [_values(path, row, header, columns, n) for n, row in enumerate(lines, 2)]
    split_column = header.index("split") if "split" in header else 0
    rows = []
    for number, (row, row_labels) in enumerate(zip(lines, labels, strict=True), 2):
        split = row[split_column].strip() if split_column else _hashed_split(row[0])
        if split not in SPLITS:
            raise DataError(
                f"{path}, line {number}: split {split!r}, expected train, val or test",
                nearest(split, SPLITS),
            )
        rows.append((row[0].strip(), split, row_labels))
    if len({file for file, _, _ in rows}) < len(rows):
        raise DataError(f"{path}: duplicate photo {_duplicate(rows)!r}", CORRECT_LINE)
    return rows, names


def _duplicate(rows: list[LabelRow]) -> str:
    ((file, _),) = Counter(file for file, _, _ in rows).most_common(1)
    return file


def _values(
    path: Path, row: list[str], header: list[str], columns: list[int], number: int
) -> dict[str, int]:
    try:
        return {header[i].strip(): VALUES[row[i].strip()] for i in columns}
    except KeyError as error:
        raise DataError(f"{path}, line {number}: {error} is not 1, 0 or -1", CORRECT_LINE) from None


def aligned(photo_bgr: np.ndarray, analyzer: FaceAnalyzer) -> np.ndarray:
    """Return the largest face as CelebA aligns it, uint8 (218, 178, 3) BGR; AlignError if none."""
    face = largest(analyzer.analyze(photo_bgr))
    if face is None:
        raise AlignError("no face", "a photo from nearer, with more light")
    return warp_crop(photo_bgr, CELEBA_FRAME.matrix(face.landmarks), FRAME_WH)


def align_folder(photos: Path, out: Path) -> tuple[int, int]:
    """Write each photo's face to `out` under the same relative path; return (written, left out).

    Raises UsageError if `out` already has photos, OSError if it cannot be written.
    """
    if any(_photos(out)):
        raise UsageError(f"{out} already has photos", "another --out")
    analyzer = FaceAnalyzer(BlazeFace("back", threads=2), NO_LIMITS, geometry=CELEBA_FRAME)
    written = missed = 0
    paths = list(_photos(photos))
    for path in tqdm(paths, desc="faces", unit="photo", mininterval=1):
        try:
            face = aligned(read_photo(path), analyzer)
        except (PhotoError, AlignError) as error:
            log.info(f"left out: {path}: {error}")
            missed += 1
            continue
        target = out / path.relative_to(photos)
        target.parent.mkdir(parents=True, exist_ok=True)
        encoded, content = cv2.imencode(target.suffix, face)
        if not encoded:
            raise UsageError(f"cannot write photos as {target.suffix}", "photos as JPEG or PNG")
        target.write_bytes(content.tobytes())
        written += 1
    if written and (photos / LABELS).is_file():
        shutil.copyfile(photos / LABELS, out / LABELS)
    return written, missed
