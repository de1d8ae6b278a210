"""Files are written whole or not at all, and none that was there is lost."""

import errno
import os

import pytest

from device import files
from device.files import move_aside, write_atomic


def test_a_file_and_its_folder_are_made(tmp_path):
    write_atomic(tmp_path / "a" / "b" / "c.json", b"content")
    assert (tmp_path / "a" / "b" / "c.json").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.json"]


def test_a_file_that_is_there_is_replaced(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"a longer content than the next")
    write_atomic(path, b"short")
    assert path.read_bytes() == b"short"


@pytest.mark.parametrize("mode, expected", [(None, 0o644), (0o600, 0o600)])
def test_the_mode_holds_from_the_creation_on(tmp_path, mode, expected):
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "a.json", b"x", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == expected


def test_a_fault_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(disk):
    path = disk / "a.json"
    write_atomic(path, b"old")
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, bytes(200_000))
    assert path.read_bytes() == b"old" and list(disk.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_atomic(tmp_path / "file" / "a.json", b"x")


def test_move_aside_takes_the_first_free_name(tmp_path):
    for content in ("first", "second"):
        path = tmp_path / "faces.csv"
        path.write_text(content)
        aside = move_aside(path)
        assert not path.exists() and aside.read_text() == content
    assert aside.name == "faces.2.csv" and (tmp_path / "faces.1.csv").read_text() == "first"
