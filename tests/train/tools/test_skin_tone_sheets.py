"""Contact sheets of faces: which photos, in which order, and where on the sheet."""

import cv2
import numpy as np
import pytest

from device.errors import SourceError, UsageError
from train.data.split import DataError
from train.tools import skin_tone_sheets as sheets


def bgr_of(k):
    return (6 * k, 0, 255 - 6 * k)


@pytest.fixture
def photos(tmp_path):
    """40 aligned photos of one colour each."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(40):
        cv2.imwrite(str(folder / f"{k:02}.png"), np.full((218, 178, 3), bgr_of(k), np.uint8))
    return folder


def order(folder):
    lines = (folder / "order.csv").read_text().splitlines()
    assert lines[0] == "sheet,row,column,file"
    return [line.split(",") for line in lines[1:]]


def test_each_photo_is_drawn_at_the_place_that_the_order_names(photos, tmp_path):
    sheets.main(["--photos", str(photos), "--seed", "1", "--out", str(tmp_path / "out")])
    places = order(tmp_path / "out")
    assert sorted(file for *_, file in places) == sorted(p.name for p in photos.iterdir())
    for sheet, row, column, file in places:
        picture = cv2.imread(str(tmp_path / "out" / f"sheet-0{sheet}.png"))
        top = sheets.HEADER + "ABCDE".index(row) * (218 + sheets.LABEL) + sheets.LABEL
        face = picture[top : top + 218, 178 * (int(column) - 1) : 178 * int(column)]
        assert (face == bgr_of(int(file[:2]))).all()
    blue, green, red = picture[50, 10].astype(int)
    assert red > green > blue  # the swatch of type 2
    assert places[29][:3] == ["1", "E", "6"] and places[30][:3] == ["2", "A", "1"]


def test_the_order_is_that_of_the_seed(photos, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        sheets.main(["--photos", str(photos), "--seed", seed, "--out", str(tmp_path / name)])
    assert order(tmp_path / "a") == order(tmp_path / "b") != order(tmp_path / "c")


def test_an_unreadable_photo_is_left_out(photos, tmp_path):
    (photos / "99.png").write_bytes(b"no photo")
    sheets.main(["--photos", str(photos), "--seed", "1", "--out", str(tmp_path / "out")])
    assert len(order(tmp_path / "out")) == 40


def test_angles_are_chosen_evenly_from_uneven_ones():
    rng = np.random.default_rng(0)
    angles = np.concatenate([rng.normal(50, 5, 5000), np.linspace(-60, 80, 300)])
    chosen = sheets.choose_evenly(angles, 140, rng)
    assert len(set(chosen.tolist())) == 140
    counts, _ = np.histogram(angles[chosen], bins=14, range=(-60.5, 80.5))
    assert counts.min() >= 8 and counts.max() <= 12


def test_dark_cheeks_have_a_low_angle():
    light, dark = (np.full((218, 178, 3), rgb, np.uint8) for rgb in ((235, 205, 180), (90, 60, 45)))
    assert sheets.cheek_angle(light) > 41 and sheets.cheek_angle(dark) < -30
    light[:100] = 0  # hair
    assert sheets.cheek_angle(light) > 41


def test_nobody_in_the_photos_without_and_one_photo_per_person(celeba, tmp_path, capsys):
    # 48 photos: 24 to train on. Photos k and k + 12 show one person, 1 to 12.
    lines = [f"{k:06}.jpg {(k - 1) % 12 + 1}" for k in range(1, 49)]
    (celeba / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")
    without = tmp_path / "without"
    without.mkdir()
    for name in ("000001", "000014", "000027", "777777"):  # the people 1, 2, 3
        cv2.imwrite(str(without / f"{name}.jpg"), np.zeros((218, 178, 3), np.uint8))
    chosen = sheets.training_photos(celeba, without, [celeba])
    people = sorted((int(photo.stem) - 1) % 12 + 1 for photo in chosen)
    assert people == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert all(int(photo.stem) <= 24 for photo in chosen)
    assert f"people of {without}: 3 left out, 1 unknown" in capsys.readouterr().out
    flags = ["--data", str(celeba), "--without", str(without), "--seed", "1"]
    sheets.main([*flags, "--count", "5", "--out", str(tmp_path / "out")])
    assert len(order(tmp_path / "out")) == 5
    with pytest.raises(UsageError, match="--count 10, of 9 people"):
        sheets.main([*flags, "--count", "10", "--out", str(tmp_path / "out")])


def test_what_is_missing_is_named(celeba, photos, tmp_path):
    out = ["--seed", "1", "--out", str(tmp_path / "out")]
    with pytest.raises(UsageError, match=r"no photos to draw\. Try: --photos DIR, or --data"):
        sheets.main(out)
    with pytest.raises(SourceError, match="cannot read"):
        sheets.main(["--photos", str(tmp_path / "none"), *out])
    with pytest.raises(UsageError, match="cannot write"):
        sheets.main(["--photos", str(photos), *out[:3], str(photos / "00.png")])
    (celeba / "identity_CelebA.txt").write_text("000001.jpg 1\n")
    with pytest.raises(DataError, match="has no identity"):
        sheets.main(["--data", str(celeba), "--without", str(photos), *out])
