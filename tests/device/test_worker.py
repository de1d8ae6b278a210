"""The one kind of thread: it stops within a limit, and no fault of it is lost."""

import threading
import time

import pytest

from device.errors import FacetError
from device.worker import Worker


def wait_for_stop(worker):
    worker.stopping.wait(60)


def fail(worker):
    raise OSError("the card was pulled")


def test_leaving_the_block_stops_the_thread():
    with Worker("reader", wait_for_stop) as worker:
        assert worker.running and not worker.done.is_set()
        assert "reader" in [thread.name for thread in threading.enumerate()]
    assert not worker.running and worker.done.is_set()


def test_a_worker_that_was_never_started_can_be_stopped():
    worker = Worker("reader", fail)
    worker.stop()
    assert not worker.running and not worker.done.is_set()


def test_work_that_ends_by_itself_is_done():
    with Worker("reader", lambda worker: None) as worker:
        assert worker.done.wait(5)
        worker.check()


def test_stop_wakes_a_thread_that_waits_for_something_else():
    arrived = threading.Event()
    started = time.monotonic()
    with Worker("reader", lambda worker: arrived.wait(60), wake=arrived.set):
        pass
    assert time.monotonic() - started < 5


def test_a_thread_that_does_not_stop_is_a_fault_within_the_limit():
    release = threading.Event()
    started = time.monotonic()
    with (
        pytest.raises(FacetError, match=r"reader did not stop within 0.1 s"),
        Worker("reader", lambda worker: release.wait(60), join_s=0.1),
    ):
        pass
    assert time.monotonic() - started < 5
    release.set()


def test_a_fault_is_handed_over_once():
    worker = Worker("reader", fail).start()
    assert worker.done.wait(5)
    with pytest.raises(OSError, match="the card was pulled"):
        worker.check()
    worker.check()
    worker.stop()


def test_a_fault_that_nobody_asked_for_is_raised_at_the_end():
    with pytest.raises(OSError, match="the card was pulled"), Worker("reader", fail):
        pass


@pytest.mark.parametrize("fault", [SystemExit(3), KeyboardInterrupt()])
def test_no_fault_is_silent_not_even_one_that_ends_a_process(fault):
    def leave(worker):
        raise fault

    with pytest.raises(type(fault)), Worker("reader", leave):
        pass


def test_a_fault_of_the_block_is_not_replaced_by_the_threads():
    with pytest.raises(ValueError, match="of the block"), Worker("reader", fail):
        raise ValueError("of the block")


def test_closing_a_generator_hides_no_fault():
    """A window that is closed ends its generator of results with GeneratorExit."""

    def results():
        with Worker("reader", fail) as worker:
            assert worker.done.wait(5)
            yield 1
            yield 2

    running = results()
    assert next(running) == 1
    with pytest.raises(OSError, match="the card was pulled"):
        running.close()
