"""Read one's own photos: a folder per class, or one folder and a CSV.

    python -m train.own_photos --photos mine/ --out aligned/     # 20 ms a photo
    python -m train.fit --recipe smile-simple-cnn --data aligned/ --attributes smile --out runs/mine

    mine/smile/*.jpg                  a folder per class. Two classes are one attribute: smile and
    mine/no_smile/*.jpg               no_smile (or not_, non_, without_), or else the one that comes
                                      last by name. Of more classes each is an attribute
    mine/train/smile/*.jpg            or so in train/, val/ and test/
    mine/labels.csv, mine/*.jpg       the file's name; then a column per attribute with 1 for yes, 0
                                      or -1 for no, or one column of class names; and, if you like,
                                      a column split with train, val or test

Where no split is given, each photo's place follows from its name: 80, 10 and 10 %. Photos must be
aligned as CelebA's are: the command cuts the largest face out of each photo as the device does and
writes it to --out, same folders, same labels.csv. It is the only way that pictures are stored.
"""

import csv
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from device.camera.image_io import PHOTO_ENDINGS, PhotoError, read_photo
from device.cli.command import Parser, exit_with
from device.errors import UsageError, disk_faults
from device.faces.align import FRAME_LANDMARKS, FRAME_WH, AlignError, cut, landmark_matrix
from device.faces.blazeface import BlazeFace
from device.log import log
from train.celeba import SPLITS, CelebA, DataError, Split

LABELS = "labels.csv"
NEGATIONS = ("no_", "not_", "non_", "without_")
FRAME_SHAPE = FRAME_WH[0] / FRAME_WH[1]
VALUES = {"1": 1, "0": 0, "-1": 0}
SHARES = (80, 90)  # of 100: where train ends, and val
Labelled = tuple[str, str, dict[str, int]]  # the file within the root, its split, its labels


