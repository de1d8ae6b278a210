"""Photos saved, scaled or cropped again are found; other photos are not."""

import cv2
import numpy as np
import pytest

from device.errors import SourceError, UsageError
from train.data.perceptual_hash import BITS, Pair, pairs_between, pairs_within, perceptual_hash
from train.tools import near_duplicates


@pytest.fixture
def folders(tmp_path, astronaut):
    """Two folders: a photo; and that photo as a smaller JPEG, mirrored, and another one."""
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "a").mkdir(parents=True)
    second.mkdir()
    cv2.imwrite(str(first / "a" / "photo.png"), astronaut)
    half = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(second / "half.jpg"), half, [cv2.IMWRITE_JPEG_QUALITY, 70])
    cv2.imwrite(str(second / "mirrored.png"), astronaut[:, ::-1])
    cv2.imwrite(str(second / "other.png"), np.rot90(astronaut))
    return first, second


def test_pairs_by_hand():
    none, three, all_set = (np.arange(BITS) < bits for bits in (0, 3, BITS))
    first, second = np.array([none, all_set]), np.array([three, all_set])
    assert pairs_between(first, second, 2) == [Pair(1, 1, 0)]
    assert pairs_between(first, second, 3) == [Pair(1, 1, 0), Pair(0, 0, 3)]
    assert pairs_between(first[:0], second, 3) == []
    assert pairs_within(np.array([three, all_set, none]), 3) == [Pair(0, 2, 3)]


def test_a_photo_of_one_colour_has_an_empty_hash():
    assert not perceptual_hash(np.full((50, 70, 3), 90, np.uint8)).any()


def test_a_photo_saved_again_is_found_and_another_is_not(folders, tmp_path, capsys):
    first, second = folders
    near_duplicates.main([str(first), str(second), "--list", str(tmp_path / "names.txt")])
    *pairs, summary = capsys.readouterr().out.splitlines()
    photo = str(first / "a/photo.png")
    found = {tuple(line.split()[1:]) for line in pairs}
    assert found == {
        (photo, str(second / "half.jpg")),
        ("mirrored", photo, str(second / "mirrored.png")),
    }
    assert all(int(line.split()[0]) < 8 for line in pairs)
    assert "2 pairs within 52 of 255 bits; of 1 photo" in summary
    assert (tmp_path / "names.txt").read_text() == "a/photo.png\n"
    near_duplicates.main([str(first)])
    assert capsys.readouterr().out.startswith("0 pairs")


def test_what_is_missing_is_named(folders, tmp_path):
    first, _ = folders
    with pytest.raises(SourceError, match=r"cannot read the folder .*nothing"):
        near_duplicates.main([str(tmp_path / "nothing")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no readable photo"):
        near_duplicates.main([str(first), str(tmp_path / "empty")])
    with pytest.raises(UsageError, match="3 folders, need one or two"):
        near_duplicates.main([str(first)] * 3)
