"""Read CelebA: photos, 40 attributes, official partition; complete or a part of it.

    python -m train.celeba --data ../shared/data/celeba     # 2 s: counts per split and attribute

Takes the official layout (list_attr_celeba.txt, list_eval_partition.txt) and Kaggle's
(list_attr_celeba.csv, list_eval_partition.csv), photos in img_align_celeba/ in either.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device.camera.image_io import PhotoError, read_photo
from device.cli.command import Parser, exit_with
from device.errors import SourceError

SPLITS = ("train", "val", "test")  # in the partition file: 0, 1, 2
LOOKED_AT_ONCE = 4096  # photos
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


class DataError(SourceError):
    """A data set that is missing or malformed; the message names the file and the line."""


@dataclass(frozen=True)
class Split:
    """Photos of one split, in the partition file's order."""

    name: str
    photos: tuple[Path, ...]
    labels: np.ndarray  # (photos, attributes), uint8 0 or 1 = present
    attributes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True)
class CelebA:
    """The data set as found on disk; `left_out` says, per photo, why it is in no split."""

    splits: dict[str, Split]
    left_out: tuple[tuple[str, str], ...]
    attributes: tuple[str, ...] = ATTRIBUTES
    name: str = "CelebA"


def read_celeba(root: Path | str, attributes: tuple[str, ...] = ATTRIBUTES) -> CelebA:
    """Read labels and partition and look at every photo's end.

    Raises DataError for a missing folder or file, a malformed line, or other attributes than
    `attributes`. Photos that are missing, truncated, or lack a label or a split are left out.
    """
    root = Path(root)
    folder = root / "img_align_celeba"
    if not folder.is_dir():
        raise DataError(f"no folder {folder}", "Give CelebA's folder with --data.")
    # Kaggle nests the folder in one of its own name.
    if (folder / folder.name).is_dir():
        folder = folder / folder.name
    labels = _read_attributes(_either(root, "list_attr_celeba"), attributes)
    partition = _read_partition(_either(root, "list_eval_partition"))

    left_out = dict.fromkeys(labels.keys() - partition.keys(), "has no split")
    left_out |= dict.fromkeys(partition.keys() - labels.keys(), "has no label")
    names = [name for name in partition if name in labels]
    left_out |= _bad_photos(folder, names)

    splits = {}
    for index, split in enumerate(SPLITS):
        chosen = [n for n in names if partition[n] == index and n not in left_out]
        rows = np.frombuffer(bytearray().join(labels[n] for n in chosen), np.uint8)
        rows = rows.reshape(-1, len(attributes))
        splits[split] = Split(split, tuple(folder / n for n in chosen), rows, attributes)
    return CelebA(splits, tuple(sorted(left_out.items())), attributes)


def _either(root: Path, stem: str) -> Path:
    for ending in (".txt", ".csv"):
        if (root / (stem + ending)).is_file():
            return root / (stem + ending)
    raise DataError(f"no {stem}.txt or {stem}.csv in {root}", "Give CelebA's folder with --data.")


def _rows(path: Path):
    """Yield (line number, fields) of a text file separated by blanks, or by commas for .csv."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                fields = line.strip().split("," if path.suffix == ".csv" else None)
                if fields and fields != [""]:
                    yield number, [field.strip() for field in fields]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _read_attributes(path: Path, attributes: tuple[str, ...]) -> dict[str, bytes]:
    """Return a byte per attribute, 0 or 1, of every photo."""
    rows = _rows(path)
    number, header = next(rows, (1, []))
    if path.suffix == ".csv":
        header = header[1:]  # image_id
    elif len(header) == 1 and header[0].isdigit():
        number, header = next(rows, (2, []))  # the official file counts its photos first
    if tuple(header) != attributes:
        odd = sorted(set(header) ^ set(attributes))
        what = f"names other attributes ({', '.join(odd[:4])})" if odd else "has another order"
        raise DataError(
            f"{path}, line {number}: {what}; expected {len(attributes)} from {attributes[0]} "
            f"to {attributes[-1]}"
        )
    values = {"1": 1, "-1": 0, "0": 0}
    labels: dict[str, bytes] = {}
    for number, (name, *fields) in rows:
        if name in labels or Path(name).name != name:
            what = "stands twice" if name in labels else "is not a name in img_align_celeba"
            raise DataError(f"{path}, line {number}: {name!r} {what}")
        try:
            labels[name] = bytes(map(values.__getitem__, fields))
        except KeyError as error:
            raise DataError(f"{path}, line {number}: {error} is not 1 or -1") from None
        if len(fields) != len(attributes):
            raise DataError(
                f"{path}, line {number}: {len(fields)} values, expected {len(attributes)}"
            )
    return labels


def _read_partition(path: Path) -> dict[str, int]:
    partition: dict[str, int] = {}
    for number, fields in _rows(path):
        if path.suffix == ".csv" and number == 1:
            continue
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise DataError(
                f"{path}, line {number}: expected a photo and 0, 1 or 2, got {' '.join(fields)!r}"
            )
        partition[fields[0]] = int(fields[1])
    return partition


def _bad_photos(folder: Path, names: list[str]) -> dict[str, str]:
    """Return why each unusable photo is one, without decoding the good ones."""
    suspects = []
    with ThreadPoolExecutor(8) as pool:
        # In blocks: a pool keeps a kilobyte for each task it is given.
        for start in range(0, len(names), LOOKED_AT_ONCE):
            block = names[start : start + LOOKED_AT_ONCE]
            whole = pool.map(lambda name: _ends_well(folder / name), block)
            suspects += [name for name, well in zip(block, whole, strict=True) if not well]
    bad = {}
    for name in suspects:
        try:
            read_photo(folder / name)
        except PhotoError as error:
            bad[name] = error.message.partition(": ")[2]
    return bad


def _ends_well(path: Path) -> bool:
    """Whether a file starts and ends as a JPEG does; one that does not is decoded to be sure."""
    try:
        with path.open("rb") as file:
            starts = file.read(2) == b"\xff\xd8"
            file.seek(-2, 2)
            return starts and file.read() == b"\xff\xd9"
    except OSError:
        return False


def summary(data: CelebA) -> str:
    """Return the counts per split, the positives per attribute, and what was left out, as text."""
    lines = [f"{'split':22}" + "".join(f"{name:>10}" for name in SPLITS)]
    splits = [data.splits[name] for name in SPLITS]
    lines.append(f"{'photos':22}" + "".join(f"{len(split):10,}" for split in splits))
    lines.append(f"{'(complete CelebA)':22}" + "".join(f"{n:10,}" for n in FULL_COUNTS.values()))
    for column, name in enumerate(data.attributes):
        counts = (int(split.labels[:, column].sum()) for split in splits)
        lines.append(f"{name:22}" + "".join(f"{count:10,}" for count in counts))
    lines.append(left_out_line(data))
    return "\n".join(lines)


def left_out_line(data: CelebA, most: int = 10) -> str:
    """Return one line that counts the photos left out and names the first `most` of them."""
    if not data.left_out:
        return "no photo left out"
    shown = "; ".join(f"{name} ({why})" for name, why in data.left_out[:most])
    rest = len(data.left_out) - most
    return f"{len(data.left_out)} photos left out: {shown}" + (f"; {rest} more" if rest > 0 else "")


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.celeba", __doc__)
    parser.add_argument("--data", required=True, type=Path, help="CelebA's folder")
    print(summary(read_celeba(parser.parse_args(argv).data)))


if __name__ == "__main__":
    exit_with(main)
