"""Who is who from frame to frame; faces here are drawn by hand, 30 frames a second."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.faces.tracker import Tracker
from device.types import Face

STEP_S = 1 / 30
POINTS = np.array([(-0.2, -0.15), (0.2, -0.15), (0.0, 0.05), (0.0, 0.25)])


def face(x, y=100.0, width=60.0):
    return Face((x - width / 2, y - width / 2, width, width), 0.9, POINTS * width + (x, y))


def follow(tracker, frames, start=0):
    """Return, per frame of x positions, the ids of those seen."""
    return [
        [one.id for one in tracker.update([face(x) for x in places], (start + n) * STEP_S)]
        for n, places in enumerate(frames)
    ]


def test_nobody():
    assert Tracker().update([], 0.0) == [] and Tracker().ids == set()


def test_a_person_has_a_number_from_the_third_frame_on():
    assert follow(Tracker(confirm=3), [[100]] * 5) == [[], [], [1], [1], [1]]


def test_a_false_face_of_one_frame_takes_no_number():
    frames = [[100], [100, 400], *[[100]] * 10, *[[100, 300]] * 5]
    assert follow(Tracker(), frames)[-1] == [1, 2]


def test_a_short_miss_keeps_the_number_and_a_long_one_ends_it():
    tracker = Tracker(confirm=1, hold_s=1.0)
    frames = [*[[100]] * 3, *[[]] * 25, [110]]
    assert follow(tracker, frames)[-1] == [1]
    assert follow(tracker, [*[[]] * 40, [110]], start=29)[-1] == [2]
    assert tracker.ids == {2}


def test_two_who_cross_keep_their_numbers():
    # 10 px a frame towards and past each other, unseen where they cover each other.
    frames = [[100 + 10 * n, 400 - 10 * n] if abs(n - 15) > 2 else [] for n in range(31)]
    seen = follow(Tracker(confirm=1), frames)
    assert seen[0] == [1, 2] and seen[-1] == [1, 2]  # in the order of the faces given


def test_a_face_far_from_everybody_is_somebody_else():
    assert follow(Tracker(confirm=1), [[100], [300], [300]]) == [[1], [2], [2]]


def test_a_cameras_own_clock_counts_not_its_frames():
    tracker = Tracker(confirm=1, hold_s=1.0)
    tracker.update([face(100)], 10.0)
    assert [one.id for one in tracker.update([face(100)], 10.9)] == [1]
    assert [one.id for one in tracker.update([face(100)], 12.0)] == [2]


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(5)), st.integers(0, 2**31))
def test_numbers_do_not_depend_on_the_order_of_the_faces(order, seed):
    rng = np.random.default_rng(seed)
    tracker = Tracker(confirm=1)
    homes = [100.0 + 150 * n for n in range(5)]
    first = tracker.update([face(x) for x in homes], 0.0)
    by_home = {home: one.id for home, one in zip(homes, first, strict=True)}
    moved = [face(homes[n] + rng.uniform(-15, 15), 100 + rng.uniform(-15, 15)) for n in order]
    again = [one.id for one in tracker.update(moved, STEP_S)]
    assert again == [by_home[homes[n]] for n in order]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.floats(0, 640), max_size=6), max_size=20))
def test_nobody_has_two_faces_and_no_face_two_numbers(frames):
    tracker = Tracker(confirm=2)
    for ids in follow(tracker, frames):
        assert len(ids) == len(set(ids)) and all(one in tracker.ids for one in ids)


def test_between_looks_a_face_is_where_it_was_going():
    tracker = Tracker(confirm=1)
    follow(tracker, [[100 + 4 * n] for n in range(20)])
    (person,) = tracker.present()
    x, _, w, _ = person.at(21 * STEP_S).box
    assert x + w / 2 == pytest.approx(100 + 4 * 21, abs=2)


def test_who_was_not_looked_for_is_not_missed():
    tracker = Tracker(confirm=1)
    (person,) = tracker.update([face(100)], 0.0)
    for n in range(1, 10):
        tracker.update([], n * STEP_S, looked_for=())
    assert tracker.present() == [person]
    for n in range(10, 12):
        tracker.update([], n * STEP_S, looked_for=[person])
    assert tracker.present() == [] and tracker.ids == {1}
