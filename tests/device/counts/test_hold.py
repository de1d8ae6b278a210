"""A face that comes back at the same place a moment later is the same visit."""

import pytest

from device.counts.hold import VisitHold, is_near
from device.outputs.visits import VisitTracker
from tests.device.outputs.made_up import face, result

HERE, THERE = (10.0, 10.0, 20.0, 20.0), (100.0, 10.0, 20.0, 20.0)
LIMITS = {"Bald": 0.5, "Smiling": 0.5}


def counted(frames, hold_s=5.0, names=("Smiling",)):
    """Return the visits of {s: faces}."""
    tracker = VisitTracker(LIMITS, 1.0)
    hold = VisitHold({name: LIMITS[name] for name in names}, hold_s)
    found = []
    for seconds in [tenth / 10 for tenth in range(400)]:
        seen = result(*frames(seconds), seconds=seconds)
        hold.follow(seen)
        for visit in tracker.add(seen):
            hold.end(visit.track, visit.clearest)
        found += hold.take(seconds)
    for visit in tracker.close():
        hold.end(visit.track, visit.clearest)
    return found + list(hold.close())


@pytest.mark.parametrize(
    "second, expected",
    [
        (HERE, True),
        ((28.0, 10.0, 20.0, 20.0), True),
        ((32.0, 10.0, 20.0, 20.0), False),
        ((10.0, 10.0, 9.0, 9.0), False),  # much farther away
        ((0.0, 0.0, 40.0, 40.0), True),
        (THERE, False),
    ],
)
def test_which_places_are_near(second, expected):
    assert is_near(HERE, second) is expected


def test_nobody():
    assert counted(lambda s: []) == []


def test_who_looks_away_is_counted_once():
    (visit,) = counted(lambda s: [face(1 if s < 4 else 2, HERE)] if s < 3 or 6 <= s < 9 else [])
    assert visit.dwell_s == pytest.approx(8.9)


def test_who_comes_back_elsewhere_is_counted_again():
    frames = lambda s: [face(1, HERE)] if s < 3 else [face(2, THERE)] if 6 <= s < 9 else []  # noqa: E731
    assert len(counted(frames)) == 2


def test_who_comes_back_later_is_counted_again():
    frames = lambda s: [face(1 if s < 4 else 2, HERE)] if s < 3 or 9 <= s < 12 else []  # noqa: E731
    assert len(counted(frames)) == 2
    assert len(counted(frames, hold_s=7.0)) == 1


def test_without_hold_each_track_is_a_visit():
    frames = lambda s: [face(1 if s < 4 else 2, HERE)] if s < 3 or 4 <= s < 6 else []  # noqa: E731
    assert len(counted(frames, hold_s=0.0)) == 2


def test_a_chain_of_glances_is_one_visit():
    (visit,) = counted(lambda s: [face(1 + int(s // 4), HERE)] if s < 30 and s % 4 < 2 else [])
    assert visit.dwell_s > 29


def test_two_people_at_once_are_two():
    assert len(counted(lambda s: [face(1, HERE), face(2, HERE)] if s < 3 else [])) == 2


def test_the_clearest_of_both_parts_counts():
    def frames(s):
        values = (0.1, 0.6) if s < 4 else (0.1, 0.05)
        return [face(1 if s < 4 else 2, HERE, values)] if s < 3 or 5 <= s < 8 else []

    (visit,) = counted(frames)
    assert visit.present == (False,)


def test_a_face_that_was_never_classified_has_no_attributes():
    (visit,) = counted(lambda s: [face(1, HERE, None)] if s < 3 else [])
    assert visit.present is None
    (visit,) = counted(lambda s: [face(1, HERE, (0.9, 0.9))] if s < 3 else [], names=())
    assert visit.present == ()
