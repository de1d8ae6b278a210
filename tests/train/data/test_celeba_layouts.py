"""CelebA as people have it: every layout and spelling gives the same photos and labels."""

import csv
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.errors import UsageError
from tests.conftest import make_celeba
from train.celeba import main
from train.data.celeba import ATTRIBUTES, read_celeba
from train.data.open import read_data
from train.data.split import SPLITS, UNKNOWN, DataError

SIZES = {"train": 6, "val": 3, "test": 3}
Row = list[str]


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    return make_celeba(tmp_path_factory.mktemp("official") / "celeba", **SIZES)


@pytest.fixture
def root(official, tmp_path):
    """A copy of the data set with a blank in its path."""
    return Path(shutil.copytree(official, tmp_path / "my celeba"))


def contents(root):
    """Return the names without endings and the labels of each split."""
    data = read_data(root)
    assert data.name == "CelebA"
    return {
        split: ([p.stem for p in data.splits[split].photos], data.splits[split].labels.tolist())
        for split in SPLITS
    }


def rows_of(root: Path) -> tuple[Row, list[Row]]:
    _, header, *lines = (root / "list_attr_celeba.txt").read_text().splitlines()
    return ["image_id", *header.split()], [line.split() for line in lines]


def as_csv(change: Callable[[list[Row]], list[Row]] = lambda rows: rows, **options):
    """Return a change of the labels: rows as `change` gives them, in csv.writer's options."""

    def write(root: Path) -> None:
        encoding = options.pop("encoding", "utf-8")
        header, rows = rows_of(root)
        (root / "list_attr_celeba.txt").unlink()
        with (root / "list_attr_celeba.csv").open("w", newline="", encoding=encoding) as file:
            csv.writer(file, **options).writerows(change([header, *rows]))

    return write


def values(spelling: dict[str, str]):
    return lambda rows: [[spelling.get(cell, cell) for cell in row] for row in rows]


def names(change: Callable[[str], str]):
    return lambda rows: [rows[0], *([change(row[0]), *row[1:]] for row in rows[1:])]


def partition(text: Callable[[list[Row]], str], name: str = "list_eval_partition.csv"):
    def write(root: Path) -> None:
        path = root / "list_eval_partition.txt"
        rows = [line.split() for line in path.read_text().splitlines()]
        path.unlink()
        (root / name).write_text(text(rows))

    return write


def lines(rows: list[Row], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


def official_folders(root: Path) -> None:
    for folder, part in (
        ("Anno", "list_attr_celeba.txt"),
        ("Eval", "list_eval_partition.txt"),
        ("Img", "img_align_celeba"),
    ):
        (root / folder).mkdir()
        (root / part).rename(root / folder / part)


def renamed(change: Callable[[str], str]):
    def rename(root: Path) -> None:
        for path in list((root / "img_align_celeba").iterdir()):
            path.rename(path.with_name(change(path.name)))

    return rename


def png_release(root: Path) -> None:
    for path in list((root / "img_align_celeba").iterdir()):
        cv2.imwrite(str(path.with_suffix(".png")), cv2.imread(str(path)))
        path.unlink()
    (root / "img_align_celeba").rename(root / "img_align_celeba_png")


def photos_moved(to: str):
    def move(root: Path) -> None:
        shutil.move(root / "img_align_celeba", root.parent / "photos")
        (root / to).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root.parent / "photos", root / to)

    return move


def in_split_folders(root: Path) -> None:
    folder = root / "img_align_celeba"
    for path in list(folder.iterdir()):
        split = folder / ("train" if path.stem < "000007" else "rest")
        split.mkdir(exist_ok=True)
        path.rename(split / path.name)


def upper_case(root: Path) -> None:
    (root / "list_attr_celeba.txt").rename(root / "LIST_ATTR_CELEBA.TXT")
    (root / "img_align_celeba").rename(root / "IMG_ALIGN_CELEBA")


def litter(root: Path) -> None:
    for name in ("__MACOSX", ".ipynb_checkpoints", "notebooks"):
        (root / name).mkdir()
    (root / "__MACOSX" / "._000001.jpg").write_bytes(b"x")
    (root / "img_align_celeba" / "Thumbs.db").write_bytes(b"x")
    (root / "img_align_celeba" / "._000001.jpg").write_bytes(b"x")


