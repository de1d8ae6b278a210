"""Cached embeddings: of the photos' content, without the photos that cannot be read."""

import shutil

import numpy as np
import pytest

from tests.conftest import make_celeba
from tests.train.data.test_unreadable import SPOILT
from train.data import unreadable
from train.data.celeba import read_celeba
from train.data.crops import read_crop
from train.data.split import DataError, Dataset
from train.data.unreadable import crop_or_none
from train.evaluation import embeddings
from train.evaluation.embeddings import EMBEDDING_SIZE, read_faces, read_widths

COUNT = 6


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    monkeypatch.setattr(unreadable, "_unreadable", {})


@pytest.fixture
def data(tmp_path):
    return read_celeba(make_celeba(tmp_path / "celeba", train=1, val=1, test=COUNT))


@pytest.fixture
def embedded(monkeypatch):
    """Embed by the mean grey level, in this process; return the photos of each time."""
    calls = []

    def embed_all(tasks):
        calls.append([photo.name for photo, _ in tasks])
        crops = [crop_or_none(photo, (32, 40)) for photo, _ in tasks]
        readable = np.array([crop is not None for crop in crops])
        rows = [np.full(EMBEDDING_SIZE, 0 if crop is None else crop.mean()) for crop in crops]
        return readable, readable, readable, np.array(rows, np.float32)

    monkeypatch.setattr(embeddings, "_embed", embed_all)
    return calls


def identities(data: Dataset) -> dict[str, int]:
    names = [photo.name for photo in data.splits["test"].photos]
    names += [photo.stem for photo in data.splits["test"].photos]
    return {name: int(name[:6]) for name in names}


def level(photo):
    return read_crop(photo, (32, 40)).mean()


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("bad", [[0], [2, 3], [COUNT - 1]])
def test_identities_and_embeddings_are_of_the_same_photos(kind, bad, data, embedded, tmp_path):
    photos = data.splits["test"].photos
    good = [photo for row, photo in enumerate(photos) if row not in bad]
    for row in bad:
        SPOILT[kind](photos[row])
    for _ in range(2):  # computed, then from the cache
        unreadable._unreadable.clear()
        faces = read_faces(data, "test", identities(data), tmp_path / "cache")
        assert faces.photos == tuple(photo.name for photo in good)
        assert faces.identities.tolist() == [int(photo.stem) for photo in good]
        np.testing.assert_allclose(faces.embeddings[:, 0], list(map(level, good)), rtol=1e-4)
        assert len(unreadable.unreadable(photos)) == len(bad)
    assert len(embedded) == 1
    widths = read_widths(data, "test", faces, COUNT, tmp_path / "cache")
    for of_width in widths.values():
        assert of_width.photos == faces.photos
        np.testing.assert_array_equal(of_width.identities, faces.identities)
        np.testing.assert_array_equal(of_width.embeddings, faces.embeddings)


def test_another_photo_of_the_same_name_is_embedded_again(data, embedded, tmp_path):
    photos = data.splits["test"].photos
    read_faces(data, "test", identities(data), tmp_path / "cache")
    shutil.copyfile(photos[1], photos[4])
    faces = read_faces(data, "test", identities(data), tmp_path / "cache")
    assert len(embedded) == 2 and faces.embeddings[1, 0] == faces.embeddings[4, 0]


def test_a_copy_of_the_data_uses_the_same_cache(data, embedded, tmp_path):
    before = read_faces(data, "test", identities(data), tmp_path / "cache")
    other = read_celeba(shutil.copytree(tmp_path / "celeba", tmp_path / "copy"))
    after = read_faces(other, "test", identities(other), tmp_path / "cache")
    assert len(embedded) == 1
    np.testing.assert_array_equal(before.embeddings, after.embeddings)


def test_no_photo_can_be_read(data, embedded, tmp_path):
    for photo in data.splits["test"].photos:
        photo.unlink()
    with pytest.raises(DataError, match="none of the 6 test photos can be read"):
        read_faces(data, "test", identities(data), tmp_path / "cache")
