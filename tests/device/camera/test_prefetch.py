"""Reading ahead: every frame, in order, faults handed on, no thread left."""

import threading
import time

import pytest

from device.camera.prefetch import FRAMES, ahead
from device.errors import SourceError


def readers():
    return [one for one in threading.enumerate() if one.name == "reader"]


def test_every_item_in_order():
    assert list(ahead(range(100))) == list(range(100)) and not readers()


def test_a_few_ahead_and_no_more():
    read = []
    frames = ahead(read.append(n) or n for n in range(100))
    assert next(frames) == 0
    time.sleep(0.2)
    assert len(read) <= FRAMES + 3
    frames.close()
    assert not readers()


def test_what_reading_raises_is_raised_after_what_was_read():
    def camera():
        yield 1
        raise SourceError("gone")

    frames = ahead(camera())
    assert next(frames) == 1
    with pytest.raises(SourceError, match="gone"):
        next(frames)
    assert not readers()


def test_an_empty_source():
    assert list(ahead([])) == []
