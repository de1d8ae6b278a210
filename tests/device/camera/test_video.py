"""Video files: every frame with its time, broken ones refused."""

import os
import subprocess
import sys
from datetime import timedelta

import cv2
import numpy as np
import pytest

from device.camera import is_live
from device.camera.video import VideoFile
from device.errors import SourceError


@pytest.fixture
def video(tmp_path):
    """Ten frames at 5 frames/s, each brighter than the one before."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    noise = np.random.default_rng(0).integers(0, 50, (240, 320, 3))
    for level in range(0, 200, 20):
        writer.write((noise + level).astype(np.uint8))
    writer.release()
    return path


def test_a_video_gives_every_frame_with_its_time(video):
    with VideoFile(video) as camera:
        frames = list(camera)
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[9].time - frames[0].time == timedelta(seconds=9 / 5)
    levels = [frame.bgr.mean() for frame in frames]
    assert levels == sorted(levels) and frames[0].source == "video.avi"
    assert camera.fps == 5 and camera.mode == "320x240, 5 frames/s" and not is_live(camera)


def test_a_truncated_video_gives_the_frames_it_has(video):
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 2 // 3])
    with VideoFile(video) as camera:
        assert 1 <= len(list(camera)) < 10


@pytest.mark.parametrize("content", [b"", b"not a video", bytes(5000)])
def test_a_file_that_is_not_a_video_is_named(tmp_path, content):
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    with pytest.raises(
        SourceError, match=r"fake.mp4 is not a video that can be read. Try: ffprobe"
    ):
        VideoFile(path)


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
