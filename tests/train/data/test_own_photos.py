"""One's own photos: folders per class, a CSV, what lacks a label or a photo, copies, splits."""

import csv
import shutil
import zlib
from collections import Counter

import cv2
import numpy as np
import pytest

from tests.conftest import make_celeba
from train import fit
from train.data.celeba import read_celeba
from train.data.open import read_data
from train.data.own_labels import hashed_split
from train.data.own_photos import read_own_photos
from train.data.select import balanced, sample_evenly, select_for_run, with_attributes
from train.data.split import UNKNOWN, DataError, Split
from train.keras_import import keras
from train.report import __main__ as report
from train.training.config import FitSettings


def photo(path, level=100, size=(178, 218)):
    """Write a photo of noise; another name gives another picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(str(path).encode()))
    picture = np.clip(rng.normal(level, 20, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), picture)


def test_two_folders_are_one_attribute(tmp_path):
    for number in range(40):
        photo(tmp_path / "smile" / f"{number}.jpg")
        photo(tmp_path / "no_smile" / f"n{number}.png")
    data = read_data(tmp_path)
    assert data.attributes == ("smile",) and data.name == "own photos"
    counts = {name: len(split) for name, split in data.splits.items()}
    assert sum(counts.values()) == 80 and counts["train"] > 50 and min(counts.values()) > 0
    for split in data.splits.values():
        said = [path.parent.name == "smile" for path in split.photos]
        np.testing.assert_array_equal(split.labels[:, 0], said)
    # A photo's place follows from its name alone.
    photo(tmp_path / "smile" / "late.jpg")
    for name, split in read_data(tmp_path).splits.items():
        assert set(data.splits[name].photos) <= set(split.photos)


@pytest.mark.parametrize(
    "folders, names",
    [(("female", "male"), ("male",)), (("a", "b", "c"), ("a", "b", "c")), (("x", "Not-X"), ("x",))],
)
def test_folders_and_their_attributes(tmp_path, folders, names):
    for folder in folders:
        photo(tmp_path / "train" / folder / "1.jpg")
        photo(tmp_path / "test" / folder / "2.jpg")
    data = read_own_photos(tmp_path)
    assert data.attributes == names
    counts = [len(data.splits[name]) for name in ("train", "val", "test")]
    assert counts == [len(folders), 0, len(folders)]
    assert data.splits["train"].labels.sum() == len(names)


def test_a_table_of_attributes_and_what_has_no_match(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:300])
    (tmp_path / "labels.csv").write_text(
        "file,glad,split,tall\na.jpg,1,train,0\nb.jpg,-1,val,1\ngone.jpg,1,test,1\n"
        "broken.jpg,1,train,1\n"
    )
    data = read_data(tmp_path)
    assert data.attributes == ("glad", "tall")
    assert data.splits["train"].photos == (tmp_path / "a.jpg",)
    np.testing.assert_array_equal(data.splits["val"].labels, [[0, 1]])
    left = dict(data.skipped)
    assert left["c.jpg"] == "has no label" and left["gone.jpg"] == "no such file"
    assert "truncated" in left["broken.jpg"].lower() and len(left) == 3


def test_a_table_of_classes_as_flow_from_dataframe_takes_it(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        photo(tmp_path / "pictures" / name)
    (tmp_path / "labels.csv").write_text(
        "image_id,gender\npictures/a.jpg,female\npictures/b.jpg,male\n"
    )
    data = read_own_photos(tmp_path)
    assert data.attributes == ("male",)
    for split in data.splits.values():
        for path, label in zip(split.photos, split.labels[:, 0], strict=True):
            assert label == {"a.jpg": 0, "b.jpg": 1}[path.name]
    assert sum(map(len, data.splits.values())) == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("file\na.jpg\n", "no column besides"),
        ("file,x,y\na.jpg,1,2\n", r"line 2: '2' is not 1 or 0; column y has 2 \(1\)"),
        ("file,x\na.jpg\n", "line 2: 1 cell, expected 2"),
        ("file,x\na.jpg,1\na.jpg,0\n", "duplicate photo"),
        ("file,x,split\na.jpg,1,trian\n", "line 2: split 'trian'"),
        ("file,x\nb.jpg,1\n", "none of the 1 labels in .* has a photo: b.jpg no such file"),
        ("file,x\na.jpg,glad\n", "all photos are 'glad', need two"),
    ],
)
def test_a_table_with_a_slip(tmp_path, text, message):
    photo(tmp_path / "a.jpg")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_own_photos(tmp_path)


def test_folders_that_are_none(tmp_path):
    photo(tmp_path / "smile" / "1.jpg")
    with pytest.raises(DataError, match="1 folders with photos, need 2"):
        read_data(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        read_data(tmp_path / "gone")


def test_celeba_is_still_celeba(celeba):
    assert read_data(celeba).splits["train"].photos == read_celeba(celeba).splits["train"].photos


def test_balanced_has_as_many_of_both_in_the_datas_order(tmp_path):
    split = with_attributes(read_celeba(make_celeba(tmp_path / "c")).splits["train"], ("Smiling",))
    both = balanced(split, 10, "Smiling")
    assert len(both) == 10 and both.labels.sum() == 5
    assert list(both.photos) == [path for path in split.photos if path in set(both.photos)]
    everything = balanced(split, 1000, "Smiling")
    assert len(everything) == 2 * min(split.labels.sum(), len(split) - split.labels.sum())


def test_a_split_without_positives(tmp_path):
    splits = read_celeba(make_celeba(tmp_path / "c")).splits
    for split in splits.values():
        split.labels[:, split.attributes.index("Bald")] = 0
    with pytest.raises(DataError, match="no train photo with Bald, of 24"):
        select_for_run(splits, FitSettings(attributes=("Smiling", "Bald")))
    assert len(select_for_run(splits, FitSettings())["train"]) == 24  # one of many may be lacking


@pytest.mark.slow
def test_own_photos_train_and_their_run_tells_two_levels_apart(tmp_path):
    for number in range(24):
        for split in ("train", "val"):
            photo(tmp_path / "d" / split / "bright" / f"{number}.jpg", 180 + number)
            photo(tmp_path / "d" / split / "dark" / f"{number}.jpg", 40 + number)
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'backbone = "SimpleCNN"\nweights = "none"\ninput = [32, 40]\nepochs = 8\nbatch = 8\n'
        'optimizer = "adam"\nlearning_rate = 3e-3\n[augmentation]\n'
    )
    run = tmp_path / "r"
    fit.main(["--data", str(tmp_path / "d"), "--out", str(run), "--recipe", str(recipe)])
    with (run / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["val_accuracy"]) > 0.9
    assert keras.models.load_model(run / "model.keras").output_shape == (None, 1)
    report.main([str(run), "--split", "val"])
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "48 val photos, 1 attribute" in page and "complete CelebA" not in page
    table = (run / "report" / "mistakes.csv").read_text().splitlines()[1:]
    assert all(row.split(",")[2].startswith(("bright/", "dark/")) for row in table)


def copies(root, pairs):
    for number in range(60):
        photo(root / f"{'ab'[number % 2]}/{number}.jpg", size=(20, 24))
    for source, copy in pairs:
        (root / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / source, root / copy)
    return read_own_photos(root)


def test_copies_are_in_one_split_and_counted(tmp_path, capsys):
    pairs = [(f"a/{n}.jpg", f"a/copy of {n}.jpg") for n in range(0, 60, 2)]
    data = copies(tmp_path, pairs)
    assert sum(map(len, data.splits.values())) == 90 and not data.skipped
    split_of = {path.name: name for name, split in data.splits.items() for path in split.photos}
    assert len(set(split_of.values())) == 3
    assert all(split_of[f"{n}.jpg"] == split_of[f"copy of {n}.jpg"] for n in range(0, 60, 2))
    text = capsys.readouterr().err
    assert "30 photos the same as another, kept in one split: a/copy of 0.jpg = " in text


def test_a_copy_with_another_label_teaches_nothing(tmp_path, capsys):
    data = copies(tmp_path, [("a/0.jpg", "b/0.jpg")])
    assert dict(data.skipped) == {
        "a/0.jpg": "same picture as b/0.jpg, other labels",
        "b/0.jpg": "same picture as a/0.jpg, other labels",
    }
    assert "left out: their labels differ: b/0.jpg = a/0.jpg" in capsys.readouterr().err


def test_a_copy_of_a_test_photo_is_not_trained_on(tmp_path):
    for name in ("train/a/1", "train/b/2", "train/a/3", "test/a/4", "test/b/5"):
        photo(tmp_path / f"{name}.jpg", size=(20, 24))
    shutil.copy(tmp_path / "test/a/4.jpg", tmp_path / "train/a/other.jpg")
    data = read_own_photos(tmp_path)
    assert {name: len(split) for name, split in data.splits.items()} == {
        **{"train": 3, "val": 0, "test": 2}
    }
    assert dict(data.skipped) == {"train/a/other.jpg": "same picture as test/a/4.jpg in test"}


@pytest.mark.parametrize("sizes", [(30, 30), (50, 5), (40, 20, 3)])
def test_the_first_photos_have_all_classes(tmp_path, sizes):
    for name, size in zip("abc", sizes, strict=False):
        for number in range(size):
            photo(tmp_path / "train" / name / f"{number}.jpg", size=(8, 10))
    train = read_own_photos(tmp_path).splits["train"]
    count = len(sizes)
    assert len({tuple(row) for row in train.labels[:count].tolist()}) == count
    # In about their shares, and not by turns: every second photo is not one class.
    chosen = select_for_run(
        {"train": train, "val": train, "test": train},
        FitSettings(attributes=train.attributes, limit=count),
    )
    assert len(chosen["train"]) == count
    share = train.labels.mean(axis=0)
    np.testing.assert_allclose(train.labels[: len(train) // 2].mean(axis=0), share, atol=0.1)
    np.testing.assert_allclose(
        sample_evenly(train, len(train) // 2).labels.mean(0), share, atol=0.2
    )


def test_a_persons_photos_are_in_one_split(tmp_path):
    lines = ["file,x,person"]
    for number in range(90):
        photo(tmp_path / f"{number}.png", size=(8, 10))
        lines.append(f"{number}.png,{number % 2},{['Ann', 'Bob', 'Cem'][number % 3]}{number // 9}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    data = read_own_photos(tmp_path)
    places = {}
    for name, split in data.splits.items():
        for path in split.photos:
            number = int(path.stem)
            places.setdefault((number % 3, number // 9), set()).add(name)
    assert all(len(found) == 1 for found in places.values()) and data.attributes == ("x",)
    assert set().union(*places.values()) == {"train", "val", "test"}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: path.write_bytes(b""), "2 photos left out: .*empty|2 photos left out"),
        (lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(80)), "pillow-heif|HEIF"),
    ],
)
def test_unreadable_photos_are_counted_with_the_reason(tmp_path, capsys, make, message):
    photo(tmp_path / "a" / "1.jpg")
    photo(tmp_path / "b" / "1.jpg")
    for name in ("a/2.heic", "b/2.heic"):
        make(tmp_path / name)
    data = read_own_photos(tmp_path)
    assert len(data.skipped) == 2
    err = capsys.readouterr().err
    assert "2 photos left out: " in err and "(a/2.heic, b/2.heic)" in err
    (tmp_path / "a" / "1.jpg").unlink()
    (tmp_path / "b" / "1.jpg").unlink()
    with pytest.raises(DataError, match="none of the 2 photos"):
        read_own_photos(tmp_path)


def test_classes_with_few_photos_are_named(tmp_path, capsys):
    for name in ("train/a/1", "train/b/1", "train/b/2", "test/a/1", "test/b/3"):
        photo(tmp_path / f"{name}.png", size=(8, 10))
    read_own_photos(tmp_path)
    assert "fewer than 10 photos with or without b (2)" in capsys.readouterr().err
    (tmp_path / "labels.csv").write_text(
        "file,x,y\ntrain/a/1.png,1,0\ntrain/b/1.png,1,1\ntest/a/1.png,0,0\n"
    )
    read_own_photos(tmp_path)
    assert "training photos are all with or all without x: not" in capsys.readouterr().err


def test_one_picture_in_two_formats_is_in_one_split(tmp_path):
    for number in range(40):
        photo(tmp_path / "ab"[number % 2] / f"IMG_{number}.JPG", size=(20, 24))
        photo(tmp_path / "ab"[number % 2] / f"IMG_{number}.HEIC.jpg", size=(20, 24))
    splits = {}
    for name, split in read_own_photos(tmp_path).splits.items():
        for path in split.photos:
            splits.setdefault(path.name.partition(".")[0], []).append(name)
    assert all(len(pair) == 2 and len(set(pair)) == 1 for pair in splits.values())
    assert len({name for pair in splits.values() for name in pair}) == 3


@pytest.mark.parametrize("pattern", ["file%04d.jpg", "IMG_%04d.JPG", "%d.png", "frame-%06d.jpg"])
def test_numbered_photos_are_in_every_split(pattern):
    counts = Counter(hashed_split(pattern % number) for number in range(1, 1001))
    assert counts["train"] == pytest.approx(800, abs=60)
    assert counts["val"] == pytest.approx(100, abs=40)
    assert counts["test"] == pytest.approx(100, abs=40)


def test_copies_whose_known_labels_agree_are_not_left_out(tmp_path):
    for name in "ace":
        photo(tmp_path / f"{name}.jpg")
    shutil.copy(tmp_path / "a.jpg", tmp_path / "b.jpg")
    shutil.copy(tmp_path / "c.jpg", tmp_path / "d.jpg")
    rows = ["file,hat,smile,split", "a.jpg,1,,train", "b.jpg,,0,train"]
    rows += ["c.jpg,1,0,train", "d.jpg,0,,train", "e.jpg,0,1,train"]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    data = read_own_photos(tmp_path)
    train = data.splits["train"]
    labels = {path.name: tuple(row) for path, row in zip(train.photos, train.labels, strict=True)}
    assert labels == {"a.jpg": (1, UNKNOWN), "b.jpg": (UNKNOWN, 0), "e.jpg": (0, 1)}
    assert {name for name, _ in data.skipped} == {"c.jpg", "d.jpg"}
    assert train.positives().tolist() == [1, 1]
    np.testing.assert_allclose(train.prevalence(), [1 / 2, 1 / 2])


def test_what_is_selected_is_by_known_labels():
    labels = np.array([[1, 1], [UNKNOWN, 0], [0, UNKNOWN], [1, UNKNOWN], [0, 1]], np.uint8)
    split = Split("train", tuple("abcde"), labels, ("hat", "smile"))
    assert balanced(split, 4, "hat").photos == ("a", "c", "d", "e")
    assert balanced(split, 4, "smile").photos == ("a", "b")
    np.testing.assert_allclose(split.prevalence(), [1 / 2, 2 / 3])
    none = Split("val", ("a",), np.full((1, 2), UNKNOWN, np.uint8), split.attributes)
    assert none.prevalence().tolist() == [0, 0]
    splits = {"train": split, "val": none, "test": none}
    with pytest.raises(DataError, match="no val photo with smile, of 0: not learnable"):
        select_for_run(splits, FitSettings(attributes=("smile",)))
