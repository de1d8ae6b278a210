"""UTKFace aligned for training: found, cut out and labelled as `--more` reads it."""

import cv2
import numpy as np
import pytest

from device.errors import UsageError
from train import utkface
from train.data.celeba import read_celeba
from train.data.more import with_more
from train.data.split import UNKNOWN, DataError

ROWS = "file,age,gender,race\na.jpg,31,female,White\nb.jpg,61,female,Asian\nc.jpg,7,male,White\n"


@pytest.fixture
def faces(tmp_path, astronaut, admiral):
    """A face of 31 years, a wall of 61, a child, and a damaged photo."""
    folder = tmp_path / "utkface"
    (folder / "images").mkdir(parents=True)
    wall = np.full((200, 200, 3), 90, np.uint8)
    for name, picture in (("a", cv2.resize(astronaut, (200, 200))), ("b", wall), ("c", wall)):
        cv2.imwrite(str(folder / "images" / f"{name}.jpg"), picture)
    (folder / "images" / "d.jpg").write_bytes(b"\xff\xd8 no photo")
    cv2.imwrite(str(folder / "images" / "e.jpg"), cv2.resize(admiral, (256, 300)))
    (folder / "labels.csv").write_text(f"{ROWS}d.jpg,40,male,Black\ne.jpg,70,female,White\n")
    return folder


def test_adults_with_a_face_are_written_and_trained_on(faces, celeba, tmp_path, capsys):
    out = tmp_path / "aligned faces"
    utkface.main(["--data", str(faces), "--align", str(out)])
    printed = capsys.readouterr()
    assert f"2 faces written to {out}, 2 photos left out" in printed.out
    assert f"-m train.fit --more '{out}' --data CELEBA --out runs/" in printed.out
    assert "b.jpg" in printed.err and "d.jpg" in printed.err
    table = (out / "labels.csv").read_text()
    assert table == "file,age,gender,race\na.jpg,31,female,White\ne.jpg,70,female,White\n"
    assert {cv2.imread(str(out / name)).shape for name in ("a.jpg", "e.jpg")} == {(218, 178, 3)}

    train = read_celeba(celeba).splits["train"]
    further = with_more(train, [str(out)], 0.0).labels[-2:]
    places = [train.attributes.index(name) for name in ("Male", "Young", "Bald")]
    assert further[:, places].tolist() == [[0, 1, UNKNOWN], [0, 0, UNKNOWN]]
    with pytest.raises(UsageError, match=r"is not empty\. Try: another --align FOLDER"):
        utkface.main(["--data", str(faces), "--align", str(out)])


def test_a_folder_without_labels_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no labels.csv in"):
        utkface.main(["--data", str(tmp_path / "empty"), "--align", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
