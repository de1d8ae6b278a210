"""The recording: every frame at its time, whole after a kill, and never in another file's place."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest

from device.errors import FacetError, UsageError
from device.outputs import video, video_file
from device.outputs.video import VideoRecord
from tests.conftest import ROOT
from tests.device.outputs.made_up import face, result

SUFFIXES = ("mp4", "mov", "mkv", "avi")


@pytest.fixture(params=["PyAV", "OpenCV"])
def encoder(request, monkeypatch):
    """Both ways to encode."""
    if request.param == "OpenCV":
        monkeypatch.setattr(video, "h264_encoder", lambda: "")
    elif not video_file.h264_encoder():
        pytest.skip("needs PyAV with an H.264 encoder")
    return request.param


def times_in(path):
    """Return the times of a video's frames, s, and their shapes."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    times, shapes = [], set()
    while (read := capture.read())[0]:
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        shapes.add(read[1].shape)
    return times, shapes


def frames_in(path):
    return len(times_in(path)[0])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recording_has_every_frame_at_the_first_ones_size(tmp_path, encoder, suffix):
    path = tmp_path / f"out.{suffix}"
    with VideoRecord(path, 10, timed=False) as record:
        for index in range(6):
            assert record.write(result(face(), index=index, shape=(121, 161, 3))) is None
        record.write(result(face(), shape=(300, 100, 3)))  # a camera that changes its size
        record.write(result(face(), shape=(1, 1, 3)))
    times, shapes = times_in(path)
    assert shapes == {(120, 160, 3)}
    np.testing.assert_allclose(times, np.arange(8) / 10, atol=0.002)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 2, 3), (17, 3, 3), (5000, 20, 3), (90, 161, 3)])
def test_any_size_of_frame_can_be_recorded(tmp_path, encoder, shape):
    path = tmp_path / "out.mp4"
    with VideoRecord(path, 10) as record:
        for index in range(3):
            record.write(result(seconds=index / 10, shape=shape))
    assert frames_in(path) == 3


def test_a_recording_does_not_draw_into_the_frame(tmp_path):
    given = result(face())
    with VideoRecord(tmp_path / "out.avi", 10) as record:
        record.write(given)
    assert (given.frame.bgr == 90).all()


def test_a_recording_without_frames_leaves_no_file(tmp_path, encoder):
    with VideoRecord(tmp_path / "out.mp4", 10):
        pass
    assert list(tmp_path.iterdir()) == []


def test_frames_keep_their_times(tmp_path):
    if not video_file.h264_encoder():
        pytest.skip("needs PyAV with an H.264 encoder")
    at_s = [5.0, 5.04, 5.5, 5.5, 9.0, 40.0, 41.5]  # one clock stood still, one camera was away
    for name in ("out.mp4", "out.mkv"):
        with VideoRecord(tmp_path / name, 25) as record:
            for seconds in at_s:
                record.write(result(face(), seconds=seconds))
        times, _ = times_in(tmp_path / name)
        np.testing.assert_allclose(times, np.array(at_s) - 5, atol=0.002)


def test_at_a_constant_rate_a_recording_runs_as_fast_as_the_world(tmp_path):
    path = tmp_path / "out.avi"
    with VideoRecord(path, 10) as record:
        for index in range(6):  # the camera promised 10 frames/s, a slow model analyzed 2
            record.write(result(face(), seconds=index / 2, index=index))
    assert frames_in(path) == 26  # 2.5 s and the last one


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_set_changes_no_recording(tmp_path, encoder, hours):
    path = tmp_path / "out.mp4"
    with VideoRecord(path, 10) as record:
        for index in range(8):
            given = result(face(), seconds=index / 10, index=index)
            if index >= 4:
                moved = replace(given.frame, time=given.frame.time + timedelta(hours=hours))
                given = replace(given, frame=moved)
            record.write(given)
    assert frames_in(path) == 8


KILLED = """
import sys
from device.outputs import video
from tests.device.outputs.test_video import noise
if sys.argv[2] == "OpenCV":
    video.h264_encoder = lambda: ""
record = video.VideoRecord(video.Path(sys.argv[1]), 10)
for index in range(40):
    record.write(noise(index))
print(flush=True)
input()
"""


