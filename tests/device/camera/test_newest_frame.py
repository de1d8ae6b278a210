"""A live camera's reader: the newest frame only, faults handed over, a limit to every wait."""

import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from device.camera import is_live
from device.camera import newest_frame as module
from device.camera.newest_frame import NewestFrameReader
from device.errors import FacetError
from device.types import Frame


class Ticker:
    """A camera that gives a numbered frame when a test lets it."""

    name, fps, mode, reconnecting, finite = "ticker", 30.0, "2x2", False, False

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

    def give(self, count):
        """Let it give that many frames, and wait until they are read."""
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
        ticker.give(1)
        assert next(frames).index == 0
        ticker.give(5)
        assert next(frames).index == 5 and reader.dropped == 4
        assert is_live(reader) and reader.newest.index == 5
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
        threading.Timer(0.3, ticker.give, (1,)).start()
        assert next(iter(reader)).index == 0


def test_a_fault_of_the_camera_is_raised_by_the_iteration():
    ticker = Ticker(OSError("unplugged"))
    with NewestFrameReader(ticker) as reader:
        ticker.gate.release()
        with pytest.raises(OSError, match="unplugged"):
            next(iter(reader))


def test_a_fault_that_the_iteration_did_not_raise_is_raised_at_the_end():
    ticker = Ticker(OSError("unplugged"))
    with pytest.raises(OSError, match="unplugged"), NewestFrameReader(ticker):
        ticker.gate.release()
    assert ticker.closed


def test_an_error_of_the_caller_is_not_replaced_by_the_cameras():
    ticker = Ticker(OSError("unplugged"))
    with pytest.raises(KeyError), NewestFrameReader(ticker):
        ticker.gate.release()
        raise KeyError
    assert ticker.closed


def test_a_driver_that_hangs_does_not_delay_the_end(monkeypatch, capsys):
    monkeypatch.setattr(module, "JOIN_TIMEOUT_S", 0.1)
    ticker = Ticker()
    ticker.stop = lambda: None  # read() goes on waiting
    started_s = time.monotonic()
    with NewestFrameReader(ticker):
        pass
    assert time.monotonic() - started_s < 10 and not ticker.closed
    assert "ticker does not answer and stays open until Facet exits" in capsys.readouterr().err
    ticker.given = -1
    ticker.gate.release()


def test_stopping_ends_the_iteration_without_a_frame():
    stop = threading.Event()
    with NewestFrameReader(Ticker(), stop.is_set) as reader:
        threading.Timer(0.1, stop.set).start()
        assert list(reader) == []
