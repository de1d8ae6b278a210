"""A video that begins again at its end: its times, its speed, and what cannot be repeated."""

import itertools
from datetime import timedelta

import cv2
import numpy as np
import pytest

from device.camera import is_live
from device.camera.demo import Demo
from device.camera.open import open_camera
from device.camera.repeat import LATE_S, MAX_WAIT_S, PlaybackClock, Played, Repeated
from device.errors import SourceError, UsageError
from device.models import load_models
from device.pipeline import build_pipeline
from device.settings import CameraSettings, Settings


class FakeClock:
    """A clock that only `sleep` moves."""

    def __init__(self):
        self.now_s, self.stopped = 100.0, False

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds

    def playback(self):
        return PlaybackClock(lambda: self.stopped, self, self.sleep)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def video(tmp_path):
    """Ten frames at 5 frames/s."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    for level in range(0, 200, 20):
        writer.write(np.full((240, 320, 3), level, np.uint8))
    writer.release()
    return path


def test_numbers_and_times_go_on_where_the_clip_begins_again(clock):
    with Repeated(lambda _: Demo(), clock.playback()) as camera:
        frames = list(itertools.islice(camera, 610))
    assert [frame.index for frame in frames] == list(range(610))
    assert np.allclose(np.diff([frame.at_s for frame in frames]), 1 / 25)
    steps = [later.time - frame.time for frame, later in itertools.pairwise(frames)]
    assert max(steps) - min(steps) < timedelta(milliseconds=1)
    assert [frame.index for frame in frames if frame.cut] == [300, 600]
    np.testing.assert_array_equal(frames[7].bgr, frames[307].bgr)
    assert camera.mode == "640x480, 25 frames/s, repeated" and not is_live(camera)


def test_it_plays_at_its_own_speed(clock):
    with Repeated(lambda _: Demo(), clock.playback()) as camera:
        seen_s = [clock.now_s - 100 for _ in itertools.islice(camera, 400)]
    assert np.allclose(seen_s, np.arange(400) / 25)


def test_a_slow_loop_is_not_hurried_and_times_are_when_frames_are_played(clock):
    playback = clock.playback()
    playback.wait(0.0)
    clock.now_s += 5.0
    playback.wait(0.04)
    assert clock.now_s == 105.0 and playback.late_s == pytest.approx(4.96)
    playback.wait(0.08)
    assert clock.now_s == pytest.approx(105.04)
    clock.now_s += LATE_S  # a moment is caught up
    playback.wait(0.12)
    playback.wait(0.36)
    assert clock.now_s == pytest.approx(105.32) and playback.late_s == pytest.approx(4.96)


def test_a_picture_that_stands_for_long_is_not_waited_for(clock):
    playback = clock.playback()
    playback.wait(0.0)
    playback.wait(60.0)
    assert clock.now_s == pytest.approx(100 + MAX_WAIT_S)
    playback.wait(60.5)
    assert clock.now_s == pytest.approx(100.5 + MAX_WAIT_S)


def test_a_stop_ends_the_wait(clock):
    playback = clock.playback()
    playback.wait(0.0)
    clock.stopped = True
    playback.wait(0.9)
    assert clock.now_s == 100.0


def test_a_video_file_is_opened_again_with_its_turn(video):
    settings = CameraSettings(source=str(video), repeat=True, rotate=90)
    with open_camera(settings) as camera:
        assert camera.mode == "320x240, 5 frames/s, turned by 90 degrees, repeated"
        camera._playback = PlaybackClock(lambda: True)  # does not wait
        frames = list(itertools.islice(camera, 25))
    assert [frame.bgr.shape for frame in frames] == 25 * [(320, 240, 3)]
    assert [frame.at_s for frame in frames] == pytest.approx(np.arange(25) / 5)
    assert camera.frame_bytes == 3 * 320 * 240


def test_a_file_that_has_gone_ends_it(video):
    with open_camera(CameraSettings(source=str(video), repeat=True)) as camera:
        camera._playback = PlaybackClock(lambda: True)
        frames = iter(camera)
        next(frames)
        video.unlink()
        with pytest.raises(SourceError, match=r"video\.avi"):
            list(frames)


@pytest.mark.parametrize("source", ["photo", "folder", "-"])
def test_what_has_no_beginning_to_go_back_to_is_refused(tmp_path, source):
    cv2.imwrite(str(tmp_path / "me.png"), np.zeros((48, 64, 3), np.uint8))
    path = {"photo": tmp_path / "me.png", "folder": tmp_path}.get(source, source)
    with pytest.raises(UsageError, match=r"--repeat plays a video again, not .*Try: --camera clip"):
        open_camera(CameraSettings(source=str(path), repeat=True))


class OneShot(Demo):
    """The first 1.2 s of the clip, in which one face hardly moves."""

    def __iter__(self):
        yield from itertools.islice(super().__iter__(), 30)


def test_tracks_are_not_joined_over_the_seam(clock):
    settings, camera = Settings(), Repeated(lambda _: OneShot(), clock.playback())
    with camera:
        pipeline = build_pipeline(settings, load_models(settings), camera)
        results = list(itertools.islice(pipeline, 60))
    before, after = (
        {face.id for r in part for face in r.faces} for part in (results[:30], results[30:])
    )
    assert len(before) == len(after) == 1 and before != after
    assert all(result.faces for result in results)  # verified at once in each first frame


def test_it_has_no_effect_on_a_live_camera(tmp_path):
    """A camera does not end, so the setting may stay in a file."""
    from device.camera.v4l2 import V4l2

    with pytest.raises(SourceError, match="usb:0"):
        open_camera(CameraSettings(source="usb:0", repeat=True), v4l2=V4l2(tmp_path))


def test_a_video_that_is_played_comes_at_its_own_speed_once(clock, video):
    with open_camera(CameraSettings(source=str(video))) as film:
        camera = Played(film, clock.playback())
        assert (camera.name, camera.fps, is_live(camera)) == ("video.avi", 5, False)
        due_s = [(frame.index, clock.now_s - 100) for frame in camera]
    assert [index for index, _ in due_s] == list(range(10))
    assert [at_s for _, at_s in due_s] == pytest.approx([n / 5 for n in range(10)])
