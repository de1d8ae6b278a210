"""Files are written whole or not at all, and none that was there is lost."""

import errno
import os

import pytest

from device import files
from device.files import move_aside, read_regular, write_atomic


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


def test_a_link_at_the_files_name_is_replaced_and_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "a.json"
    victim.write_bytes(b"untouched")
    for name in ("a.json", "a.json.part"):
        (tmp_path / name).symlink_to(victim)
    write_atomic(path, b"new", 0o600)
    assert victim.read_bytes() == b"untouched" and path.read_bytes() == b"new"
    assert not path.is_symlink()


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone is tempted")
OTHER = 1234  # a user


@only_root
@pytest.mark.parametrize("maker, followed", [(OTHER, False), (0, True)])
def test_root_enters_a_folder_only_by_its_own_links(tmp_path, maker, followed):
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to("target")
    os.lchown(link, maker, maker)
    if followed:
        write_atomic(link / "a.json", b"x")
        assert read_regular(link / "a.json", 10)[0] == b"x"
    else:
        with pytest.raises(OSError, match="link that another user made"):
            write_atomic(link / "deeper" / "a.json", b"x")
        with pytest.raises(OSError, match="link that another user made"):
            read_regular(link / "a.json", 10)
    assert [path.name for path in target.iterdir()] == ["a.json"] * followed


@only_root
@pytest.mark.parametrize("mode, allowed", [(0o777, False), (0o770, False), (0o1777, True)])
def test_root_writes_in_no_folder_where_others_replace_files(tmp_path, mode, allowed):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    if allowed:
        write_atomic(folder / "a.json", b"x")
    else:
        with pytest.raises(OSError, match="other users may write its folder"):
            write_atomic(folder / "a.json", b"x")
    assert len(list(folder.iterdir())) == allowed


def test_links_in_a_circle_are_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"levels of symbolic links|File exists"):
        write_atomic(tmp_path / "a" / "x.json", b"x")


@pytest.mark.parametrize("size, read", [(10, True), (11, False)])
def test_a_file_is_read_up_to_a_limit(tmp_path, size, read):
    (tmp_path / "a").write_bytes(bytes(size))
    if read:
        assert len(read_regular(tmp_path / "a", 10)[0]) == size
    else:
        with pytest.raises(OSError, match="has more than"):
            read_regular(tmp_path / "a", 10)


def test_move_aside_takes_the_first_free_name(tmp_path):
    for content in ("first", "second"):
        path = tmp_path / "faces.csv"
        path.write_text(content)
        aside = move_aside(path)
        assert not path.exists() and aside.read_text() == content
    assert aside.name == "faces.2.csv" and (tmp_path / "faces.1.csv").read_text() == "first"
