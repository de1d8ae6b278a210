"""What a frame's time is spent on."""

import time

from device.pace import Pace


def test_films_wait_however_long_work_takes():
    pace = Pace()
    with pace.doing("search"):
        time.sleep(0.01)
    assert not pace.live and pace.allows("search") and pace.expected_s("search") >= 0.01


def test_a_live_camera_does_not():
    pace = Pace(0.05)
    with pace.doing("search"):
        time.sleep(0.03)
    pace.begin()
    assert pace.live and pace.allows("search") and pace.allows("never done")
    time.sleep(0.03)
    assert not pace.allows("search")  # 20 ms are left, 30 expected
    time.sleep(0.03)
    assert not pace.allows("never done")


def test_what_no_frame_suffices_for_gets_its_share_of_the_time():
    pace = Pace(0.001)
    with pace.doing("face"):
        time.sleep(0.02)
    done, ends_s = 0, time.perf_counter() + 1
    while time.perf_counter() < ends_s:
        pace.begin()
        if pace.allows("face"):
            with pace.doing("face"):
                time.sleep(0.02)
            done += 1
    assert 3 < done < 14  # a quarter of a second is 12 of them, on a busy machine fewer


def test_expectations_follow_slowly():
    pace = Pace(1.0)
    with pace.doing("look"):
        pass
    with pace.doing("look"):
        time.sleep(0.05)
    assert 0.005 < pace.expected_s("look") < 0.03
