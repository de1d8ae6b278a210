"""Read CelebA: photos, 40 attributes, official partition; complete or a part of it.

Takes the official layout (list_attr_celeba.txt, list_eval_partition.txt) and Kaggle's
(list_attr_celeba.csv, list_eval_partition.csv); photos are in img_align_celeba/ in both.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from device.camera.image_io import PhotoError, read_photo
from train.data.split import CORRECT_LINE, SPLITS, DataError, Dataset, Split, left_out_line
from train.data.tables import read_fields

COPY_AGAIN = "--data FOLDER with CelebA, or copy this file again"
CHECK_BLOCK = 4096  # photos that are checked at a time
FULL_COUNTS = {"train": 162_770, "val": 19_867, "test": 19_962}  # complete CelebA

ATTRIBUTES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)


def read_celeba(root: Path | str, attributes: tuple[str, ...] = ATTRIBUTES) -> Dataset:
    """Return CelebA in its three splits, from labels, partition and photos in a folder.

    Leaves out photos that are missing, truncated, or lack a label or a split. Raises DataError for
    a missing folder or file, a malformed line, or attributes other than `attributes`.
    """
    root = Path(root)
    folder = root / "img_align_celeba"
    if not folder.is_dir():
        raise DataError(f"no folder {folder}", "--data FOLDER with CelebA")
    # Kaggle nests the folder in one of its own name.
    if (folder / folder.name).is_dir():
        folder = folder / folder.name
    labels = _read_attributes(_either(root, "list_attr_celeba"), attributes)
    partition = _read_partition(_either(root, "list_eval_partition"))

    skipped = dict.fromkeys(labels.keys() - partition.keys(), "has no split")
    skipped |= dict.fromkeys(partition.keys() - labels.keys(), "has no label")
    names = [name for name in partition if name in labels]
    skipped |= _unreadable(folder, names)

    splits = {}
    for index, split in enumerate(SPLITS):
        members = [n for n in names if partition[n] == index and n not in skipped]
        table = np.frombuffer(bytearray().join(labels[n] for n in members), np.uint8)
        table = table.reshape(-1, len(attributes))
        splits[split] = Split(split, tuple(folder / n for n in members), table, attributes)
    return Dataset(splits, tuple(sorted(skipped.items())), attributes, "CelebA")


def _either(root: Path, stem: str) -> Path:
    for ending in (".txt", ".csv"):
        if (root / (stem + ending)).is_file():
            return root / (stem + ending)
    raise DataError(f"no {stem}.txt or {stem}.csv in {root}", "--data FOLDER with CelebA")


def _read_attributes(path: Path, attributes: tuple[str, ...]) -> dict[str, bytes]:
    """Return a byte per attribute, 0 or 1, of every photo."""
    rows = read_fields(path, COPY_AGAIN)
    number, header = next(rows, (1, []))
    if path.suffix == ".csv":
        header = header[1:]  # image_id
    elif len(header) == 1 and header[0].isdigit():
        number, header = next(rows, (2, []))  # the official file counts its photos first
    if tuple(header) != attributes:
        odd = sorted(set(header) ^ set(attributes))
        what = f"other attributes ({', '.join(odd[:4])})" if odd else "another order"
        raise DataError(
            f"{path}, line {number}: {what}; expected {len(attributes)} from {attributes[0]} "
            f"to {attributes[-1]}",
            COPY_AGAIN,
        )
    values = {"1": 1, "-1": 0, "0": 0}
    labels: dict[str, bytes] = {}
    for number, (name, *fields) in rows:
        if name in labels or Path(name).name != name:
            what = "is a duplicate" if name in labels else "is not a name in img_align_celeba"
            raise DataError(f"{path}, line {number}: {name!r} {what}", CORRECT_LINE)
        try:
            labels[name] = bytes(map(values.__getitem__, fields))
        except KeyError as error:
            raise DataError(
                f"{path}, line {number}: {error} is not 1 or -1", CORRECT_LINE
            ) from None
        if len(fields) != len(attributes):
            raise DataError(
                f"{path}, line {number}: {len(fields)} values, expected {len(attributes)}",
                CORRECT_LINE,
            )
    return labels


def _read_partition(path: Path) -> dict[str, int]:
    partition: dict[str, int] = {}
    for number, fields in read_fields(path, COPY_AGAIN):
        if path.suffix == ".csv" and number == 1:
            continue
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise DataError(
                f"{path}, line {number}: expected a photo and 0, 1 or 2, got {' '.join(fields)!r}",
                CORRECT_LINE,
            )
        partition[fields[0]] = int(fields[1])
    return partition


def _unreadable(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the reason per unreadable photo; intact photos are not decoded."""
    suspects = []
    with ThreadPoolExecutor(8) as pool:
        # In blocks: a pool keeps a kilobyte per submitted task.
        for start in range(0, len(names), CHECK_BLOCK):
            block = names[start : start + CHECK_BLOCK]
            intact = pool.map(lambda name: _has_jpeg_ends(folder / name), block)
            suspects += [name for name, good in zip(block, intact, strict=True) if not good]
    reasons = {}
    for name in suspects:
        try:
            read_photo(folder / name)
        except PhotoError as error:
            reasons[name] = _reason(error)
    return reasons


def _reason(error: PhotoError) -> str:
    """Return a PhotoError's message without the path in front of it."""
    return str(error.args[0]).partition(": ")[2]


def _has_jpeg_ends(path: Path) -> bool:
    """Return whether a file starts and ends as a JPEG does; others are decoded to be sure."""
    try:
        with path.open("rb") as file:
            starts = file.read(2) == b"\xff\xd8"
            file.seek(-2, 2)
            return starts and file.read() == b"\xff\xd9"
    except OSError:
        return False


def summary(data: Dataset) -> str:
    """Return photos per split, positives per attribute and the photos left out, as text."""
    lines = [f"{'split':22}" + "".join(f"{name:>10}" for name in SPLITS)]
    splits = [data.splits[name] for name in SPLITS]
    lines.append(f"{'photos':22}" + "".join(f"{len(split):10,}" for split in splits))
    lines.append(f"{'(complete CelebA)':22}" + "".join(f"{n:10,}" for n in FULL_COUNTS.values()))
    for column, name in enumerate(data.attributes):
        counts = (int(split.labels[:, column].sum()) for split in splits)
        lines.append(f"{name:22}" + "".join(f"{count:10,}" for count in counts))
    lines.append(left_out_line(data))
    return "\n".join(lines)
