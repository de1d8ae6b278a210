"""labels.csv as people write it: values, splits, people, and names of photos."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import FacetError
from train.data.own_photos import read_labels
from train.data.split import UNKNOWN, DataError

ACCENT = "é.jpg"


def folder_of(root, text, *photos, encoding="utf-8"):
    """Write a labels.csv and photos, which are not read."""
    for name in photos:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    root.mkdir(parents=True, exist_ok=True)
    (root / "labels.csv").write_bytes(text.encode(encoding))
    return root


def rows(count, value, start=0):
    return "".join(f"{number}.jpg,{value}\n" for number in range(start, start + count))


def labels_of(root):
    read = read_labels(root)
    return {photo.file: photo.labels for photo in read.photos}, read


@pytest.mark.parametrize(
    "text",
    [
        "file,smile\na.jpg,1\nb/b.jpg,0\n",
        "smile,file\n1,a.jpg\n0,b/b.jpg\n",
        "file;smile\na.jpg;1.0\nb/b.jpg;-1\n",
        "file\tsmile\na.jpg\tTRUE\nb/b.jpg\tFalse\n",
        '"","file","smile"\n"1","a.jpg","yes"\n"2","b/b.jpg","no"\n',
        "file,smile\na.jpg,1\nb\\b.jpg,0\n",
        "file,smile\n./a.jpg,1\n./b/b.jpg,0\n",
        "file,smile\nA.JPG,1\nB/b.jpg,0\n",
        "file,smile\na.jpg,1\nb.jpg,0\n",
        "image_id,smile\na,1\nb,0\n",
        "file,smile\na.heic,1\nb.png,0\n",
        "file,smile\nC:\\photos\\mine\\a.jpg,1\nC:\\photos\\mine\\b\\b.jpg,0\n",
        "file,smile\n/home/me/mine/a.jpg,1\n/home/me/mine/b/b.jpg,0\n",
        "file,smile\n../mine/a.jpg,1\n../mine/b/b.jpg,0\n",
        "file,Label\na.jpg,smile\nb.jpg,no smile\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_table_in_many_forms(tmp_path, text, encoding):
    found, read = labels_of(folder_of(tmp_path, text, "a.jpg", "b/b.jpg", encoding=encoding))
    assert found == {"a.jpg": (1,), "b/b.jpg": (0,)} and read.attributes == ("smile",)
    assert not read.skipped


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD", "latin-1"])
def test_an_accent_in_any_form(tmp_path, on_disk, in_table):
    name = unicodedata.normalize(on_disk, ACCENT)
    cell = ACCENT if in_table == "latin-1" else unicodedata.normalize(in_table, ACCENT)
    text = f"file,smile\n{cell},1\nb.jpg,0\n"
    encoding = "latin-1" if in_table == "latin-1" else "utf-8"
    found, _ = labels_of(folder_of(tmp_path, text, name, "b.jpg", encoding=encoding))
    assert found == {name: (1,), "b.jpg": (0,)}


def test_an_absolute_name_is_that_of_the_same_folder(tmp_path):
    mine = tmp_path / "mine"
    text = f"file,smile\n{mine}/a.jpg,1\n{mine}/b.jpg,0\n"
    folder_of(mine, text, "a.jpg", "b.jpg")
    aligned = folder_of(tmp_path / "aligned", text, "a.jpg", "b.jpg")
    found, read = labels_of(aligned)
    assert found == {"a.jpg": (1,), "b.jpg": (0,)} and read.root == aligned


@pytest.mark.parametrize(
    "text, message, hint",
    [
        # An empty cell, a typing error, another number: not a class, and not left out silently.
        (
            rows(20, 1) + rows(19, 0, 20) + rows(1, "", 39),
            r"line 41: '' is not 1 or 0; column x has 1 \(20\), 0 \(19\), empty \(1\)",
            "correct or delete line 41",
        ),
        (rows(20, 1) + rows(20, 0, 20) + rows(1, "l", 40), "line 42: 'l'", "line 42"),
        (rows(20, 1) + rows(20, 0, 20) + rows(2, 2, 40), "'2' is not 1 or 0", "lines 42, 43"),
        (rows(20, 1) + rows(20, 2, 20), "'2' is not 1 or 0", "names of classes"),
        (rows(20, "no") + rows(20, "hat", 20), "'hat' is not 1 or 0", "names of classes"),
        (
            rows(20, "man") + rows(20, "woman", 20) + rows(1, "womann", 40),
            r"meant by womann; it has man \(20\), woman \(20\), womann \(1\)",
            "line 42, or if this is a class",
        ),
        (rows(20, "man") + rows(20, "woman", 20) + rows(1, "", 40), "an empty cell", "line 42"),
        (rows(20, "man") + rows(20, "woman", 20) + rows(5, "n/a", 40), "meant by n/a", "46"),
        (rows(200, "man") + rows(200, "woman", 200) + rows(3, "wman", 400), "by wman", "402"),
        ("".join(rows(1, 20 + n, n) for n in range(40)), "40 different numbers", "young and old"),
    ],
)
def test_values_that_may_be_slips_are_listed(tmp_path, text, message, hint):
    count = text.count("\n")
    folder_of(tmp_path, f"file,x\n{text}", *(f"{n}.jpg" for n in range(count)))
    with pytest.raises(DataError, match=message) as caught:
        read_labels(tmp_path)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text, names",
    [
        (rows(100, "male") + rows(20, "female", 100), ("male",)),
        (rows(100, "Smile") + rows(30, "no-smile", 100), ("Smile",)),
        (rows(50, "hat") + rows(2, "Hat", 50) + rows(40, "none of it", 52), ("none of it",)),
        ("".join(rows(2, f"person {n}", 2 * n) for n in range(100)), None),
        ("".join(rows(9, f"{n}", 9 * n) for n in range(3, 8)), ("3", "4", "5", "6", "7")),
        (rows(200, "glasses") + rows(4, "sunglasses", 200) + rows(90, "bare", 204), None),
    ],
)
def test_classes_that_are_not_slips(tmp_path, text, names):
    count = text.count("\n")
    folder_of(tmp_path, f"file,x\n{text}", *(f"{n}.jpg" for n in range(count)))
    read = read_labels(tmp_path)
    assert names is None or read.attributes == names


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,x,\na.jpg,1,0\nb.jpg,0,1\n", "column 3 has no name|2 cells, expected|3 cells"),
        ("file,x,is_train\na.jpg,1,1\nb.jpg,0,0\n", "is_train is named as a split"),
        ("file,x,notes\na.jpg,1,nice\nb.jpg,0,dark\n", "'nice' is not 1 or 0; column notes"),
        ("a.jpg,1\nb.jpg,0\n", "names no columns: its first line is a.jpg,1"),
        ("file,x\na.jpg,1\n./a.jpg,0\nA.JPG,0\n", "lines 2, 3"),
        ("file,x,split\na.jpg,1,train\nb.jpg,0,\n", r"line 3: split '', .*train \(1\), empty"),
        (
            "file,x,split,person\na.jpg,1,train,Ann\nb.jpg,0,test,ann\n",
            r"1 of 1 people are in several splits: ann \(test, train\)",
        ),
    ],
)
def test_a_table_that_contradicts_itself(tmp_path, text, message):
    folder_of(tmp_path, text, "a.jpg", "b.jpg")
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path)


def test_photos_elsewhere(tmp_path):
    folder_of(tmp_path / "photos", "file,x\na.jpg,1\n", "a.jpg")
    text = f"file,x\n{tmp_path}/photos/a.jpg,1\n"
    root = folder_of(tmp_path / "labels", text)
    with pytest.raises(DataError, match="is not below") as caught:
        read_labels(root)
    assert caught.value.hint == f"labels.csv in {tmp_path / 'photos'}"


@pytest.mark.parametrize(
    "cells, splits",
    [
        (("Training", "VALID", "testing"), ("train", "val", "test")),
        (("1_train", "2_dev", "3-Test"), ("train", "val", "test")),
        (("0", "1", "2"), ("train", "val", "test")),
        (("trainset", "validation set", "test_data"), ("train", "val", "test")),
    ],
)
def test_splits_in_other_spellings(tmp_path, cells, splits):
    lines = "".join(f"{n}.jpg,{n % 2},{cell}\n" for n, cell in enumerate(cells))
    root = folder_of(tmp_path, f"file,x,Split\n{lines}", "0.jpg", "1.jpg", "2.jpg")
    read = read_labels(root)
    assert tuple(photo.split for photo in read.photos) == splits and read.attributes == ("x",)


def test_folders_of_splits_decide_where_no_column_does(tmp_path):
    root = folder_of(tmp_path, "file,x\nTrain/a.jpg,1\nTest/b.jpg,0\n", "Train/a.jpg", "Test/b.jpg")
    assert [photo.split for photo in read_labels(root).photos] == ["train", "test"]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60), start=st.sampled_from([b"", b"file,x\n", b"file,x,split\n"]))
def test_any_bytes_are_labels_or_one_line(tmp_path_factory, content, start):
    root = tmp_path_factory.getbasetemp() / "any bytes"
    folder_of(root, "", "a.jpg", "b/b.jpg")
    for text in (content, b"a.jpg,1" + content + b"\nb.jpg,0" + content):
        (root / "labels.csv").write_bytes(start + text)
        try:
            read_labels(root)
        except FacetError as error:
            assert isinstance(error, DataError) and error.hint and "\n" not in str(error)


def test_a_name_that_may_be_several_photos(tmp_path):
    text = "file,x\n1,1\n2,0\n3,1\n"
    read = read_labels(folder_of(tmp_path, text, "a/1.jpg", "b/1.jpg", "a/2.jpg", "b/3.png"))
    assert [photo.file for photo in read.photos] == ["a/2.jpg", "b/3.png"]
    assert read.skipped["1"] == "may be a/1.jpg or b/1.jpg"


@pytest.mark.parametrize("cell", ["", "?", "nan", "NaN", "NA", "n/a", "unknown", "-", " "])
def test_an_empty_cell_beside_others_is_an_unknown_label(tmp_path, cell):
    text = f"file,hat,smile\na.jpg,1,{cell}\nb.jpg,{cell},0\nc.jpg,-1,yes\nd.jpg,{cell},{cell}\n"
    found, read = labels_of(folder_of(tmp_path, text, *(f"{name}.jpg" for name in "abcd")))
    assert found == {"a.jpg": (1, UNKNOWN), "b.jpg": (UNKNOWN, 0), "c.jpg": (0, 1)}
    assert read.attributes == ("hat", "smile") and read.skipped == {"d.jpg": "has no label"}
    assert read.photos[0].cells == ("1", cell.strip())


def test_a_column_of_empty_cells_is_refused(tmp_path):
    text = "file,hat,smile\na.jpg,1,\nb.jpg,0,?\n"
    with pytest.raises(DataError, match="column smile: no photo has a label") as caught:
        read_labels(folder_of(tmp_path, text, "a.jpg", "b.jpg"))
    assert caught.value.hint == "delete the column, or label photos"


def test_a_slip_beside_empty_cells_is_named(tmp_path):
    text = "file,hat,smile\na.jpg,1,\nb.jpg,0,l\nc.jpg,0,1\n"
    with pytest.raises(DataError, match=r"line 3: 'l' is not 1 or 0; column smile has"):
        read_labels(folder_of(tmp_path, text, "a.jpg", "b.jpg", "c.jpg"))
