"""Pictures are turned and mirrored where frames enter, and left alone by default."""

import cv2
import numpy as np
import pytest

from device.camera.open import open_camera
from device.camera.orientation import Orientation
from device.config import merge
from device.errors import UsageError
from device.settings import CameraSettings, Settings
from tests.device.camera.video_driver import Driver, FakeCamera
from tests.device.camera.wire import Page, web

PICTURE = np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["", "horizontal", "vertical"])
def test_a_photo_is_turned_clockwise_then_mirrored(tmp_path, rotate, flip):
    cv2.imwrite(str(tmp_path / "photo.png"), PICTURE)
    source = str(tmp_path / "photo.png")
    with open_camera(CameraSettings(source=source, rotate=rotate, flip=flip)) as camera:
        (frame,) = camera
    expected = np.rot90(PICTURE, -rotate // 90)
    expected = {"": expected, "horizontal": expected[:, ::-1], "vertical": expected[::-1]}[flip]
    assert np.array_equal(frame.bgr, expected)


def test_without_a_turn_nothing_is_copied():
    assert Orientation().apply(PICTURE) is PICTURE


def test_another_angle_is_refused():
    with pytest.raises(UsageError, match=r"rotate = 45\. Try: 0, 90, 180 or 270"):
        merge(Settings(), {"camera": {"rotate": 45}}, "f")


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["", "horizontal"])
def test_a_live_camera_is_turned(tmp_path, rotate, flip):
    (tmp_path / "dev").mkdir()
    driver = Driver(tmp_path / "dev")
    driver.plug(0, FakeCamera(picture=PICTURE))
    wanted = {"source": "usb:0", "width": 640, "height": 480}
    with open_camera(CameraSettings(**wanted), v4l2=driver.v4l2) as camera:
        plain = next(iter(camera)).bgr
    settings = CameraSettings(**wanted, rotate=rotate, flip=flip)
    with open_camera(settings, v4l2=driver.v4l2) as camera:
        frame = next(iter(camera))
        assert ("turned" in camera.mode, "mirrored" in camera.mode) == (rotate > 0, flip > "")
        assert np.array_equal(frame.bgr, Orientation(rotate, flip).apply(plain))


@pytest.mark.parametrize("rotate, expected", [(0, 0), (90, 1), (180, 3), (270, 2)])
def test_a_network_film_is_turned(tmp_path, monkeypatch, rotate, expected):
    """Its left upper quarter is white: clockwise, each turn moves it to the next corner."""
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "SILENT")
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(tmp_path / "a.ts"), cv2.CAP_FFMPEG, codec, 10, (64, 48))
    for _ in range(30):
        writer.write(picture)
    writer.release()
    head = b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n"
    pages = {
        "/a.m3u8": Page(
            head + b"#EXTINF:3,\na.ts\n#EXT-X-ENDLIST\n", "application/vnd.apple.mpegurl"
        ),
        "/a.ts": Page((tmp_path / "a.ts").read_bytes(), "video/mp2t"),
    }
    with web(pages) as server:
        source = f"http://127.0.0.1:{server.server_port}/a.m3u8"
        with open_camera(CameraSettings(source=source, rotate=rotate)) as camera:
            frames = list(camera)
    assert len(frames) == 30
    for bgr in (frames[0].bgr, frames[-1].bgr):
        half_h, half_w = bgr.shape[0] // 2, bgr.shape[1] // 2
        quarters = (bgr[:half_h, :half_w], bgr[:half_h, half_w:], bgr[half_h:, :half_w])
        means = [quarter.mean() for quarter in (*quarters, bgr[half_h:, half_w:])]
        assert int(np.argmax(means)) == expected
