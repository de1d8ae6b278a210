"""Fair turns: the place served longest ago, and no place waits for more than the others once."""

from hypothesis import given
from hypothesis import strategies as st

from device.fair_queue import FairQueue


def test_nothing_is_ready():
    assert FairQueue(0).take(set()) is None
    assert FairQueue(3).take(set()) is None


def test_places_that_are_always_ready_alternate():
    queue = FairQueue(3)
    assert [queue.take({0, 1, 2}) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_a_place_that_was_not_ready_goes_first_when_it_is():
    queue = FairQueue(3)
    assert [queue.take({0, 1}) for _ in range(4)] == [0, 1, 0, 1]
    assert [queue.take({0, 1, 2}) for _ in range(4)] == [2, 0, 1, 2]


@given(st.integers(1, 6), st.lists(st.sets(st.integers(0, 5)), max_size=60))
def test_a_ready_place_waits_for_the_others_once_at_most(size, rounds):
    queue, waited = FairQueue(size), dict.fromkeys(range(size), 0)
    for wanted in rounds:
        ready = wanted & set(range(size))
        served = queue.take(ready)
        assert (served in ready) if ready else served is None
        for place in range(size):
            waited[place] = waited[place] + 1 if place in ready and place != served else 0
            assert waited[place] <= size - 1
