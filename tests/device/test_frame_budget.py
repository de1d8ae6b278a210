"""What a frame's time is spent on."""

import pytest

from device.frame_budget import MAX_DEFER_S, FrameBudget


class Clock:
    """A clock that a test moves."""

    now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("device.frame_budget.time", clock)
    return clock


def test_videos_wait_however_long_a_task_takes(clock):
    budget = FrameBudget()
    with budget.measure("full detection"):
        clock.sleep(10)
    assert not budget.live and budget.has_time_for("full detection")
    assert budget.expected_s("full detection") == 10


def test_a_live_camera_does_not_wait(clock):
    budget = FrameBudget(0.05)
    with budget.measure("full detection"):
        clock.sleep(0.03)
    budget.start_frame()
    assert budget.live
    assert budget.has_time_for("full detection") and budget.has_time_for("a new task")
    clock.sleep(0.03)
    assert not budget.has_time_for("full detection")  # 20 ms are left, 30 expected
    clock.sleep(0.03)
    assert not budget.has_time_for("a new task")


def test_expected_durations_follow_slowly(clock):
    budget = FrameBudget(1.0)
    assert budget.expected_s("classification") == 0
    with budget.measure("classification"):
        pass
    with budget.measure("classification"):
        clock.sleep(0.05)
    assert budget.expected_s("classification") == pytest.approx(0.01)


def test_a_task_over_budget_still_runs_now_and_then(clock):
    budget = FrameBudget(0.01)
    runs, started_s = 0, clock.now_s
    while runs < 3:
        budget.start_frame()
        if budget.has_time_for("classification"):
            runs += 1
            with budget.measure("classification"):
                clock.sleep(0.03)
            assert not budget.has_time_for("classification")  # not twice in a frame
        clock.sleep(0.002)
    assert 2 * MAX_DEFER_S <= clock.now_s - started_s < 3 * MAX_DEFER_S + 0.1
