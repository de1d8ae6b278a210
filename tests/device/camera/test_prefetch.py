"""Prefetching: every item, in order, faults handed over, no thread left."""

import contextlib
import threading
import time

import pytest

from device.camera import prefetch as module
from device.camera.prefetch import prefetch
from device.errors import FacetError, SourceError


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@pytest.mark.parametrize("size", [1, 3, 200])
def test_every_item_in_order(size):
    assert list(prefetch(range(100), size)) == list(range(100)) and not threads()


def test_an_empty_source():
    assert list(prefetch([])) == []


def test_items_that_are_none_or_empty_are_items():
    assert list(prefetch([None, (), 0])) == [None, (), 0]


@pytest.mark.parametrize("size", [1, 3])
def test_at_most_so_many_ahead(size):
    read = []
    items = prefetch((read.append(n) or n for n in range(100)), size)
    assert next(items) == 0
    until = time.monotonic() + 10
    while len(read) < 1 + size and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(0.05)
    assert len(read) == 1 + size
    items.close()
    assert not threads()


def test_a_source_that_gives_nothing_is_left_soon_after_a_stop(caplog):
    hang, stop = threading.Event(), threading.Event()

    def source():
        yield 1
        hang.wait()

    items = prefetch(source(), stopping=stop.is_set)
    next(items)
    threading.Timer(0.2, stop.set).start()
    started_s = time.monotonic()
    with caplog.at_level("WARNING", "facet"):
        assert list(items) == []
    assert time.monotonic() - started_s < 10 and "stays open" in caplog.text
    hang.set()
    threads()[0].join()


def test_nothing_is_read_while_a_large_item_is_in_use():
    read = []
    items = prefetch((read.append(n) or n for n in range(4)), 1, alone=lambda n: n in (0, 1))
    for n in range(3):
        assert next(items) == n
        time.sleep(0.05)
        assert len(read) == n + 1 or n == 2
    assert list(items) == [3] and not threads()


def test_a_fault_is_raised_after_the_items_before_it():
    def source():
        yield 1
        raise SourceError("gone")

    items = prefetch(source())
    assert next(items) == 1
    with pytest.raises(SourceError, match="gone"):
        next(items)
    assert not threads()


def test_a_fault_beyond_the_last_item_taken_is_not_raised():
    def source():
        yield 1
        raise SourceError("gone")

    with contextlib.closing(prefetch(source())) as items:
        assert next(items) == 1
    assert not threads()


def test_a_fault_of_closing_the_source_is_raised():
    def source():
        try:
            yield from range(100)
        finally:
            raise SourceError("cannot be closed")

    items = prefetch(source())
    next(items)
    with pytest.raises(SourceError, match="cannot be closed"):
        items.close()
    assert not threads()


def test_closing_closes_the_source():
    closed = []

    def source():
        try:
            yield from range(100)
        finally:
            closed.append(threading.current_thread().name)

    items = prefetch(source())
    next(items)
    items.close()
    assert closed == ["prefetch"] and not threads()


def test_a_source_that_hangs_is_a_fault_within_the_limit(monkeypatch):
    monkeypatch.setattr(module, "JOIN_TIMEOUT_S", 0.1)
    hang = threading.Event()

    def source():
        yield 1
        hang.wait()

    items = prefetch(source())
    next(items)
    started_s = time.monotonic()
    with pytest.raises(FacetError, match=r"prefetch did not stop within 0.1 s"):
        items.close()
    assert time.monotonic() - started_s < 10 and len(threads()) == 1
    hang.set()
    threads()[0].join()
