"""What a source lists."""

import os
import tarfile

import pytest

from device.errors import SourceError, UsageError
from device.label.sources import kind_of, list_inputs

JPEG = b"\xff\xd8\xff\xe0"


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.jpg", "in/c.png", "in/deep/d.JPEG", "film.mp4", "some.tar"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    for name in ("notes.txt", ".hidden.jpg", "Thumbs.db", "in/readme"):
        (tmp_path / "photos" / name).write_text("words")
    (tmp_path / "photos" / "no_ending").write_bytes(JPEG)
    return tmp_path / "photos"


def test_a_folder_lists_its_photos_videos_and_tars(folder):
    names = ["a.jpg", "b.jpg", "film.mp4", "in/c.png", "in/deep/d.JPEG", "no_ending", "some.tar"]
    assert list_inputs(str(folder)) == [str(folder / name) for name in names]


def test_a_pattern_lists_what_fits(folder):
    assert list_inputs(f"{folder}/*.jpg") == [str(folder / name) for name in ("a.jpg", "b.jpg")]
    assert str(folder / "in/deep/d.JPEG") in list_inputs(f"{folder}/**/*.JPEG")


def test_a_list_lists_paths_beside_it_and_addresses(folder):
    text = "a.jpg\n\n  in/c.png\n/elsewhere/x.jpg\ns3://bucket/y.jpg\na.jpg\n"
    (folder / "list.txt").write_text(text)
    names = [str(folder / "a.jpg"), str(folder / "in/c.png"), "/elsewhere/x.jpg"]
    assert list_inputs(str(folder / "list.txt")) == [*names, "s3://bucket/y.jpg"]


def test_one_file_lists_itself(folder):
    assert list_inputs(str(folder / "a.jpg")) == [str(folder / "a.jpg")]


def test_a_name_that_is_no_utf_8_is_listed(tmp_path):
    raw = os.fsencode(tmp_path) + b"/photo\xe9.jpg"
    with open(raw, "wb") as file:
        file.write(JPEG)
    (name,) = list_inputs(str(tmp_path))
    assert os.fsencode(name) == raw


@pytest.mark.parametrize("source", ["/no/such", "/no/such/*.jpg", ""])
def test_nothing_is_an_error(source):
    with pytest.raises(SourceError):
        list_inputs(source)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no photo, video or tar in"):
        list_inputs(str(tmp_path))


def test_an_address_of_an_unknown_kind_is_wrong_usage():
    pytest.importorskip("fsspec")
    with pytest.raises(UsageError, match="no address of a known kind"):
        list_inputs("nonsense://bucket/photos")


@pytest.mark.parametrize(
    "name, kind",
    [("/a/b.jpg", "photo"), ("/a.tar/b", "photo"), ("s3://b/x.TAR.GZ", "tar"), ("x.MKV", "video")],
)
def test_the_ending_says_what_it_is(name, kind):
    assert kind_of(name) == kind


def test_tars_are_those_that_tarfile_reads():
    assert {"gz", "bz2", "xz"} <= set(tarfile.TarFile.OPEN_METH)
