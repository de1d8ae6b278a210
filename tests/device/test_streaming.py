"""A source that is analyzed in the background."""

import threading

import pytest

import device as facet
from device.errors import SourceError, UsageError
from device.settings import Settings
from device.streaming import Stream
from tests.device.outputs.made_up import result


def test_a_stream_has_its_first_result_when_it_is_returned():
    with facet.stream("demo", max_frames=3) as stream:
        assert stream.latest.frame.source == "demo"
        list(stream)
        assert stream.ended and stream.latest.frame.index == 2


def test_a_stream_gives_each_newest_result_once_in_order():
    with facet.stream("demo", max_frames=30) as stream:
        seen = [result.frame.index for result in stream]
    assert seen == sorted(set(seen)) and seen[-1] == 29


def test_closing_ends_the_thread_and_the_iteration():
    before = threading.active_count()
    with facet.stream("demo") as stream:
        for _ in stream:
            stream.close()
    assert stream.ended and threading.active_count() == before
    stream.close()  # again


def test_what_is_wrong_with_a_source_is_raised_at_once(tmp_path):
    before = threading.active_count()
    with pytest.raises(SourceError, match="no-such"):
        facet.stream(tmp_path / "no-such.mp4")
    with pytest.raises(UsageError, match="unknown setting"):
        facet.stream("demo", detekt_hz=3)
    assert threading.active_count() == before


def test_a_fault_is_raised_to_every_reader():
    started = threading.Event()

    def results(settings, stopping):
        yield result()
        started.wait(30)
        raise SourceError("the cable is out", "plug it in")

    with Stream(Settings(), results) as stream:
        assert stream.latest.frame.index == 0
        started.set()
        for read in (lambda: list(stream), lambda: list(stream), lambda: stream.latest):
            with pytest.raises(SourceError, match="cable"):
                read()


def test_a_source_without_frames_gives_a_stream_that_has_ended():
    with Stream(Settings(), lambda *_: (one for one in ())) as stream:
        assert stream.ended and stream.latest is None and list(stream) == []