def read_own_photos(root: Path | str) -> CelebA:
    """Return the photos and labels of a folder, in splits; see this module's first lines.

    Photos without a label, labels without a photo, and photos that cannot be read are left out.
    Raises DataError where there is no photo with a label.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"no folder {root}", "Give one with --data")
    rows, names = _read_csv(root) if (root / LABELS).is_file() else _read_folders(root)
    left_out: dict[str, str] = {}
    labelled = {file for file, _, _ in rows}
    for path in _photos(root):
        file = str(path.relative_to(root))
        if file not in labelled:
            left_out[file] = "has no label"
    kept, odd = [], 0
    for row in tqdm(rows, desc="photos", unit="photo", mininterval=1, leave=False):
        try:
            height, width = read_photo(root / row[0]).shape[:2]
            odd += abs(width / height / FRAME_SHAPE - 1) > 0.1
            kept.append(row)
        except PhotoError as error:
            left_out[row[0]] = error.message.rpartition(": ")[2]
    if 2 * odd > len(kept):
        log.info(
            f"{odd} of {len(kept)} photos are not of the shape that aligned faces have. "
            f"Align them: python -m train.own_photos --photos {root} --out ALIGNED"
        )
    if not kept:
        raise DataError(f"none of the {len(rows)} labels in {root} has a photo that can be read")
    splits = {split: _split(root, split, kept, names) for split in SPLITS}
    return CelebA(splits, tuple(sorted(left_out.items())), names, "own photos")


def _split(root: Path, split: str, rows: list[Labelled], names: tuple[str, ...]) -> Split:
    chosen = [(file, labels) for file, where, labels in rows if where == split]
    labels = [[of_it[name] for name in names] for _, of_it in chosen]
    return Split(
        split,
        tuple(root / file for file, _ in chosen),
        np.array(labels, np.uint8).reshape(-1, len(names)),
        names,
    )


def _photos(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PHOTO_ENDINGS)


def _place(name: str) -> str:
    """Return the split of a photo that none was given for: the same for the same name."""
    of_100 = zlib.crc32(Path(name).name.encode()) % 100
    return SPLITS[sum(of_100 >= share for share in SHARES)]


def _read_folders(root: Path) -> tuple[list[Labelled], tuple[str, ...]]:
    parts = {split: root / split for split in SPLITS if (root / split).is_dir()} or {"": root}
    files: dict[str, list[tuple[str, str]]] = {}
    for split, folder in parts.items():
        for path in _photos(folder):
            if path.parent != folder:  # a photo beside the classes has none
                label = path.relative_to(folder).parts[0]
                place = split or _place(path.name)
                files.setdefault(label, []).append((str(path.relative_to(root)), place))
    classes = sorted(files)
    if len(classes) < 2:
        raise DataError(
            f"{root} has no {LABELS}, and {len(classes)} folders with photos, need 2 at least",
            "See: python -m train.own_photos --help",
        )
    names = _attributes_of(classes)
    rows = [
        (file, place, _one_hot(label, names)) for label in classes for file, place in files[label]
    ]
    return rows, names


def _attributes_of(classes: list[str]) -> tuple[str, ...]:
    """Return the attributes that classes stand for: one for two classes, else one each."""
    if len(classes) != 2:
        return tuple(classes)
    for one, other in (classes, classes[::-1]):
        if any(other.lower().replace("-", "_") == no + one.lower() for no in NEGATIONS):
            return (one,)
    return (classes[-1],)


def _one_hot(label: str, names: tuple[str, ...]) -> dict[str, int]:
    return {name: int(name == label) for name in names}


def _read_csv(root: Path) -> tuple[list[Labelled], tuple[str, ...]]:
    path = root / LABELS
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *lines = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    except ValueError:
        raise DataError(f"{path} is empty") from None
    columns = [place for place, name in enumerate(header) if place and name.strip() != "split"]
    if not columns or not lines:
        raise DataError(f"{path} has no column beside the file's name, or no photo")
    for number, row in enumerate(lines, 2):
        if len(row) != len(header):
            raise DataError(f"{path}, line {number}: {len(row)} fields, expected {len(header)}")
    if len(columns) == 1 and not all(row[columns[0]].strip() in VALUES for row in lines):
        classes = sorted({row[columns[0]].strip() for row in lines})
        if len(classes) < 2:
            raise DataError(f"{path}: all photos are {classes[0]!r}, need two classes")
        names = _attributes_of(classes)
        labels = [_one_hot(row[columns[0]].strip(), names) for row in lines]
    else:
        names = tuple(header[place].strip() for place in columns)
        labels = [_values(path, row, header, columns, n) for n, row in enumerate(lines, 2)]
    place = header.index("split") if "split" in header else 0
    rows = []
    for number, (row, of_it) in enumerate(zip(lines, labels, strict=True), 2):
        split = row[place].strip() if place else _place(row[0])
        if split not in SPLITS:
            raise DataError(f"{path}, line {number}: split {split!r}, expected train, val or test")
        rows.append((row[0].strip(), split, of_it))
    if len({file for file, _, _ in rows}) < len(rows):
        raise DataError(f"{path}: a photo stands twice")
    return rows, names


def _values(
    path: Path, row: list[str], header: list[str], columns: list[int], number: int
) -> dict[str, int]:
    try:
        return {header[place].strip(): VALUES[row[place].strip()] for place in columns}
    except KeyError as error:
        raise DataError(f"{path}, line {number}: {error} is not 1, 0 or -1") from None


def aligned(picture: np.ndarray, detector: BlazeFace) -> np.ndarray:
    """Return the largest face as CelebA aligns it, uint8 (218, 178, 3); AlignError if none."""
    face = max(detector.detect(picture), key=lambda one: one.box[2], default=None)
    if face is None:
        raise AlignError("no face")
    return cut(picture, landmark_matrix(face.landmarks, FRAME_LANDMARKS), FRAME_WH)


def align_folder(photos: Path, out: Path) -> tuple[int, int]:
    """Write every photo's face to `out` as JPEG, same place and name; return (written, left out).

    Raises UsageError where `out` has photos already, FacetError where it cannot be written.
    """
    if any(_photos(out)):
        raise UsageError(f"{out} has photos already", "Name another --out")
    detector, written, missed = BlazeFace("back", threads=2), 0, 0
    paths = list(_photos(photos))
    for path in tqdm(paths, desc="faces", unit="photo", mininterval=1):
        try:
            face = aligned(read_photo(path), detector)
        except (PhotoError, AlignError) as error:
            log.info(f"left out: {path}: {error}")
            missed += 1
            continue
        target = out / path.relative_to(photos)
        target.parent.mkdir(parents=True, exist_ok=True)
        encoded, content = cv2.imencode(target.suffix, face)
        if not encoded:
            raise UsageError(f"cannot write photos as {target.suffix}")
        target.write_bytes(content.tobytes())
        written += 1
    if written and (photos / LABELS).is_file():
        shutil.copyfile(photos / LABELS, out / LABELS)
    return written, missed


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.own_photos", __doc__)
    parser.add_argument("--photos", required=True, type=Path, help="folder of photos of people")
    parser.add_argument("--out", required=True, type=Path, help="folder for the aligned faces")
    args = parser.parse_args(argv)
    read_own_photos(args.photos)  # labels that cannot be used are told before the work
    with disk_faults(f"cannot write to {args.out}", "Free the disk, try again"):
        written, missed = align_folder(args.photos, args.out)
    print(f"{written} faces written to {args.out}, {missed} photos left out")


if __name__ == "__main__":
    exit_with(main)
