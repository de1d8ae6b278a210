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


def test_expectations_follow_slowly():
    pace = Pace(1.0)
    with pace.doing("look"):
        pass
    with pace.doing("look"):
        time.sleep(0.05)
    assert 0.005 < pace.expected_s("look") < 0.03
