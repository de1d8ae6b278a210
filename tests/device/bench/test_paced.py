"""The paced camera: its times, by a clock that is passed in, and that it counts as live."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.bench.probes import compat
from device.bench.probes.paced import PacedDevice, Pacer
from device.camera import is_live
from device.settings import Settings


class Clock:
    """A clock that only sleeping moves; each sleep lasts `late_s` too long."""

    def __init__(self, late_s: float = 0.0):
        self.now_s, self.late_s, self.slept = 100.0, late_s, 0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds + self.late_s
        self.slept += 1


def test_the_first_frame_is_due_at_once_and_each_other_a_period_later():
    clock = Clock()
    pacer = Pacer(0.5, clock, clock.sleep)
    assert [(pacer.wait(), clock.now_s) for _ in range(3)] == [(0, 100.0), (1, 100.5), (2, 101.0)]


def test_sleeps_that_last_too_long_do_not_add_up():
    clock = Clock(late_s=0.01)
    pacer = Pacer(0.04, clock, clock.sleep)
    assert [pacer.wait() for _ in range(1001)] == list(range(1001))
    assert clock.now_s == pytest.approx(100 + 1000 * 0.04 + 0.01)


def test_frames_that_were_missed_are_left_out():
    clock = Clock()
    pacer = Pacer(1.0, clock, clock.sleep)
    pacer.wait()
    clock.now_s = 103.25  # 1 and 2 were missed; 3 is late, and comes at once
    assert (pacer.wait(), clock.now_s) == (3, 103.25)
    assert (pacer.wait(), clock.now_s) == (4, 104.0)


def test_a_frame_that_is_late_by_less_than_a_period_is_not_left_out():
    clock = Clock()
    pacer = Pacer(1.0, clock, clock.sleep)
    pacer.wait()
    clock.now_s = 101.75
    assert (pacer.wait(), clock.now_s) == (1, 101.75)
    assert (pacer.wait(), clock.now_s) == (2, 102.0)


@given(st.lists(st.floats(0, 5), max_size=30))
def test_numbers_rise_and_no_frame_comes_before_it_is_due(works_s):
    clock = Clock()
    pacer, last = Pacer(0.25, clock, clock.sleep), -1
    for work_s in works_s:
        number = pacer.wait()
        assert number > last and clock.now_s >= 100 + 0.25 * number - 1e-6
        last = number
        clock.now_s += work_s


def test_it_sleeps_once_for_a_frame():
    clock = Clock()
    pacer = Pacer(0.04, clock, clock.sleep)
    for _ in range(11):
        pacer.wait()
    assert clock.slept == 10


def test_a_device_repeats_its_pictures():
    clock = Clock()
    pictures = [np.full((4, 6, 3), level, np.uint8) for level in (1, 2)]
    device = PacedDevice(pictures, 10.0, Pacer(0.1, clock, clock.sleep))
    assert device.mode == "6x4, 10 frames/s"
    assert [int(device.read()[0, 0, 0]) for _ in range(3)] == [1, 2, 1]


def test_as_a_camera_it_is_live_and_gives_frames_in_order():
    device = PacedDevice([np.zeros((4, 6, 3), np.uint8)], 200.0)
    with compat.live_camera(device, Settings()) as camera:
        assert is_live(camera) and camera.fps == 200.0
        frames = [frame for frame, _ in zip(camera, range(3), strict=False)]
    indexes = [frame.index for frame in frames]
    assert len(set(indexes)) == 3 and indexes == sorted(indexes)
