"""Folders per class as people have them: litter, splits in other spellings, links, empty ones."""

import os
import re
import unicodedata

import pytest

from train.data.own_labels import split_named, split_of
from train.data.own_photos import read_labels
from train.data.photo_folder import read_folder
from train.data.split import DataError

E_NFC, E_NFD = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))


def fill(root, *names):
    """Make files that are not read; a name that ends in / is a folder."""
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(b"")
    return root


def classes(root):
    """Return {photo: its classes or attributes}, the attributes and the splits."""
    read = read_labels(root)
    named = {
        photo.file: [a for a, label in zip(read.attributes, photo.labels, strict=True) if label]
        for photo in read.photos
    }
    return named, read.attributes, {photo.file: photo.split for photo in read.photos}


@pytest.mark.parametrize(
    "litter",
    [
        ("__MACOSX/a/._1.jpg", "__MACOSX/b/._1.jpg"),
        (".ipynb_checkpoints/1-checkpoint.jpg", "a/.ipynb_checkpoints/1-checkpoint.jpg"),
        ("a/._1.jpg", "b/.DS_Store", ".hidden/1.jpg"),
        ("a/Thumbs.db", "Thumbs.db", "b/desktop.ini", "@eaDir/1.jpg", "#recycle/2.jpg"),
        ("$RECYCLE.BIN/$R1.jpg", "System Volume Information/1.jpg", "@Recycle/3.jpg"),
        ("notes/readme.txt", "a/readme.md", "labels.txt"),
    ],
)
def test_litter_is_no_class(tmp_path, litter):
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg", *litter)
    named, attributes, _ = classes(tmp_path)
    assert attributes == ("a", "b", "c")
    assert named == {"a/1.jpg": ["a"], "b/1.jpg": ["b"], "c/1.jpg": ["c"]}
    assert not read_labels(tmp_path).skipped


@pytest.mark.parametrize(
    "name, split",
    [
        *((name, "train") for name in ("train", "Train", "TRAINING", "1_train", "train01", "trn")),
        *((name, "train") for name in ("trainset", "train set", "training-data", "train images")),
        *((name, "val") for name in ("val", "valid", "Validation", "dev", "2. val", "validset")),
        *((name, "test") for name in ("test", "Testing", "TEST", "03-test", "test_set")),
        *((name, "") for name in ("smile", "trainer", "invalid", "contest", "set", "1", "", "a b")),
        *((name, "") for name in ("train station", "device", "test tube", "no_train")),
    ],
)
def test_a_split_in_other_spellings(name, split):
    assert split_named(name) == split


@pytest.mark.parametrize(
    "train, val, test",
    [("Train", "Val", "Test"), ("training", "validation", "testing"), ("1_TRAIN", "2_DEV", "3_T")],
)
def test_splits_are_no_classes(tmp_path, train, val, test):
    test = test.replace("3_T", "3_TEST")
    fill(tmp_path, *(f"{split}/{name}/1.jpg" for split in (train, val, test) for name in "abc"))
    _, attributes, splits = classes(tmp_path)
    assert attributes == ("a", "b", "c")
    assert [splits[f"{folder}/a/1.jpg"] for folder in (train, val, test)] == [
        *("train", "val", "test")
    ]


def test_splits_below_the_classes(tmp_path):
    fill(tmp_path, *(f"{name}/{split}/1.jpg" for name in "abc" for split in ("Train", "valid")))
    _, attributes, splits = classes(tmp_path)
    assert attributes == ("a", "b", "c")
    assert splits["a/Train/1.jpg"] == "train" and splits["c/valid/1.jpg"] == "val"


def test_several_folders_of_one_split(tmp_path):
    fill(tmp_path, *(f"train_{n}/{name}/{n}.jpg" for n in range(3) for name in "ab"))
    named, attributes, splits = classes(tmp_path)
    assert len(named) == 6 and attributes == ("b",) and set(splits.values()) == {"train"}


@pytest.mark.parametrize(
    "files, message",
    [
        (("valid/ann/1.jpg", "invalid/ann/1.jpg"), "splits valid, and invalid with folders"),
        (("train/a/1.jpg", "train/b/1.jpg", "vlaid/a/2.jpg"), "and vlaid with folders of the same"),
        (("train/1.jpg", "test/1.jpg"), "test, train in .* have no folders of classes"),
        (("train/a/1.jpg", "train/b/1.jpg", "test/c/1.jpg"), "no photo of the class c of test"),
        (("a/1.jpg", "b/1.cr3", "b/2.CR3"), r"1 folders with photos.*a \(1 photos\), b \(2 .cr3\)"),
        (("a/1.jpg", "b/"), r"a \(1 photos\), b \(empty\)"),
        (("x/smile/1.jpg", "x/no_smile/1.jpg"), r"x \(2 photos\).*folder .*/x, if its folders"),
        (("1.jpg", "2.jpg"), "0 folders with photos"),
        (("1.jpg", "2.jpg", "my labels.CSV"), r"Try: mv '.*/my labels.CSV' .*labels.csv, if"),
        (("1.jpg", "Labels.xlsx"), "save Labels.xlsx as labels.csv"),
        (("photos.zip",), "unpack photos.zip"),
        (
            ("train/1.jpg", "train/labels.csv", "test/labels.csv"),
            "one labels.csv in .* for test, tr",
        ),
        (("set 1/1.jpg", "set 1/labels.csv"), "the folder '.*/set 1', which has a labels.csv"),
        (("a/1.jpg", "b\x1b/1.jpg"), "has an attribute called"),
    ],
)
def test_folders_that_are_not_clear(tmp_path, files, message):
    fill(tmp_path, *files)
    with pytest.raises(DataError) as caught:
        read_labels(tmp_path)
    assert re.search(message, str(caught.value)) and caught.value.hint


