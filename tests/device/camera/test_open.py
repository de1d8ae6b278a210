"""What --camera names, and what it cannot name."""

import errno
import os
import socket

import cv2
import numpy as np
import pytest
from PIL import Image

from device.camera.demo import Demo
from device.camera.open import open_camera
from device.camera.photos import Photos
from device.camera.stdin import open_stdin
from device.camera.video import VideoFile
from device.errors import SourceError, Stopped, UsageError
from device.settings import CameraSettings


def opened(source):
    return open_camera(CameraSettings(source=str(source)))


def test_a_file_is_opened_by_its_kind(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((1, 1), np.uint8))
    assert isinstance(opened(tmp_path / "a.avi"), VideoFile)
    assert isinstance(opened(tmp_path / "b.png"), Photos)
    assert isinstance(opened(tmp_path), Photos)
    assert isinstance(opened("demo"), Demo)


@pytest.mark.parametrize("source", ["usb:97", "/dev/video97"])
def test_a_camera_that_does_not_exist(source):
    with pytest.raises(
        SourceError, match=r"no camera usb:97: /dev/video97 does not exist. Try: python"
    ):
        opened(source)


def test_a_file_that_does_not_exist():
    with pytest.raises(
        SourceError, match=r"no camera and no file is called nowhere.mp4. Try: one of 0,"
    ):
        opened("nowhere.mp4")


def test_a_photo_s_pipe_a_device_and_a_socket_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.mp4"))
    for path in (tmp_path / "pipe.jpg", tmp_path / "socket.mp4", "/dev/zero"):
        with pytest.raises(SourceError, match=r"cannot read .*: (it is a pipe|No such device)"):
            opened(path)


@pytest.mark.parametrize("name", ["~", "~a.png", "~nobody-is-called-so"])
def test_a_name_that_begins_with_a_tilde(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((1, 1), np.uint8))
    os.replace("b.png", name)
    assert opened(name).name == name and opened(f"~/{name}").name == name


@pytest.mark.parametrize("frames, kind", [(1, Photos), (3, VideoFile)])
def test_a_gif_of_several_frames_is_a_film(tmp_path, frames, kind):
    pictures = [Image.new("L", (40, 30), level) for level in range(0, 60 * frames, 60)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:])
    assert isinstance(opened(tmp_path / "a.gif"), kind)


def test_a_film_named_as_a_photo_is_a_film_and_the_other_way_round(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    os.replace(tmp_path / "a.avi", tmp_path / "a.jpg")
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((1, 1), np.uint8))
    os.replace(tmp_path / "b.png", tmp_path / "b.mp4")
    assert isinstance(opened(tmp_path / "a.jpg"), VideoFile)
    assert isinstance(opened(tmp_path / "b.mp4"), Photos)


def test_a_file_that_may_not_be_read_gives_the_true_reason(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"film")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("device.camera.open.open_regular", refuse)
    with pytest.raises(SourceError, match=r"cannot read .*a\.mp4: Permission denied"):
        opened(tmp_path / "a.mp4")


@pytest.mark.parametrize("kind", [".png", ".avi"])
def test_stdin(tmp_path, kind):
    path = tmp_path / f"a{kind}"
    if kind == ".png":
        cv2.imwrite(str(path), np.zeros((7, 5, 3), np.uint8))
    else:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
        writer.write(np.zeros((64, 64, 3), np.uint8))
        writer.release()
    with path.open("rb") as file, open_stdin(lambda: False, file.fileno()) as camera:
        (frame,) = camera
    assert frame.source == "stdin" and isinstance(camera, Photos) == (kind == ".png")


def test_stdin_that_gives_nothing_can_be_stopped():
    reading, writing = os.pipe()
    asked = iter([False, False, True])
    with pytest.raises(Stopped, match="stopped"):
        open_stdin(lambda: next(asked), reading)
    os.close(writing)
    os.close(reading)


def test_a_malformed_name():
    with pytest.raises(UsageError, match="Try: usb:0"):
        opened("usb:first")
    with pytest.raises(UsageError, match="--camera is empty"):
        opened("")


def test_an_unknown_protocol():
    with pytest.raises(SourceError, match="unknown protocol"):
        opened("ftp://camera/stream")


def test_a_name_too_long_for_a_file():
    with pytest.raises(SourceError):
        opened("x" * 5000)


def test_a_file_address_is_the_file(tmp_path):
    photo = tmp_path / "a photo é.png"
    cv2.imwrite(str(photo), np.zeros((1, 1), np.uint8))
    for url in (photo.as_uri(), "FILE://localhost" + photo.as_uri()[7:], f"file://{photo}"):
        assert isinstance(opened(url), Photos)
    with pytest.raises(SourceError, match="of another computer"):
        opened("file://server/share/film.mp4")
    with pytest.raises(SourceError, match="no camera and no file is called /no/such"):
        opened("file:///no/such")


def test_a_motion_jpeg_file_is_a_video(tmp_path):
    picture = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    (tmp_path / "film.MJPEG").write_bytes(picture * 5)
    with opened(tmp_path / "film.MJPEG") as film:
        assert isinstance(film, VideoFile) and len(list(film)) == 5


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXTINF:1,\nfilm.avi\n#EXT-X-ENDLIST\n",
        "\ufeff\n#EXTM3U\nhttp://127.0.0.1:9/x\n",
        "ffconcat version 1.0\nfile film.avi\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nm=video 5000 RTP/AVP 26\r\n",
        '<?xml version="1.0"?>\n<MPD type="static"></MPD>',
    ],
    ids=["m3u8", "bom", "ffconcat", "sdp", "dash"],
)
@pytest.mark.parametrize("name", ["list.m3u8", "film.mp4"])
def test_a_playlist_opens_no_other_file(tmp_path, content, name):
    writer = cv2.VideoWriter(
        str(tmp_path / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64)
    )
    writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=f"{name} is a playlist, which names other files"):
        opened(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    ["a%03d.avi", "concat:a.avi|b.avi", "-a.avi", "~a.avi", "a\nb.avi", "http:a.avi", "A.AVI"],
)
def test_a_name_of_a_film_means_nothing_to_ffmpeg(tmp_path, monkeypatch, name):
    writer = cv2.VideoWriter(str(tmp_path / "x.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.write(np.full((64, 64, 3), 99, np.uint8))
    writer.release()
    (tmp_path / "x.avi").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with opened(name) as film:
        assert len(list(film)) == 2
