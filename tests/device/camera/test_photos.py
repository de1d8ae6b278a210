"""Photos and folders of photos."""

import os
import shutil
import socket
import threading

import cv2
import numpy as np
import pytest

from device.camera import image_io, is_live
from device.camera import photos as photos_module
from device.camera.image_io import PhotoError
from device.camera.open import open_camera
from device.camera.photos import Photos
from device.errors import SourceError, Stopped
from device.settings import CameraSettings


def test_a_folders_photos_are_in_order_and_unreadable_ones_are_skipped(tmp_path, capsys):
    for name in ("b.png", "a.jpg", "c.jpg"):
        cv2.imwrite(str(tmp_path / name), np.random.default_rng(0).integers(0, 255, (90, 90, 3)))
    truncated = tmp_path / "c.jpg"
    truncated.write_bytes(truncated.read_bytes()[:400])
    (tmp_path / "notes.txt").write_text("no photo")
    with Photos(tmp_path) as camera:
        frames = list(camera)
    assert [frame.source for frame in frames] == ["a.jpg", "b.png"] and not is_live(camera)
    printed = capsys.readouterr().err
    assert "skipped" in printed and "c.jpg" in printed and "1 of 3 photos were skipped" in printed


def test_a_folder_of_unreadable_photos_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with (
        Photos(tmp_path) as camera,
        pytest.raises(SourceError, match=r"no photo of .* can be read"),
    ):
        list(camera)


def test_an_empty_folder_is_an_error_that_names_a_folder_with_photos(tmp_path):
    with pytest.raises(SourceError, match=r"no photos in .* Try: a folder of JPEG or PNG files$"):
        Photos(tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "a.jpg").touch()
    with pytest.raises(SourceError, match=f"such as {tmp_path}/b$"):
        Photos(tmp_path)


def test_a_single_unreadable_photo_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(PhotoError, match=r"a\.jpg"):
        Photos(tmp_path / "a.jpg")


@pytest.fixture
def folder(tmp_path):
    """Photos of any name, and what else lies in a folder of them."""
    photo = cv2.imencode(".png", np.zeros((9, 9), np.uint8))[1].tobytes()
    for name in ("b.jpg", "a", "c.jpg.1", "sub/d.png", "sub/deeper/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo)
    for name in ("._b.jpg", ".c.jpg", "Thumbs.db", "desktop.ini", "raw.dng", "sub/@eaDir/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo)
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "nowhere.jpg").symlink_to("nothing")
    (tmp_path / "sub/loop").symlink_to(tmp_path)
    return tmp_path


def test_litter_and_what_is_no_regular_file_is_left_out_silently(folder, capsys):
    with Photos(folder) as photos:
        assert [frame.source for frame in photos] == ["a", "b.jpg", "c.jpg.1"]
    assert not capsys.readouterr().err and not photos.skipped


def test_subfolders_on_request(folder):
    with Photos(folder, recursive=True) as photos:
        names = [frame.source for frame in photos]
    assert names == ["a", "b.jpg", "c.jpg.1", "sub/d.png", "sub/deeper/e"]


def test_one_photo(tmp_path):
    cv2.imwrite(str(tmp_path / "me.png"), np.zeros((1, 1), np.uint8))
    with Photos(tmp_path / "me.png") as photos:
        (frame,) = photos
    assert frame.bgr.shape == (1, 1, 3)


@pytest.mark.parametrize(
    "module, hanging", [(image_io, "decode_photo"), (photos_module, "_photos_in")]
)
def test_a_stop_does_not_wait_for_a_photo_or_a_folder(tmp_path, monkeypatch, module, hanging):
    release = threading.Event()
    monkeypatch.setattr(module, hanging, lambda *_: release.wait(60))
    source = tmp_path if hanging == "_photos_in" else tmp_path / "me.png"
    source.touch()
    with pytest.raises(Stopped):
        open_camera(CameraSettings(source=str(source)), lambda: True)
    release.set()


def test_a_subfolder_that_cannot_be_read_is_named_and_skipped(folder, monkeypatch, capsys):
    scandir = os.scandir

    def closed(path):
        if os.path.basename(path) == "deeper":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    with Photos(folder, recursive=True) as photos:
        assert [frame.source for frame in photos] == ["a", "b.jpg", "c.jpg.1", "sub/d.png"]
    assert "sub/deeper: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["file", "folder"])
def test_what_is_removed_while_photos_are_read_is_named(folder, capsys, lost):
    with Photos(folder, recursive=True) as photos:
        frames = iter(photos)
        assert next(frames).source == "a"
        (folder / "b.jpg").unlink() if lost == "file" else shutil.rmtree(folder)
        rest = [frame.source for frame in frames]
    assert rest == (["c.jpg.1", "sub/d.png", "sub/deeper/e"] if lost == "file" else [])
    assert "b.jpg: no such file" in capsys.readouterr().err


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(PhotoError, match=r"a\.jpg: it is empty. Try: another photo"):
        Photos(tmp_path / "a.jpg")