@pytest.mark.parametrize(
    "files, names",
    [
        (("train/Smile/1.jpg", "train/Sad/2.jpg", "test/smile/1.jpg"), ("Smile",)),
        (("No smile/1.jpg", "smile/2.jpg"), ("smile",)),
        ((f"{E_NFC}/1.jpg", f"{E_NFD}/2.jpg", "a/1.jpg"), (E_NFC,)),
        ((f"{E_NFD}/1.jpg", "a/1.jpg"), (E_NFC,)),
        (("mit Brille=1/1.jpg", "ohne, Brille/1.jpg"), ("ohne, Brille",)),
        (("0/1.jpg", "1/1.jpg"), ("1",)),
        (("test/1.jpg", "control/1.jpg"), ("test",)),
        (("valid/1.jpg", "invalid/1.jpg"), ("valid",)),
    ],
)
def test_names_of_classes(tmp_path, files, names):
    assert classes(fill(tmp_path, *files))[1] == names


def test_nested_folders_belong_to_their_class_and_keep_a_persons_photos_together(tmp_path):
    people = [f"person {n}" for n in range(30)]
    fill(tmp_path, *(f"{name}/{who}/{n}.jpg" for name in "ab" for who in people for n in range(4)))
    read = read_labels(tmp_path)
    splits = {who: {split_of(p) for p in read.photos if f"/{who}/" in p.file} for who in people}
    assert all(len(found) == 1 for found in splits.values())
    assert set().union(*splits.values()) == {"train", "val", "test"}


def test_a_person_in_two_given_splits_is_named(tmp_path, capsys):
    people = [
        f"{split}/{name}/p{n}/1.jpg"
        for name in "ab"
        for split in ("train", "test")
        for n in range(10)
    ]
    fill(tmp_path, *people)
    assert {photo.person for photo in read_labels(tmp_path).photos} == {""}
    assert "in several splits: p0, p1, p2, p3, p4 and 5 more" in capsys.readouterr().err


def test_a_few_nested_folders_are_no_people(tmp_path):
    fill(tmp_path, *(f"{name}/images/{n}.jpg" for name in "ab" for n in range(60)))
    assert {split_of(photo) for photo in read_labels(tmp_path).photos} == {"train", "val", "test"}


def test_links_are_followed_and_a_loop_ends(tmp_path):
    fill(tmp_path / "elsewhere", "1.jpg", "2.jpg")
    root = fill(tmp_path / "mine", "b/1.jpg")
    (root / "a").symlink_to(tmp_path / "elsewhere")
    (root / "b" / "loop").symlink_to(root)
    (root / "b" / "gone.jpg").symlink_to(tmp_path / "gone.jpg")
    named, _, _ = classes(root)
    assert sorted(named) == ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/gone.jpg"]


def test_pictures_of_other_formats_are_counted_and_empty_classes_named(tmp_path, capsys):
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.CR2", "b/3.cr2", "c/4.psd", "d/")
    classes(tmp_path)
    text = capsys.readouterr().err
    assert "not read: 3 pictures of other formats" in text and "(2 .cr2, 1 .psd)" in text
    assert "classes without a photo: c (1 .psd), d (empty)" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_may_not_be_read(tmp_path):
    fill(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "b").chmod(0)
    with pytest.raises(DataError, match="cannot read the folder"):
        read_folder(tmp_path)


def test_hundreds_of_classes(tmp_path):
    fill(tmp_path, *(f"class {n:03}/{n}.jpg" for n in range(300)))
    named, attributes, _ = classes(tmp_path)
    assert len(attributes) == 300 and all(len(found) == 1 for found in named.values())


@pytest.mark.parametrize("table", [False, True])
def test_a_folder_of_one_class_leads_to_the_folder_above(tmp_path, table):
    fill(tmp_path, "mine/smile/1.jpg", "mine/no_smile/2.jpg")
    if table:
        (tmp_path / "mine" / "labels.csv").write_text("file,smile\n")
    with pytest.raises(DataError) as error:
        classes(tmp_path / "mine" / "smile")
    assert error.value.hint.startswith(f"the folder {tmp_path / 'mine'}, ")


def test_celeba_is_no_folder_of_own_photos(tmp_path):
    fill(tmp_path, "Img/img_align_celeba/1.jpg")
    (tmp_path / "list_attr_celeba.txt").write_text("")
    with pytest.raises(DataError) as error:
        classes(tmp_path)
    assert error.value.hint == f"python -m train.celeba --data {tmp_path}, as this is CelebA"
