"""Cached features of a frozen backbone: of the photos' content, and never of a neighbour."""

import shutil

import numpy as np
import pytest

from device.errors import FacetError
from tests.conftest import make_celeba
from tests.train.data.test_unreadable import SPOILT, garbage
from train.data import unreadable
from train.data.celeba import read_celeba
from train.data.split import DataError, Split
from train.training import bottleneck
from train.training.bottleneck import Features, cached_features
from train.training.config import FitSettings
from train.training.trainer import build_network

SETTINGS = FitSettings(backbone="SimpleCNN", input=(32, 40), weights="none")
COUNT = 12


@pytest.fixture(scope="module")
def model():
    return build_network(SETTINGS, 40)


@pytest.fixture
def train(tmp_path):
    root = make_celeba(tmp_path / "celeba", train=COUNT, val=1, test=1)
    return read_celeba(root).splits["train"]


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    monkeypatch.setattr(unreadable, "_unreadable", {})
    monkeypatch.setattr(bottleneck, "BATCH", 5)


@pytest.fixture
def computed(monkeypatch):
    """The names of the photos whose features were computed, for each time."""
    calls, compute = [], bottleneck._compute

    def record(model, split, settings, path):
        calls.append([photo.name for photo in split.photos])
        compute(model, split, settings, path)

    monkeypatch.setattr(bottleneck, "_compute", record)
    return calls


def copied(split: Split, folder) -> Split:
    """Return the split with copies of its photos under other names."""
    folder.mkdir()
    photos = tuple(folder / f"other-{row}.jpeg" for row in range(len(split)))
    for photo, copy in zip(split.photos, photos, strict=True):
        shutil.copyfile(photo, copy)
    return Split(split.name, photos, split.labels, split.attributes)


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("bad", [[0], [4, 5], [COUNT - 2, COUNT - 1]])
def test_a_photo_that_cannot_be_read_has_no_features(kind, bad, model, train, tmp_path, capsys):
    before = np.array(cached_features(model, train, SETTINGS, tmp_path / "before"))
    for row in bad:
        SPOILT[kind](train.photos[row])
    features = cached_features(model, train, SETTINGS, tmp_path / "features")
    good = [row for row in range(COUNT) if row not in bad]
    assert np.isnan(features[bad]).all()
    np.testing.assert_allclose(features[good], before[good], atol=1e-3)
    batches = Features(features, train, 4, None)
    found = [batches[index] for index in range(len(batches))]
    np.testing.assert_array_equal(
        np.concatenate([labels for _, labels in found]), train.labels[good]
    )
    np.testing.assert_array_equal(np.concatenate([row for row, _ in found]), features[good])
    # From the cache, too, each is named once.
    for _ in range(2):
        unreadable._unreadable.clear()
        capsys.readouterr()
        cached_features(model, train, SETTINGS, tmp_path / "features")
        assert capsys.readouterr().err.count("left out") == len(bad)
        assert len(unreadable.unreadable(train.photos)) == len(bad)


def test_another_photo_under_the_same_name_has_other_features(model, train, tmp_path, computed):
    before = np.array(cached_features(model, train, SETTINGS, tmp_path))
    shutil.copyfile(train.photos[3], train.photos[7])
    after = cached_features(model, train, SETTINGS, tmp_path)
    assert len(computed) == 2 and np.abs(after[7] - before[7]).max() > 0
    np.testing.assert_allclose(after[7], before[3], atol=1e-3)


@pytest.mark.parametrize("change", ["time", "folder", "names"])
def test_features_are_reused_for_the_same_content(change, model, train, tmp_path, computed):
    before = np.array(cached_features(model, train, SETTINGS, tmp_path / "features"))
    if change == "time":
        for photo in train.photos:
            photo.touch()
    other = train if change == "time" else copied(train, tmp_path / change)
    after = cached_features(model, other, SETTINGS, tmp_path / "features")
    assert len(computed) == 1
    np.testing.assert_array_equal(after, before)


def test_the_order_of_the_photos_counts(model, train, tmp_path, computed):
    before = np.array(cached_features(model, train, SETTINGS, tmp_path))
    turned = Split("train", train.photos[::-1], train.labels[::-1], train.attributes)
    after = cached_features(model, turned, SETTINGS, tmp_path)
    assert len(computed) == 2
    np.testing.assert_allclose(after, before[::-1], atol=1e-3)


def test_a_photo_deleted_while_features_are_computed_and_copied_back(
    model, train, tmp_path, monkeypatch
):
    content, compute = train.photos[2].read_bytes(), bottleneck._compute

    def delete_and_compute(*arguments):
        train.photos[2].unlink()
        compute(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(bottleneck, "_compute", delete_and_compute)
        assert np.isnan(cached_features(model, train, SETTINGS, tmp_path)[2]).all()
    train.photos[2].write_bytes(content)
    assert not np.isnan(cached_features(model, train, SETTINGS, tmp_path)).any()


def test_no_photo_can_be_read(model, train, tmp_path):
    for photo in train.photos:
        garbage(photo)
    with pytest.raises(DataError, match="none of 12 train photos can be read"):
        cached_features(model, train, SETTINGS, tmp_path)


def test_a_damaged_cache_names_the_file_to_remove(model, train, tmp_path):
    cached_features(model, train, SETTINGS, tmp_path)
    (file,) = tmp_path.glob("*.npy")
    file.write_bytes(b"nothing")
    with pytest.raises(FacetError, match=f"cannot read the features .*rm .*{file.name}"):
        cached_features(model, train, SETTINGS, tmp_path)