def one_table(root: Path) -> None:
    path = root / "list_eval_partition.txt"
    splits = ["partition", *(line.split()[1] for line in path.read_text().splitlines())]
    path.unlink()
    as_csv(lambda rows: [[*row, split] for row, split in zip(rows, splits, strict=True)])(root)


LAYOUTS = {
    "official folders": official_folders,
    ".png release": png_release,
    ".JPG": renamed(str.upper),
    ".jpeg": renamed(lambda name: name.replace(".jpg", ".jpeg")),
    "nested": photos_moved("img_align_celeba/img_align_celeba"),
    "photos in a folder of another name": photos_moved("images"),
    "photos in folders of splits": in_split_folders,
    "upper case": upper_case,
    "litter": litter,
    "csv": as_csv(),
    "csv, all quoted": as_csv(quoting=csv.QUOTE_ALL),
    "csv, pandas' index": as_csv(
        lambda rows: [["" if i == 0 else str(i - 1), *row] for i, row in enumerate(rows)]
    ),
    "csv, R's index": as_csv(
        lambda rows: [["" if i == 0 else str(i), *row] for i, row in enumerate(rows)],
        quoting=csv.QUOTE_ALL,
    ),
    "csv, R's names": as_csv(
        lambda rows: [
            [name.replace("5_o", "X5_o").replace("_", ".") for name in rows[0]],
            *rows[1:],
        ]
    ),
    "csv, semicolons with a BOM": as_csv(delimiter=";", encoding="utf-8-sig"),
    "csv, Excel's Unicode text": as_csv(delimiter="\t", encoding="utf-16"),
    "-1.0": as_csv(values({"1": "1.0", "-1": "-1.0"})),
    "decimal commas": as_csv(values({"1": "1,0", "-1": "-1,0"}), delimiter=";"),
    "True": as_csv(values({"1": "True", "-1": "False"})),
    "0 and 1": as_csv(values({"-1": "0"})),
    "lower case": as_csv(lambda rows: [[name.lower() for name in rows[0]], *rows[1:]]),
    "another order": as_csv(lambda rows: [row[::-1] for row in rows]),
    "one column more": as_csv(lambda rows: [[*row, "0.97"] for row in rows]),
    "a column of numbers more": as_csv(
        lambda rows: [[*row[:3], "age" if i == 0 else "31", *row[3:]] for i, row in enumerate(rows)]
    ),
    "trailing separators": as_csv(lambda rows: [[*row, "", ""] for row in rows]),
    "a folder before the names": as_csv(names(lambda name: f"img_align_celeba/{name}")),
    "./ before the names": as_csv(names(lambda name: f"./{name}")),
    "backslashes": as_csv(names(lambda name: f"D:\\celeba\\img_align_celeba\\{name}")),
    "names of .png": as_csv(names(lambda name: name.replace(".jpg", ".png"))),
    "names without ending": as_csv(names(lambda name: name.removesuffix(".jpg"))),
    "a row twice": as_csv(lambda rows: [*rows, rows[-1]]),
    "names as numbers": as_csv(names(lambda name: str(int(name.removesuffix(".jpg"))))),
    "partition as a column of the labels": one_table,
    "partition without header": partition(lines),
    "partition with header": partition(lambda rows: "image_id,partition\n" + lines(rows)),
    "partition with names": partition(
        lambda rows: (
            "split;file\n"
            + lines([[["train", "Validation", "test"][int(s)], n] for n, s in rows], ";")
        )
    ),
    "partition of numbers": partition(
        lambda rows: (
            ",image_id,partition\n"
            + lines([[str(i), n, s + ".0"] for i, (n, s) in enumerate(rows)])
        )
    ),
    "partition by pandas": partition(lambda rows: "0,1\n" + lines(rows)),
    "partition with tabs": partition(lambda rows: lines(rows, "\t"), "list_eval_partition.txt"),
    "partition without endings": partition(
        lambda rows: lines([[n.removesuffix(".jpg"), s] for n, s in rows], " "),
        "list_eval_partition.txt",
    ),
}


