import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from device.camera import is_live
from device.camera.demo import Demo
from device.camera.newest_frame import NewestFrameReader
from device.camera.open import open_camera
from device.camera.photos import Photos
from device.camera.video import VideoFile
from device.errors import FacetError, SourceError, UsageError
from device.settings import CameraSettings
from device.types import Frame


def opened(source):
    return open_camera(CameraSettings(source=str(source)))


@pytest.fixture
def film(tmp_path):
    """Ten frames at 5 frames/s, each brighter than the one before."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    noise = np.random.default_rng(0).integers(0, 50, (240, 320, 3))
    for level in range(0, 200, 20):
        writer.write((noise + level).astype(np.uint8))
    writer.release()
    return path


def test_a_video_gives_every_frame_with_its_time(film):
    with opened(film) as camera:
        frames = list(camera)
    assert [f.index for f in frames] == list(range(10))
    assert frames[9].time - frames[0].time == timedelta(seconds=9 / 5)
    levels = [f.bgr.mean() for f in frames]
    assert levels == sorted(levels) and frames[0].source == "film.avi"
    assert isinstance(camera, VideoFile) and not is_live(camera) and camera.fps == 5


def test_a_truncated_video_gives_the_frames_it_has(film):
    content = film.read_bytes()
    film.write_bytes(content[: len(content) * 2 // 3])
    with opened(film) as camera:
        assert 1 <= len(list(camera)) < 10


@pytest.mark.parametrize("content", [b"", b"this is no film", bytes(5000)])
def test_a_file_that_is_not_a_video_is_named(tmp_path, content):
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"cannot read \S+fake.mp4 as a video. Try: ffprobe"):
        opened(path)


def test_opencv_prints_nothing_about_a_broken_video(tmp_path):
    (tmp_path / "fake.mp4").write_bytes(bytes(5000))
    code = (
        "import os, device; assert not any(key.startswith('OPENCV') for key in os.environ)\n"
        "from device.camera.open import open_camera\n"
        "from device.settings import CameraSettings\n"
        f"try: open_camera(CameraSettings(source={str(tmp_path / 'fake.mp4')!r}))\n"
        "except OSError: pass"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_folders_photos_are_in_order_and_unreadable_ones_are_skipped(tmp_path, capsys):
    for name in ("b.png", "a.jpg", "c.jpg"):
        cv2.imwrite(str(tmp_path / name), np.random.default_rng(0).integers(0, 255, (90, 90, 3)))
    cut = tmp_path / "c.jpg"
    cut.write_bytes(cut.read_bytes()[:400])
    (tmp_path / "notes.txt").write_text("no photo")
    with opened(tmp_path) as camera:
        frames = list(camera)
    assert [f.source for f in frames] == ["a.jpg", "b.png"] and isinstance(camera, Photos)
    printed = capsys.readouterr().err
    assert "skipped" in printed and "c.jpg" in printed and "1 of 3 photos were skipped" in printed


def test_a_folder_of_unreadable_photos_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with opened(tmp_path) as camera, pytest.raises(SourceError, match="none of the 1 photos"):
        list(camera)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no photos in"):
        opened(tmp_path)


def test_one_photo(tmp_path):
    cv2.imwrite(str(tmp_path / "me.png"), np.zeros((1, 1), np.uint8))
    with opened(tmp_path / "me.png") as camera:
        (frame,) = camera
    assert frame.bgr.shape == (1, 1, 3) and isinstance(camera, Photos)


@pytest.mark.parametrize("source", ["usb:97", "/dev/video97"])
def test_a_camera_that_does_not_exist(source):
    with pytest.raises(
        SourceError, match=r"no camera usb:97: /dev/video97 does not exist. Try: python"
    ):
        opened(source)


def test_a_file_that_does_not_exist():
    with pytest.raises(
        SourceError, match=r"no camera or file is called nowhere.mp4. Try: one of 0,"
    ):
        opened("nowhere.mp4")


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


def test_the_demo_moves_and_is_the_same_every_time():
    first = [f.bgr for _, f in zip(range(60), Demo(), strict=False)]
    again = next(iter(Demo())).bgr
    assert first[0].shape == (480, 640, 3)
    np.testing.assert_array_equal(first[0], again)
    assert np.abs(first[0].astype(int) - first[59]).mean() > 5
    assert len(Demo()) == sum(1 for _ in Demo()) == 300


class Ticker:
    """A camera that gives a numbered frame when a test lets it."""

    name, fps, mode, reconnecting = "ticker", 30.0, "2x2", False

    def __init__(self, fault: Exception | None = None):
        self.gate, self.closed, self.given, self._fault = threading.Semaphore(0), False, 0, fault

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.closed = True

    def stop(self):
        self.stopped = True
        self.gate.release()

    def __iter__(self):
        while True:
            self.gate.acquire()
            if self._fault:
                raise self._fault
            if self.given < 0:
                return
            bgr = np.zeros((2, 2, 3), np.uint8)
            yield Frame(bgr, self.given, datetime.now(UTC), time.monotonic(), "ticker")
            self.given += 1

    def let(self, count):
        target = self.given + count
        for _ in range(count):
            self.gate.release()
        until = time.monotonic() + 5
        while self.given < target and time.monotonic() < until:
            time.sleep(0.001)


def test_only_the_newest_frame_of_a_live_camera_is_kept():
    ticker = Ticker()
    with NewestFrameReader(ticker) as reader:
        frames = iter(reader)
        ticker.let(1)
        assert next(frames).index == 0
        ticker.let(5)
        assert next(frames).index == 5 and reader.dropped == 4
    assert ticker.stopped and ticker.closed


def test_a_live_camera_that_ends_is_a_fault():
    ticker = Ticker()
    with NewestFrameReader(ticker) as reader:
        ticker.given = -1
        ticker.gate.release()
        with pytest.raises(FacetError, match="ticker stopped giving frames"):
            next(iter(reader))


def test_a_live_camera_that_hangs_is_a_fault():
    ticker = Ticker()
    with (
        NewestFrameReader(ticker, frame_timeout_s=0.05) as reader,
        pytest.raises(FacetError, match="ticker gave no frame for 0 s"),
    ):
        next(iter(reader))


def test_a_reconnecting_camera_is_waited_for():
    ticker = Ticker()
    with NewestFrameReader(ticker, frame_timeout_s=0.05) as reader:
        ticker.reconnecting = True
        threading.Timer(0.3, ticker.let, (1,)).start()
        assert next(iter(reader)).index == 0


def test_a_fault_of_the_camera_is_raised_by_the_iteration():
    ticker = Ticker(OSError("unplugged"))
    with NewestFrameReader(ticker) as reader:
        ticker.gate.release()
        with pytest.raises(OSError, match="unplugged"):
            next(iter(reader))
