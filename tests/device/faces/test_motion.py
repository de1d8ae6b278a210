"""A face that is not detected moves on at its velocity, which fades."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.faces.motion import FADE_S, move, travel_time_s
from device.types import Face


def test_no_time_is_no_travel_and_a_clock_that_runs_back_neither():
    assert travel_time_s(0.0) == travel_time_s(-3.0) == 0.0


def test_travel_times_by_hand():
    # 0.5 s * (1 - 1/e): after one time constant 63 % of the way is done.
    assert FADE_S == 0.5
    assert travel_time_s(0.5) == pytest.approx(0.5 * (1 - math.exp(-1)))
    assert travel_time_s(1 / 30) == pytest.approx(1 / 30, rel=0.04)  # hardly faded yet
    assert travel_time_s(60.0) == pytest.approx(0.5)


@given(st.floats(0, 100), st.floats(0, 100))
def test_longer_gaps_travel_further_but_never_further_than_the_fade(a, b):
    short, long = sorted((a, b))
    assert 0 <= travel_time_s(short) <= travel_time_s(long) <= min(long, FADE_S) + 1e-12


def test_move_shifts_box_and_landmarks_together_and_keeps_the_rest():
    face = Face(7, (100.0, 50.0, 40.0, 60.0), 0.9, np.full((4, 2), 10.0), velocity=(200.0, -100.0))
    moved = move(face, 0.1)
    time_s = travel_time_s(0.1)
    assert moved.box == pytest.approx((100 + 200 * time_s, 50 - 100 * time_s, 40, 60))
    np.testing.assert_allclose(moved.landmarks, [(10 + 200 * time_s, 10 - 100 * time_s)] * 4)
    assert (moved.id, moved.score, moved.velocity) == (7, 0.9, (200.0, -100.0))
    assert face.box == (100.0, 50.0, 40.0, 60.0) and (face.landmarks == 10).all()