@pytest.mark.parametrize("change", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_has_the_same_photos_and_labels(official, root, change):
    expected = contents(official)
    assert [len(names) for names, _ in expected.values()] == list(SIZES.values())
    change(root)
    assert contents(root) == expected


def test_fewer_attributes_are_taken_by_name(official, root, capfd):
    as_csv(lambda rows: [row[:1] + row[3:] for row in rows])(root)
    data, whole = read_celeba(root), read_celeba(official)
    assert data.attributes == ATTRIBUTES[2:]
    np.testing.assert_array_equal(data.splits["val"].labels, whole.splits["val"].labels[:, 2:])
    text = "list_attr_celeba.csv has 38 attributes, without 5_o_Clock_Shadow, Arched_Eyebrows"
    assert text in capfd.readouterr().err


def test_a_misspelt_attribute_is_named(root, capfd):
    path = root / "list_attr_celeba.txt"
    path.write_text(path.read_text().replace("Smiling", "Smilling"))
    assert len(read_celeba(root).attributes) == 39
    assert "without Smiling; is Smilling Smiling?" in capfd.readouterr().err


def packed(name: str, holds: str):
    def pack(root: Path) -> None:
        shutil.rmtree(root / "img_align_celeba")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(root / name, "w") as file:
            file.writestr(holds, b"")

    return pack


def whole_photos(folder: str):
    def make(root: Path) -> None:
        (root / "img_align_celeba").rename(root / "before")
        (root / folder).mkdir(parents=True)
        for path in list((root / "before").iterdir()):
            cv2.imwrite(str(root / folder / path.name), np.zeros((300, 400, 3), np.uint8))
        shutil.rmtree(root / "before")

    return make


def other_photos(root: Path) -> None:
    renamed(lambda name: f"face-{name}")(root)


def emptied(root: Path) -> None:
    shutil.rmtree(root / "img_align_celeba")
    (root / "img_align_celeba").mkdir()


def in_two_folders(root: Path) -> None:
    shutil.copytree(root / "img_align_celeba", root / "b")
    (root / "img_align_celeba").rename(root / "a")


REFUSED = {
    "zip": (
        packed("img_align_celeba.zip", "img_align_celeba/000001.jpg"),
        "img_align_celeba.zip is not unpacked",
        "python -m zipfile -e '{root}/img_align_celeba.zip' '{root}'",
    ),
    "Kaggle's archive": (
        packed("archive.zip", "img_align_celeba/img_align_celeba/000001.jpg"),
        "archive.zip is not unpacked",
        "python -m zipfile -e '{root}/archive.zip' '{root}'",
    ),
    ".7z": (
        packed("Img/img_align_celeba_png.7z/img_align_celeba_png.7z.001", "x"),
        "img_align_celeba_png.7z.001 is not unpacked",
        "7z x '{root}/Img/img_align_celeba_png.7z/img_align_celeba_png.7z.001' -o'{root}/Img'",
    ),
    "whole photos": (
        whole_photos("Img/img_celeba"),
        "Img/img_celeba has whole photos",
        "python -m train.celeba --data '{root}' --align ALIGNED",
    ),
    "whole photos as aligned ones": (
        whole_photos("img_align_celeba"),
        "100 % of the photos in {root}/img_align_celeba do not have the shape of aligned ones",
        "python -m train.celeba --data '{root}' --align ALIGNED",
    ),
    "other photos": (
        other_photos,
        "img_align_celeba has none of the 12 photos in",
        "labels and photos of one set, with equal names",
    ),
    "two columns of one attribute": (
        as_csv(lambda rows: [[*rows[0], "big nose"], *([*row, "1"] for row in rows[1:])]),
        "has two columns 'Big_Nose' and 'big nose'",
        "delete one of them",
    ),
    "two folders of photos": (
        in_two_folders,
        "no folder img_align_celeba in {root}, but photos in {root}/a and {root}/b",
        "rename the folder of aligned photos to img_align_celeba",
    ),
    "no photo": (emptied, "no photo in {root}/img_align_celeba", "--data FOLDER with CelebA"),
    "no labels": (
        lambda root: (root / "list_attr_celeba.txt").rename(root / "list_attr_celeba (1).txt"),
        "no list_attr_celeba.txt or list_attr_celeba.csv in {root}, but list_attr_celeba (1).txt",
        "mv '{root}/list_attr_celeba (1).txt' '{root}/list_attr_celeba.txt'",
    ),
    "labels without header": (
        as_csv(lambda rows: rows[1:]),
        "names none of CelebA's attributes",
        "--data FOLDER with CelebA, or copy this file again",
    ),
    "a word among labels": (
        as_csv(lambda rows: [*rows[:3], [*rows[3][:5], "maybe", *rows[3][6:]], *rows[4:]]),
        "line 4: 'maybe' is not 1 or -1",
        "correct that line of the file",
    ),
    "a column of empty cells": (
        as_csv(lambda rows: [rows[0], *([*row[:5], "", *row[6:]] for row in rows[1:])]),
        "column Bald: no photo has a label",
        "delete the column, or label photos",
    ),
    "a spreadsheet": (
        lambda root: (root / "list_attr_celeba.txt").write_bytes(b"PK\x03\x04 a workbook"),
        "it is a spreadsheet",
        "save it as CSV in UTF-8",
    ),
}


@pytest.mark.parametrize("change, message, hint", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_names_the_nearest(root, change, message, hint):
    change(root)
    with pytest.raises(DataError) as error:
        read_data(root)
    assert message.format(root=root) in error.value.message
    assert error.value.hint == hint.format(root=root)


@pytest.mark.parametrize(
    "given", [".", "..", "my celeba/img_align_celeba", "my celeba/list_attr_celeba.txt"]
)
def test_a_folder_or_file_beside_the_right_folder(root, given):
    if given.startswith("."):
        official_folders(root)
        if given == "..":
            root = shutil.move(root, root.parent / "sets" / "celeba")
    with pytest.raises(DataError) as error:
        read_data((root.parent / given).resolve())
    assert error.value.hint in (f"--data '{root}'", f"--data {root}")


@pytest.mark.parametrize(
    "layout, inside",
    [
        (official_folders, "Img"),
        (official_folders, "Img/img_align_celeba"),
        (official_folders, "Anno"),
        (photos_moved("img_align_celeba/img_align_celeba"), "img_align_celeba"),
        (photos_moved("img_align_celeba/img_align_celeba"), "img_align_celeba/img_align_celeba"),
        (photos_moved("Img/img_align_celeba_png/img_align_celeba_png"), "Img/img_align_celeba_png"),
    ],
    ids=range(6),
)
def test_a_folder_within_celeba_leads_to_the_folder_to_give(root, layout, inside):
    layout(root)
    with pytest.raises(DataError) as error:
        read_data(root / inside)
    assert error.value.hint == f"--data '{root}'"


def test_own_photos_beside_celeba_are_own_photos(root):
    for name in ("000001", "000002"):
        folder = root / "mine" / name
        folder.mkdir(parents=True)
        shutil.copy(root / "img_align_celeba" / f"{name}.jpg", folder)
    assert read_data(root / "mine").name == "own photos"


def test_one_odd_shape_is_named(root, capfd):
    path = root / "img_align_celeba" / "000012.jpg"
    cv2.imwrite(str(path), np.zeros((200, 200, 3), np.uint8))
    assert read_celeba(root).skipped == ()
    assert "8 % of the photos" in capfd.readouterr().err


def test_whole_photos_become_aligned_ones(root, tmp_path, astronaut, capsys):
    whole_photos("Img/img_celeba")(root)
    for name in ("000001.jpg", "000012.jpg"):
        cv2.imwrite(str(root / "Img" / "img_celeba" / name), astronaut)
    out = tmp_path / "aligned"
    main(["--data", str(root), "--align", str(out)])
    assert f"2 faces written to {out}, 10 photos left out" in capsys.readouterr().out
    data = read_celeba(out)
    assert [path.name for path in data.splits["train"].photos] == ["000001.jpg"]
    assert cv2.imread(str(data.splits["test"].photos[0])).shape == (218, 178, 3)
    with pytest.raises(UsageError, match="exists already"):
        main(["--data", str(root), "--align", str(out)])


def test_an_empty_cell_is_an_unknown_label(root, capsys):
    before = read_celeba(root)

    def empty(rows):
        rows[1][5], rows[2][1], rows[3][1:] = "", "nan", [""] * 40
        return rows

    as_csv(empty)(root)
    data = read_celeba(root)
    labels = data.splits["train"].labels
    expected = before.splits["train"].labels[[0, 1, 3, 4, 5]]
    expected[0, 4] = expected[1, 0] = UNKNOWN
    np.testing.assert_array_equal(labels, expected)
    assert data.skipped == (("000003.jpg", "has no label"),)
    assert data.splits["train"].known.sum() == 5 * 40 - 2
    main(["--data", str(root)])
    printed = capsys.readouterr().out
    assert "2 of 440 labels unknown" in printed
    row = next(line for line in printed.splitlines() if line.startswith("Bald "))
    assert row.split()[1] == str(int((expected[:, 4] == 1).sum()))
