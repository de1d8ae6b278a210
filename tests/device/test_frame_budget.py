"""What a frame's time is spent on."""

import time

from device.frame_budget import WAIT_S, FrameBudget


def test_films_wait_however_long_work_takes():
    pace = FrameBudget()
    with pace.doing("search"):
        time.sleep(0.01)
    assert not pace.live and pace.allows("search") and pace.expected_s("search") >= 0.01


def test_a_live_camera_does_not():
    pace = FrameBudget(0.05)
    with pace.doing("search"):
        time.sleep(0.03)
    pace.begin()
    assert pace.live and pace.allows("search") and pace.allows("never done")
    time.sleep(0.03)
    assert not pace.allows("search")  # 20 ms are left, 30 expected
    time.sleep(0.03)
    assert not pace.allows("never done")


def test_expectations_follow_slowly():
    pace = FrameBudget(1.0)
    with pace.doing("look"):
        pass
    with pace.doing("look"):
        time.sleep(0.05)
    assert 0.005 < pace.expected_s("look") < 0.03


def test_work_that_never_fits_is_done_now_and_then():
    pace = FrameBudget(0.01)
    done = 0
    begun = time.perf_counter()
    while done < 5 and time.perf_counter() < begun + 20:
        pace.begin()
        if pace.allows("face"):
            done += 1
            with pace.doing("face"):
                time.sleep(0.03)
            assert not pace.allows("face")  # not twice in a frame
        time.sleep(0.002)
    assert done == 5 and time.perf_counter() - begun >= 4 * WAIT_S
