"""Photos that are found to be broken or gone while they are decoded: left out, named, counted."""

import os

import numpy as np
import pytest

from tests.conftest import make_celeba
from train.data import unreadable
from train.data.augment import Augmentation
from train.data.celeba import read_celeba
from train.data.crops import read_crop
from train.data.loader import Batches
from train.data.select import rows_of, take
from train.data.split import DataError

CROP = (32, 40)
BATCH = 4  # of 10 photos: 4, 4 and 2


def garbage(path):
    """Spoil all but a JPEG's ends, which are what `read_celeba` checks."""
    content = path.read_bytes()
    path.write_bytes(content[:2] + bytes(len(content) - 4) + content[-2:])


def folder(path):
    path.unlink()
    path.mkdir()


def loop(path):
    path.unlink()
    path.symlink_to(path.name)


def empty(path):
    path.write_bytes(b"")


def pipe(path):
    path.unlink()
    os.mkfifo(path)


SPOILT = {"garbage": garbage, "deleted": os.unlink, "folder": folder, "loop": loop}
SPOILT |= {"empty": empty, "pipe": pipe}


@pytest.fixture
def train(tmp_path):
    return read_celeba(make_celeba(tmp_path / "celeba", train=10, val=1, test=1)).splits["train"]


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    monkeypatch.setattr(unreadable, "_unreadable", {})


def epoch(batches):
    """Return the crops and labels of all batches."""
    crops, labels = zip(*(batches[index] for index in range(len(batches))), strict=True)
    return np.concatenate(crops), np.concatenate(labels)


@pytest.mark.parametrize("kind", SPOILT)
def test_whatever_is_wrong_with_a_photo(kind, train, capsys):
    SPOILT[kind](train.photos[1])
    crops, labels = epoch(Batches(train, CROP, BATCH))
    rows = [0, *range(2, 10)]
    np.testing.assert_array_equal(labels, train.labels[rows])
    np.testing.assert_array_equal(crops, [read_crop(train.photos[row], CROP) for row in rows])
    err = capsys.readouterr().err
    assert err.count("left out: cannot read the photo") == 1 and "000002.jpg" in err
    assert unreadable.unreadable_line(train) == "1 of 10 train photos left out: not readable"


@pytest.mark.parametrize(
    ("bad", "sizes"),
    [
        ([0], [3, 4, 2]),
        ([3, 4], [3, 3, 2]),
        ([9], [4, 4, 1]),
        ([4, 5, 6], [4, 1, 2]),
        # A batch is never empty: it has one photo of the next.
        ([8, 9], [4, 4, 1]),
        ([0, 1, 2, 3], [1, 4, 2]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 9], [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("augmentation", [None, Augmentation(), Augmentation(mixup=0.4)])
def test_the_other_photos_of_an_epoch_stay_the_same(bad, sizes, augmentation, train):
    plain = augmentation is None or not augmentation.mixup
    batches = Batches(train, CROP, BATCH, augmentation, seed=3)
    order = batches._order.copy()
    crops, labels = epoch(batches)
    for place in bad:
        garbage(train.photos[order[place]])
    assert [len(batches[index][0]) for index in range(3)] == sizes
    kept = [place for place in range(10) if place not in bad]
    found = [batches.read(index) for index in range(3)]
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in found]), order[kept])
    if plain:
        np.testing.assert_array_equal(np.concatenate([crops for _, crops in found]), crops[kept])
    if plain and sum(sizes) == len(kept):
        np.testing.assert_array_equal(epoch(batches)[1], labels[kept])
    for index in range(3):
        assert all(len(array) == sizes[index] for array in batches[index])


def test_labels_of_the_photo_that_an_empty_batch_gets(train):
    for row in (8, 9, 0):
        garbage(train.photos[row])
    crops, labels = Batches(train, CROP, BATCH)[2]
    np.testing.assert_array_equal(labels, train.labels[[1]])
    np.testing.assert_array_equal(crops[0], read_crop(train.photos[1], CROP))


def test_no_photo_can_be_read(train):
    for photo in train.photos:
        photo.unlink()
    with pytest.raises(DataError, match=r"none of 10 train photos can be read"):
        Batches(train, CROP, BATCH)[0]
    with pytest.raises(DataError, match=r"none of 10 train photos can be read"):
        list(unreadable.readable_crops(train, CROP))


def test_a_photo_that_comes_back_is_used_again(train):
    content = train.photos[0].read_bytes()
    train.photos[0].unlink()
    batches = Batches(train, CROP, BATCH)
    assert len(batches[0][0]) == 3
    train.photos[0].write_bytes(content)
    assert len(batches[0][0]) == 4


def test_only_the_first_photos_are_named(tmp_path, capsys):
    for number in range(100):
        assert unreadable.photo_or_none(tmp_path / f"{number}.jpg") is None
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == unreadable.NAMED + 1 and "counted" in lines[-1]
    folder = tmp_path / "utkface"
    unreadable.leave_out(folder / "a.jpg", "gone")
    assert unreadable.unreadable_line(utkface=folder) == "1 photo of UTKFace left out: not readable"
    assert unreadable.unreadable_line(utkface=tmp_path / "other") == ""


@pytest.mark.parametrize("rows", [[], [0], [2, 5, 9], list(range(10))])
def test_rows_of_a_part(rows, train):
    part = take(train, np.array(rows, int))
    assert rows_of(part, train).tolist() == rows
