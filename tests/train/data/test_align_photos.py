"""Own photos aligned: one face of each, every format, and the labels beside them."""

import csv

import cv2
import numpy as np
import pytest
from PIL import Image

from device.errors import UsageError
from train import own_photos
from train.data import align_photos as module
from train.data.align_photos import align_photos, target_names
from train.data.own_photos import read_labels, read_own_photos
from train.data.split import DataError


def save(path, picture, kind=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture[:, :, ::-1]).save(path, kind)


def labels_of(result):
    """Return {split: its labels} of a data set, or of the faces written."""
    data = getattr(result, "data", result)
    return {name: split.labels.tolist() for name, split in data.splits.items()}


@pytest.fixture
def faces(astronaut, admiral):
    return cv2.resize(astronaut, (256, 256)), cv2.resize(admiral, (256, 300))


def test_faces_of_every_format_are_written(tmp_path, faces, capsys):
    smile, other = faces
    mine, out = tmp_path / "my photos", tmp_path / "out"
    save(mine / "smile" / "a.jfif", smile, "JPEG")
    save(mine / "smile" / "b.pgm", np.repeat(smile[:, :, :1], 3, 2), "PPM")
    save(mine / "smile" / "c.png", smile, "PNG")
    save(mine / "smile" / "c.gif", smile, "GIF")
    save(mine / "no_smile" / "d", other, "JPEG")
    save(mine / "no_smile" / "e.jpg", np.hstack([smile[:256], other[:256]]), "JPEG")
    save(mine / "no_smile" / "nobody.jpg", np.zeros((200, 200, 3), np.uint8), "JPEG")
    (mine / "no_smile" / "broken.jpg").write_bytes((mine / "no_smile/e.jpg").read_bytes()[:500])
    own_photos.main(["--photos", str(mine), "--out", str(out)])
    printed = capsys.readouterr()
    assert "6 faces written to" in printed.out and "2 photos left out" in printed.out
    assert f"-m train.fit --data {out} --out runs/out\n" in printed.out
    assert "no face (no_smile/nobody.jpg)" in printed.err
    assert "1 photo with several faces, of which the largest is taken: no_smile/e.jpg (2)" in (
        printed.err
    )
    assert "(no_smile/broken.jpg)" in printed.err and "train.own_photos" not in printed.err
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert written == [
        *("no_smile/d.jpg", "no_smile/e.jpg", "smile/a.jpg", "smile/b.jpg", "smile/c.jpg"),
        "smile/c.png",
    ]
    assert {cv2.imread(str(out / name)).shape for name in written} == {(218, 178, 3)}
    assert read_own_photos(out).attributes == ("smile",)
    with pytest.raises(UsageError, match="already has photos"):
        align_photos(read_labels(mine), out)


def test_every_photo_is_decoded_once(tmp_path, faces, monkeypatch):
    save(tmp_path / "in" / "a" / "1.png", faces[0])
    save(tmp_path / "in" / "b" / "2.png", faces[1])
    decoded = []
    read = module.read_photo
    monkeypatch.setattr(module, "read_photo", lambda path: decoded.append(path) or read(path))
    monkeypatch.setattr("train.data.own_photos.read_photo", None)
    own_photos.main(["--photos", str(tmp_path / "in"), "--out", str(tmp_path / "out")])
    assert sorted(path.name for path in decoded) == ["1.png", "2.png"]


def test_the_table_names_the_faces_not_the_photos(tmp_path, faces):
    mine, out = tmp_path / "mine", tmp_path / "out"
    save(mine / "é.webp", faces[0])
    save(mine / "sub" / "b.jfif", faces[1], "JPEG")
    save(mine / "c.png", np.zeros((90, 90, 3), np.uint8))
    table = f"Bild;Split;Brille;Person\n{mine}/é.webp;Training;ja;Zoë\nsub\\b.jfif;test;nein;Bob\n"
    table += "c.png;test;ja;Bob\n"
    (mine / "Labels.csv").write_bytes(table.encode("latin-1"))
    result = align_photos(read_labels(mine), out)
    assert (result.written, result.missed) == (2, 1)
    with (out / "labels.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["file", "Brille", "split", "person"],
            ["é.webp", "ja", "train", "zoë"],
            ["sub/b.jpg", "nein", "test", "bob"],
        ]
    data = read_own_photos(out)
    assert data.attributes == ("Brille",) and not data.skipped
    assert data.splits["train"].photos == (out / "é.webp",)
    assert data.splits["test"].photos == (out / "sub" / "b.jpg",)
    for split in labels_of(result), labels_of(data):
        assert split == {"train": [[1]], "val": [], "test": [[0]]}


@pytest.mark.parametrize(
    "names, targets",
    [
        (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
        (["a.heic", "b.HEIC"], ["a.jpg", "b.jpg"]),
        (["a.heic", "a.jpg"], ["a.heic.jpg", "a.jpg"]),
        (["a.heic", "a.JPG", "a.pgm"], ["a.heic.jpg", "a.JPG", "a.pgm.jpg"]),
        (["a.pgm", "a.jfif", "x/a.gif"], ["a.jpg", "a.jfif.jpg", "x/a.jpg"]),
        (["a", "a.b"], ["a.jpg", "a.b.jpg"]),
    ],
)
def test_the_names_of_the_faces(names, targets):
    assert list(target_names(names).values()) == targets


@pytest.mark.parametrize("out", ["mine", "mine/aligned", "mine/a/x"])
def test_the_faces_are_not_written_among_the_photos(tmp_path, faces, out):
    save(tmp_path / "mine" / "a" / "1.png", faces[0])
    save(tmp_path / "mine" / "b" / "1.png", faces[1])
    with pytest.raises(UsageError, match="in the folder of the photos"):
        align_photos(read_labels(tmp_path / "mine"), tmp_path / out)


def test_photos_of_which_none_can_be_read(tmp_path):
    for name in ("a/1.heic", "b/1.heic"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(80))
    with pytest.raises(DataError, match="none of the 2 photos"):
        align_photos(read_labels(tmp_path / "in"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
