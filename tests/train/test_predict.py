"""train.predict: probabilities of photos as CSV."""

import csv
import gzip
import shutil

import cv2
import numpy as np
import pandas
import pytest

from device.api import analyze
from device.attributes.classifier import Classifier, calibrated
from device.errors import SourceError, UsageError
from device.settings import Settings
from tests.conftest import CARD
from tests.train.conftest import NAMES
from train import predict
from train.data.crops import read_crop
from train.evaluation import photo_faces
from train.evaluation.photo_table import FIXED, PhotoTable
from train.keras_import import keras


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_predictions_for_aligned_photos(tmp_path, models, run, data, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("000001.jpg", "000002.jpg"):
        shutil.copy(data / "img_align_celeba" / name, folder)
    (folder / "000003.jpg").write_bytes((folder / "000001.jpg").read_bytes()[:500])
    card = str(models / "attributes.json")
    found = {}
    for kind, extra in {"int8": [], "float": ["--float", str(run / "model.keras")]}.items():
        out = tmp_path / f"{kind}.csv"
        predict.main(["--model", card, "--images", str(folder), "--out", str(out), *extra])
        header, *written = rows(out)
        assert header == ["image_id", *NAMES]
        assert [row[0] for row in written] == ["000001.jpg", "000002.jpg"]
        found[kind] = np.array([row[1:] for row in written], float)
    assert "000003.jpg" in capsys.readouterr().err
    classifier = Classifier(card)
    crops = [read_crop(folder / name, (32, 40)) for name in ("000001.jpg", "000002.jpg")]
    int8 = [classifier.classify(np.ascontiguousarray(crop)) for crop in crops]
    np.testing.assert_allclose(found["int8"], int8, atol=1e-6)
    model = keras.models.load_model(run / "model.keras", compile=False)
    raw = np.asarray(model(np.stack(crops).astype(np.float32)))
    slope, offset = (classifier.card.values(field) for field in ("slope", "offset"))
    np.testing.assert_allclose(found["float"], calibrated(raw, slope, offset), atol=1e-4)


def test_predicting_nothing(tmp_path):
    with pytest.raises(SourceError, match="no readable photo"):
        predict.main(["--images", str(tmp_path), "--out", str(tmp_path / "a.csv")])


def test_folders_per_class_litter_and_what_is_not_read(tmp_path, models, data, capsys):
    folder, out = tmp_path / "my photos", tmp_path / "a.csv"
    for name in ("b/1.jpg", "a/1.jpg", "a/deep/2.jpg", "__MACOSX/a/1.jpg", ".hidden/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / "img_align_celeba" / "000001.jpg", folder / name)
    (folder / "a" / "3.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(80))
    (folder / "a" / "4.cr3").write_bytes(b"")
    (folder / "a" / "._1.jpg").write_bytes(b"")
    predict.main(
        ["--model", str(models / "attributes.json"), "--images", str(folder), "--out", str(out)]
    )
    assert [row[0] for row in rows(out)[1:]] == ["a/1.jpg", "a/deep/2.jpg", "b/1.jpg"]
    text = capsys.readouterr()
    assert "3 photos, 1 skipped" in text.out
    assert "1 photo left out: " in text.err and "(a/3.heic)" in text.err
    assert "not read: 1 .cr3" in text.err and "aligned" not in text.err


def test_whole_photos_are_named_as_such(tmp_path, models, astronaut, capsys):
    (tmp_path / "in put").mkdir()
    cv2.imwrite(str(tmp_path / "in put" / "1.png"), astronaut)
    arguments = ["--model", str(models / "attributes.json"), "--out", str(tmp_path / "a.csv")]
    predict.main([*arguments, "--images", str(tmp_path / "in put")])
    text = capsys.readouterr().err
    assert "1 of 1 photos do not have the shape of aligned faces" in text
    assert f"python -m train.predict --photos '{tmp_path}/in put' --detect" in text
    with pytest.raises(SourceError, match="is a file, need a folder"):
        predict.main([*arguments, "--images", str(tmp_path / "in put" / "1.png")])


@pytest.fixture
def portraits(tmp_path, astronaut, admiral):
    """Two portraits, a photo without a face and one that is damaged; the last names are unusual."""
    folder = tmp_path / "portraits"
    (folder / "sub").mkdir(parents=True)
    cv2.imwrite(str(folder / "1.png"), cv2.resize(astronaut, (1024, 1024)))
    cv2.imwrite(str(folder / "2.png"), np.hstack([astronaut[:, ::-1], astronaut]))
    cv2.imwrite(str(folder / "sub" / "=3,x.png"), np.full((300, 400, 3), 90, np.uint8))
    (folder / "sub" / "4.png").write_bytes((folder / "1.png").read_bytes()[:5000])
    cv2.imwrite(str(folder / "5.jpg"), admiral)
    return folder


def detect(folder, out, *more):
    predict.main(["--photos", str(folder), "--detect", "--out", str(out), *more])


def test_every_photo_has_a_row_and_every_face(portraits, tmp_path, capsys):
    out = tmp_path / "faces.csv"
    detect(portraits, out, "--labels")
    header, *found = rows(out)
    names = list(Classifier(CARD).card.names)
    assert header == [*FIXED, *names, *(f"label_{name}" for name in names)]
    table = [dict(zip(header, row, strict=True)) for row in found]
    assert [(row["image_id"], row["face"], row["state"]) for row in table] == [
        ("1.png", "1", "ok"),
        ("2.png", "1", "ok"),
        ("2.png", "2", "ok"),
        ("5.jpg", "1", "ok"),
        ("sub/4.png", "0", "unreadable"),
        ("sub/=3,x.png", "0", "no face"),
    ]
    assert all(not row["x"] and not row["Smiling"] and not row["label_Young"] for row in table[4:])
    assert all(row["label_Smiling"] == f"{float(row['Smiling']) >= 0.5:d}" for row in table[:4])
    text = capsys.readouterr()
    assert (
        "5 photos: 4 faces, 4 classified; 1 photo without a face; 1 photo not readable" in text.out
    )
    assert f'pandas.read_csv("{out}")' in text.out
    assert "sub/4.png" in text.err and "5 photos in" in text.err
    assert not list(tmp_path.glob("*.partial"))


def test_a_row_is_what_the_device_finds(portraits, tmp_path):
    detect(portraits, tmp_path / "faces.csv")
    _, row, *_ = rows(tmp_path / "faces.csv")
    (face,) = analyze(portraits / "1.png")
    assert row[3:8] == [*(f"{side:.0f}" for side in face.box), f"{face.score:.3f}"]
    np.testing.assert_allclose(np.array(row[8:], float), face.probabilities.array, atol=1e-6)


def test_pandas_types(portraits, tmp_path):
    detect(portraits, tmp_path / "faces.csv.gz")
    frame = pandas.read_csv(tmp_path / "faces.csv.gz")
    assert frame["face"].dtype == "int64" and frame["Smiling"].dtype == "float64"
    assert frame.groupby("image_id").ngroups == 5


def test_a_compressed_table_has_the_same_rows(portraits, tmp_path):
    detect(portraits, tmp_path / "faces.csv")
    detect(portraits, tmp_path / "faces.csv.gz")
    text = gzip.decompress((tmp_path / "faces.csv.gz").read_bytes())
    assert text == (tmp_path / "faces.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("faces*")) == ["faces.csv", "faces.csv.gz"]


def test_an_interrupted_table_continues(portraits, tmp_path, monkeypatch, capsys):
    out, whole = tmp_path / "faces.csv", tmp_path / "whole.csv"
    detect(portraits, whole)
    analyzed = []

    def stop_at(number):
        def find(path, settings):
            analyzed.append(path.name)
            if len(analyzed) == number:
                raise KeyboardInterrupt
            return analyze_photo(path, settings)

        return find

    analyze_photo = photo_faces.faces_of
    monkeypatch.setattr(photo_faces, "faces_of", stop_at(3))
    with pytest.raises(KeyboardInterrupt):
        detect(portraits, out)
    (partial,) = tmp_path.glob("faces.csv.*.partial")
    assert not out.exists() and len(rows(partial)) == 4  # the header, 1.png, 2.png twice
    partial.write_bytes(partial.read_bytes() + b"5.jpg,1,ok,12")  # a power cut in a row
    with pytest.raises(UsageError, match="is an unfinished table of another model, folder or"):
        detect(portraits, out, "--min-face", "30")
    analyzed.clear()
    monkeypatch.setattr(photo_faces, "faces_of", stop_at(100))
    detect(portraits, out)
    # Some rows of the last photo may be missing: it is analyzed again.
    assert analyzed == ["2.png", "5.jpg", "4.png", "=3,x.png"]
    assert out.read_bytes() == whole.read_bytes()
    assert f"5 photos in {portraits}, 1 of them in {partial}" in capsys.readouterr().err


def test_two_commands_do_not_write_one_table(tmp_path):
    with PhotoTable(tmp_path / "a.csv", ["image_id", "face", "state"], "key") as table:
        table.add([["1.jpg", "1", "ok"]])
        with pytest.raises(UsageError, match="another process writes"):
            PhotoTable(tmp_path / "a.csv", ["image_id", "face", "state"], "key")
    with PhotoTable(tmp_path / "a.csv", ["image_id", "face", "state"], "key") as table:
        table.add([["1.jpg", "1", "ok"], ["1.jpg", "2", "blurred"]])
        table.finish()
        assert table.summary() == "1 photo: 2 faces, 1 classified"
    assert rows(tmp_path / "a.csv")[1:] == [["1.jpg", "1", "ok"], ["1.jpg", "2", "blurred"]]


def test_names_that_a_spreadsheet_would_compute_are_continued(tmp_path):
    columns = ["image_id", "face", "state"]
    with PhotoTable(tmp_path / "a.csv", columns, "key") as table:
        for name in ("=1.jpg", "a\\b.jpg", "c\nd.jpg"):
            table.add([[name, "1", "ok"]])
    with PhotoTable(tmp_path / "a.csv", columns, "key") as table:
        assert table.done == {"=1.jpg", "a\\b.jpg"}  # the last one may be incomplete


@pytest.mark.slow
def test_several_processes_give_the_rows_of_one(tmp_path, astronaut):
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), astronaut[:, 30 * number :])
    paths = sorted(tmp_path.glob("*.png"))
    one, two = (list(photo_faces.faces_of_photos(paths, Settings(), n)) for n in (1, 2))
    assert [[face.box for face in faces] for faces in one] == [
        [face.box for face in faces] for faces in two
    ]
    assert all(len(faces) == 1 for faces in one)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--min-face", "30"], "--min-face is for whole photos, with --detect"),
        (["--workers", "2"], "--workers is for whole photos"),
        (["--detect", "--float", "x.keras"], "--detect runs the int8 network of a card"),
    ],
)
def test_flags_that_do_not_go_together(portraits, tmp_path, flags, message):
    with pytest.raises(UsageError, match=message):
        predict.main(["--photos", str(portraits), "--out", str(tmp_path / "a.csv"), *flags])


def test_photos_none_of_which_can_be_read(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(SourceError, match="none of 1 photo can be read"):
        detect(folder, tmp_path / "a.csv")
    assert rows(tmp_path / "a.csv")[1][:3] == ["1.jpg", "0", "unreadable"]


def test_labels_of_aligned_photos(tmp_path, models, data):
    folder, out = tmp_path / "photos", tmp_path / "a.csv.gz"
    folder.mkdir()
    shutil.copy(data / "img_align_celeba" / "000001.jpg", folder)
    card = str(models / "attributes.json")
    predict.main(["--model", card, "--photos", str(folder), "--out", str(out), "--labels"])
    header, row = csv.reader(gzip.decompress(out.read_bytes()).decode().splitlines())
    assert header == ["image_id", *NAMES, *(f"label_{name}" for name in NAMES)]
    labels = np.array(row[1:6], float) >= Classifier(card).thresholds
    assert row[6:] == [f"{label:d}" for label in labels]
