"""A recognition process that fails is replaced: when, how often, and what the log says of it."""

import logging

import numpy as np
import pytest

from device.errors import FacetError
from device.recognition.embedding import CROP_PX, EMBEDDING_SIZE
from device.recognition.restarts import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    STEADY_S,
    TRIES,
    RestartedProcess,
)

CROP = np.zeros((CROP_PX, CROP_PX, 3), np.uint8)
EMBEDDING = np.ones(EMBEDDING_SIZE, np.float32)


class Process:
    """One process of a `Plan`."""

    def __init__(self, plan):
        self.plan, self.ready, self.busy, self.ended = plan, False, False, False

    def __enter__(self):
        self.start()
        self.ready = True
        return self

    def __exit__(self, *exc):
        self.ended = True
        if self.plan.fault:
            raise FacetError(self.plan.fault)

    def start(self):
        self.plan.starts.append(self.plan.now_s)
        self.plan.processes.append(self)

    def check(self):
        if self.plan.fault:
            raise FacetError(self.plan.fault, "dmesg | tail")
        self.ready = self.ready or self.plan.loads

    def submit(self, crop_rgb):
        assert self.ready and not self.busy
        self.busy = True

    def result(self, wait):
        self.check()
        if not (self.plan.answers or wait):
            return None
        self.busy = False
        return EMBEDDING


class Plan:
    """What the processes do, and a clock."""

    def __init__(self):
        self.now_s, self.fault, self.loads, self.answers = 1000.0, "", True, True
        self.starts, self.processes = [], []

    def restarted(self, stopping=lambda: False):
        return RestartedProcess(stopping, lambda _: Process(self), lambda: self.now_s, self.sleep)

    def sleep(self, seconds):
        self.now_s += seconds

    def polls(self, restarted, seconds, step_s=0.1):
        for _ in range(round(seconds / step_s)):
            restarted.check()
            self.now_s += step_s


@pytest.fixture
def plan():
    return Plan()


def test_one_that_ends_is_replaced_after_a_pause(plan, caplog):
    with plan.restarted() as restarted:
        plan.fault = "ended with code -9"
        restarted.check()
        assert restarted.busy and plan.processes[0].ended and len(plan.starts) == 1
        plan.fault, plan.loads = "", False
        plan.polls(restarted, FIRST_PAUSE_S + 0.3)
        assert len(plan.starts) == 2 and restarted.busy
        plan.loads = True
        restarted.check()
        assert not restarted.busy
        restarted.submit(CROP)
        assert restarted.result(wait=False) is EMBEDDING
    assert all(process.ended for process in plan.processes)
    first, second = (record.message for record in caplog.records)
    assert first.startswith("ended with code -9; it is started again, and new faces have no names")
    assert first.endswith("Try: dmesg | tail") and second == "the recognition process runs again"


def test_the_pauses_grow_and_shrink_only_after_steady_work(plan):
    with plan.restarted() as restarted:
        plan.fault = "ended"
        plan.polls(restarted, 400)
        pauses = np.diff(plan.starts[1:])
        assert pauses == pytest.approx(
            [2, 4, 8, 16, 32, *[LONGEST_PAUSE_S] * (len(pauses) - 5)], abs=0.2
        )
        plan.fault = ""
        plan.polls(restarted, LONGEST_PAUSE_S + STEADY_S + 1)
        count, plan.fault, failed_s = len(plan.starts), "ended", plan.now_s
        plan.polls(restarted, FIRST_PAUSE_S + 0.2)
        assert len(plan.starts) == count + 1
        assert plan.starts[-1] == pytest.approx(failed_s + FIRST_PAUSE_S, abs=0.2)


def test_a_storm_of_faults_is_a_line_a_minute(plan, caplog):
    caplog.set_level(logging.INFO)
    with plan.restarted() as restarted:
        for second in range(600):
            plan.fault = "ended" if second % 2 else ""
            plan.polls(restarted, 1.0)
    faults = [record for record in caplog.records if "ended" in record.message]
    assert 2 <= len(faults) <= 11 and len(caplog.records) <= 22
    assert "more times in the last" in faults[1].message


def test_a_live_crop_whose_process_failed_has_no_result(plan):
    with plan.restarted() as restarted:
        plan.answers = False
        restarted.submit(CROP)
        plan.fault = "ended"
        assert restarted.result(wait=False) is None and restarted.busy
        plan.fault, plan.answers = "", True
        plan.polls(restarted, FIRST_PAUSE_S + 0.3)
        assert restarted.result(wait=False) is None and not restarted.busy


def test_a_crop_of_a_video_is_submitted_again(plan):
    with plan.restarted() as restarted:
        restarted.submit(CROP)
        plan.processes[0].result = failing = lambda wait: (_ for _ in ()).throw(FacetError("ended"))
        assert restarted.result(wait=True) is EMBEDDING
        assert len(plan.starts) == 2 and failing is plan.processes[0].result


def test_after_some_tries_the_fault_ends_a_video(plan):
    with plan.restarted() as restarted:
        restarted.submit(CROP)
        plan.fault = "ended"
        with pytest.raises(FacetError, match="ended"):
            restarted.result(wait=True)
    assert len(plan.starts) == TRIES


def test_a_stop_ends_the_wait_of_a_video(plan):
    with plan.restarted(stopping=lambda: plan.now_s > 1000) as restarted:
        restarted.submit(CROP)
        plan.processes[0].result = lambda wait: None
        assert restarted.result(wait=True) is None and plan.now_s < 1001


def test_a_process_that_cannot_be_made_is_tried_again(plan):
    with plan.restarted() as restarted:
        plan.fault = "ended"
        restarted.check()
        plan.fault = ""
        restarted._make, make = (
            lambda _: (_ for _ in ()).throw(FacetError("no room")),
            restarted._make,
        )
        plan.polls(restarted, 2 * FIRST_PAUSE_S)
        restarted._make = make
        plan.polls(restarted, 4 * FIRST_PAUSE_S)
        assert not restarted.busy
