"""A slow output in the background: live cameras are not delayed, videos lose nothing."""

import threading
import time

import pytest

from device.errors import FacetError
from device.outputs import background
from device.outputs.background import QUEUE_SIZE, BackgroundOutput
from tests.device.outputs.made_up import result


class Slow:
    """An output that takes its time, and fails at one frame."""

    def __init__(self, takes_s=0.0, fails_at=-1):
        self.takes_s, self.fails_at = takes_s, fails_at
        self.written, self.open = [], False

    def __enter__(self):
        self.open = True
        return self

    def __exit__(self, *exc):
        self.open = False

    def write(self, given):
        time.sleep(self.takes_s)
        if given.frame.index == self.fails_at:
            raise FacetError("the disk is full")
        self.written.append(given.frame.index)


class Hung(Slow):
    """An output whose disk does not answer until the test is over."""

    def __init__(self):
        super().__init__()
        self.answer = threading.Event()

    def write(self, given):
        self.answer.wait(60)


def test_a_live_camera_is_not_delayed(capsys):
    slow = Slow(takes_s=0.1)
    with BackgroundOutput(slow, "a.mp4", live=True) as output:
        started = time.perf_counter()
        for n in range(40):
            assert output.write(result(index=n)) is None
        assert time.perf_counter() - started < 2  # 3.5 s, had it waited
        dropped = output.dropped
    assert len(slow.written) == 40 - dropped >= QUEUE_SIZE and slow.written == sorted(slow.written)
    assert f"a.mp4: {dropped} frames dropped" in capsys.readouterr().err
    assert not slow.open and "a.mp4" not in [thread.name for thread in threading.enumerate()]


def test_a_video_loses_nothing():
    slow = Slow(takes_s=0.002)
    with BackgroundOutput(slow, "a.mp4", live=False) as output:
        for n in range(60):
            output.write(result(index=n))
    assert slow.written == list(range(60)) and not output.dropped


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("fails_at, frames", [(1, 200), (0, 1)])
def test_a_fault_is_raised_at_a_later_write_or_at_the_end(live, fails_at, frames):
    slow = Slow(fails_at=fails_at)
    with (
        pytest.raises(FacetError, match="disk is full"),
        BackgroundOutput(slow, "a.mp4", live) as output,
    ):
        for n in range(frames):
            output.write(result(index=n))
            time.sleep(0.001)
    assert not slow.open and len(slow.written) <= fails_at


@pytest.mark.parametrize("frames", [1, QUEUE_SIZE + 1])
def test_a_disk_that_hangs_is_named_within_the_join_limit_and_not_closed(monkeypatch, frames):
    """Closing what a thread still writes would hang, or crash in native code."""
    monkeypatch.setattr(background, "JOIN_S", 0.2)
    hung = Hung()
    started = time.monotonic()
    with (
        pytest.raises(FacetError, match=r"a.mp4 did not stop within 0.2 s"),
        BackgroundOutput(hung, "a.mp4", live=True) as output,
    ):
        for n in range(frames):
            output.write(result(index=n))
            time.sleep(0.01)
    assert time.monotonic() - started < 5 and hung.open
    hung.answer.set()
