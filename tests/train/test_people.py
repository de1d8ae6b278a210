"""The command that measures known people, on a data set made of two portraits."""

import json

import cv2
import numpy as np
import pytest

from tests.conftest import make_celeba
from train import people
from train.data import identities
from train.data.celeba import read_celeba
from train.data.split import DataError
from train.evaluation import embeddings

PAGE = "# People\n\n<!-- people -->\nold\n<!-- /people -->\n\nafter\n"


@pytest.fixture
def portraits(tmp_path, astronaut, admiral):
    """A CelebA of two people a split, three photos each: cut otherwise, lighter and darker."""
    root = make_celeba(tmp_path / "celeba", train=1, val=6, test=6)
    rng = np.random.default_rng(0)
    names = [f"{n:06}.jpg" for n in range(1, 14)]
    people_of = [0, *([1] * 3 + [2] * 3) * 2]
    for name, who in zip(names, people_of, strict=True):
        picture = (astronaut, admiral)[who - 1][: 450 + int(rng.integers(0, 60))]
        photo = cv2.resize(picture, (178, 218), interpolation=cv2.INTER_AREA)
        photo = cv2.convertScaleAbs(photo, alpha=rng.uniform(0.8, 1.1), beta=rng.uniform(0, 20))
        cv2.imwrite(str(root / "img_align_celeba" / name), photo)
    rows = [f"{name} {who}" for name, who in zip(names, people_of, strict=True)]
    (root / "identity_CelebA.txt").write_text("\n".join(rows) + "\n")
    folder = tmp_path / "utkface"
    folder.mkdir()
    (folder / "labels.csv").write_text(
        "file,age,gender,race\na.png,30,f,Asian\nb.png,40,m,White\nc.png,50,m,White\n"
    )
    for name, picture in (("a", admiral), ("b", astronaut[:300]), ("c", admiral[:400])):
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return root


def test_figures_chart_and_report(portraits, tmp_path):
    pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")
    out, page, chart = tmp_path / "out", tmp_path / "people.md", tmp_path / "det.png"
    page.write_text(PAGE)
    options = ["--data", portraits, "--out", out, "--page", page, "--chart", chart, "--widths"]
    people.main([str(one) for one in options])
    report = json.loads((out / "report.json").read_text())
    assert (report["people"], report["photos"], report["not_detected"]) == (2, 6, 0)
    assert report["widths"]["96.0"]["value"] == 1.0
    assert report["accuracy"]["value"] == 1.0 and report["outlier_photos"] == []
    text = page.read_text()
    assert text.startswith("# People\n\n<!-- people -->\n| | measured") and "\nafter\n" in text
    assert "100.00 %" in text and cv2.imread(str(chart)) is not None
    assert "| White | 2 | 0.00 % (0.00 to 0.00) |" in text and "| Asian |" not in text
    assert "| all | 3 | 33.33 %" in text  # the same person twice
    kept = sorted(out.glob("*.npz"))
    assert [path.name.partition("-")[0] for path in kept] == ["groups", "test", "val", "widths"]
    stamps = [path.stat().st_mtime_ns for path in kept]
    people.main([str(one) for one in options])
    assert [path.stat().st_mtime_ns for path in kept] == stamps and page.read_text() == text


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no identity_CelebA.txt"),
        ("a.jpg one\n", "expected a photo and a number"),
        ("a.jpg\n", "expected a photo and a number"),
        ("a.jpg 1\na.jpg 2\n", "'a.jpg' has another identity"),
    ],
)
def test_identities_that_cannot_be_read(tmp_path, content, message):
    if content is not None:
        (tmp_path / "identity_CelebA.txt").write_text(content)
    with pytest.raises(DataError, match=message):
        identities.read_identities(tmp_path)


@pytest.mark.parametrize(
    "file, text",
    [
        ("identity_CelebA.txt", "a.jpg 3\nb.jpg 4\n"),
        ("Anno/identity_CelebA.txt", "a.jpg 3\na.jpg 3\nb.jpg 4\n"),
        ("identity_celeba.csv", ",image_id,identity\n0,a.png,3.0\n1,b.png,4.0\n"),
        ("identity_CelebA.csv", "identity;name;image_id\n3;Ann;a.jpg\n4;Bob;b.jpg\n"),
    ],
)
def test_identities_in_other_layouts(tmp_path, file, text):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert identities.read_identities(tmp_path) == {"a": 3, "b": 4}


def test_a_photo_without_identity_is_an_error(portraits, tmp_path):
    data = read_celeba(portraits)
    with pytest.raises(DataError, match="6 of 6 val photos have no identity"):
        embeddings.read_faces(data, "val", {}, tmp_path)
