"""A slow output beside the loop: live cameras are not held up, films lose nothing."""

import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from device.errors import FacetError
from device.outputs import Result
from device.outputs.background import ROOM, BackgroundOutput
from device.types import Frame


def result(n):
    frame = Frame(np.zeros((4, 4, 3), np.uint8), n, datetime.now(UTC), n / 30, "made")
    return Result(frame, [], [], 30.0)


class Slow:
    def __init__(self, takes_s=0.0, fails_at=-1, stops_at=-1):
        self.takes_s, self.fails_at, self.stops_at = takes_s, fails_at, stops_at
        self.seen, self.open = [], False

    def __enter__(self):
        self.open = True
        return self

    def __exit__(self, *exc):
        self.open = False

    def write(self, one):
        time.sleep(self.takes_s)
        if one.frame.index == self.fails_at:
            raise FacetError("the disk is full")
        self.seen.append(one.frame.index)
        return one.frame.index != self.stops_at


def test_a_live_camera_is_not_held_up(capsys):
    slow = Slow(takes_s=0.02)
    with BackgroundOutput(slow, "a.mp4", live=True) as beside:
        begun = time.perf_counter()
        for n in range(60):
            beside.write(result(n))
        assert time.perf_counter() - begun < 0.5  # 1.2 s, had it waited
        left_out = beside.left_out
    assert len(slow.seen) == 60 - left_out >= ROOM and slow.seen == sorted(slow.seen)
    assert f"{left_out} frames left out" in capsys.readouterr().err
    assert not slow.open and not [one for one in threading.enumerate() if one.name == "a.mp4"]


def test_a_film_loses_nothing():
    slow = Slow(takes_s=0.002)
    with BackgroundOutput(slow, "a.mp4", live=False) as beside:
        for n in range(60):
            beside.write(result(n))
    assert slow.seen == list(range(60)) and not beside.left_out


@pytest.mark.parametrize("live", [True, False])
def test_what_it_raises_reaches_the_loop(live):
    with (
        pytest.raises(FacetError, match="disk is full"),
        BackgroundOutput(Slow(fails_at=1), "a", live) as b,
    ):
        for n in range(200):
            b.write(result(n))
            time.sleep(0.001)
    with (
        pytest.raises(FacetError, match="disk is full"),
        BackgroundOutput(Slow(fails_at=0), "a", live) as b,
    ):
        b.write(result(0))


def test_one_that_says_stop_stops_the_loop():
    with BackgroundOutput(Slow(stops_at=3), "a", live=False) as beside:
        n = 0
        while beside.write(result(n)) and n < 1000:
            n += 1
            time.sleep(0.001)
    assert 3 <= n < 1000