def noise(index):
    """Return a result, every 0.1 s, whose picture takes many bytes."""
    given = result(seconds=index / 10, index=index, shape=(240, 320, 3))
    given.frame.bgr[:] = np.random.default_rng(index).integers(0, 255, (240, 320, 3), np.uint8)
    return given


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_killed_leaves_a_video_that_plays(tmp_path, encoder, suffix):
    path = tmp_path / f"out.{suffix}"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, path, encoder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert os.listdir(tmp_path) == [path.name]
    # PyAV: all but the last second. OpenCV: all but its last 256 kB, here up to 20 frames.
    assert frames_in(path) >= (29 if encoder == "PyAV" and suffix != "avi" else 18)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "code, hint", [(errno.ENOSPC, "free the disk"), (errno.EFBIG, "ulimit -f unlimited")]
)
def test_a_full_disk_or_a_limit_ends_the_recording_and_nothing_else(
    tmp_path, monkeypatch, caplog, suffix, code, hint
):
    if not video_file.h264_encoder():
        pytest.skip("needs PyAV with an H.264 encoder")
    path = tmp_path / f"out.{suffix}"
    write = os.write

    def full(descriptor, content):
        if os.fstat(descriptor).st_size + len(content) > 900_000:
            raise OSError(code, os.strerror(code))
        return write(descriptor, content[:5000])  # a disk may take a part

    monkeypatch.setattr(video_file.os, "write", full)
    fault = rf"out\.\w+ holds (\d+) of 40 frames: {os.strerror(code)}\. Try: {hint}"
    with pytest.raises(FacetError, match=fault) as caught, VideoRecord(path, 10) as record:
        for index in range(40):
            record.write(noise(index))
    kept = int(str(caught.value).split(" holds ")[1].split()[0])
    assert 9 <= kept <= frames_in(path) < 40
    assert caplog.text.count("the recording ends here") == 1


@pytest.mark.parametrize("link", [None, "else.mp4", "nowhere.mp4"])
def test_a_recording_does_not_overwrite_another(tmp_path, encoder, link):
    path, other = tmp_path / "out.mp4", tmp_path / "else.mp4"
    other.write_bytes(b"kept")
    path.symlink_to(link) if link else path.write_bytes(b"old")
    (tmp_path / "out.1.mp4").symlink_to("away")  # a name that is taken, though it leads nowhere
    with VideoRecord(path, 10) as record:
        record.write(result(face()))
    assert record.moved_to == tmp_path / "out.2.mp4"
    assert frames_in(path) == 1 and not path.is_symlink()
    assert other.read_bytes() == b"kept" and not (tmp_path / "nowhere.mp4").exists()


def test_only_the_owner_may_read_a_recording_of_faces(tmp_path, encoder):
    before = os.umask(0o077)
    try:
        with VideoRecord(tmp_path / "out.mp4", 10) as record:
            record.write(result(face()))
    finally:
        os.umask(before)
    assert (tmp_path / "out.mp4").stat().st_mode & 0o777 == 0o600


def test_a_recording_that_is_not_on_the_disk_is_a_fault(tmp_path, encoder):
    path = tmp_path / "out.mp4"
    with (
        pytest.raises(FacetError, match=r"out.mp4 holds 0 of 1 frames"),
        VideoRecord(path, 10) as record,
    ):
        record.write(result(face()))
        path.unlink()


@pytest.mark.parametrize(
    "name, reason",
    [
        ("out.jpeg", r"unknown suffix '\.jpeg'\. Try: one of \.mp4, \.mov, \.mkv, \.avi"),
        ("out", "unknown suffix ''"),
        ("out.webm", "unknown suffix"),
        ("folder.mp4", "it is not a file"),
        ("pipe.mp4", "it is not a file"),
        ("file.mp4/out.mp4", r"cannot record .*(Not a directory|File exists)"),
        (f"{'x' * 300}.mp4", "File name too long"),
    ],
)
def test_what_cannot_be_recorded_to(tmp_path, name, reason):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UsageError, match=reason):
        VideoRecord(tmp_path / name, 10)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_format_that_takes_pyav_is_noted_without_it(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(video, "h264_encoder", lambda: "")
    with VideoRecord(tmp_path / f"a.{suffix}", 10) as record:
        assert ("Matroska" in record.note) == (suffix in ("mp4", "mov"))
