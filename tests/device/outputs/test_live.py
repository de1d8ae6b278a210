"""What other threads may read of a run: the newest result, and the visits that ended."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import FacetError
from device.outputs import live as live_module
from device.outputs.live import LiveState
from device.outputs.visits import VisitTracker
from device.types import BLURRED, IN, OK, OUT, Crossing, Line, LineCount
from device.worker import Worker
from tests.device.outputs.made_up import NOON, face, result

THRESHOLDS = {"Bald": 0.5, "Smiling": 0.2}


def frames(tracks_per_frame):
    """Return results, ten a second, with these tracks in view."""
    return [
        result(*(face(track) for track in sorted(tracks)), index=index, seconds=index / 10)
        for index, tracks in enumerate(tracks_per_frame)
    ]


def test_nothing_is_known_before_the_first_frame():
    live = LiveState(THRESHOLDS, 1.0)
    assert live.newest() is None and not live.visits() and not live.visits_by_hour()
    assert live.wait(0, 0.01) == (None, 0) and not live.closed


def test_a_reader_waits_for_a_newer_frame_and_for_the_end():
    live, seen = LiveState(THRESHOLDS, 1.0), []

    def read():
        count = 0
        while not live.closed:
            newest, count = live.wait(count, 10)
            seen.append((newest and newest.frame.index, count))

    reader = threading.Thread(target=read)
    first, second = frames([{1}, {1}])
    with live:
        live.write(first)
        reader.start()
        while not seen:
            pass
        live.write(second)
        while len(seen) < 2:
            pass
    reader.join(10)
    assert not reader.is_alive() and seen[:2] == [(0, 1), (1, 2)]
    assert seen[-1] == (1, 2)  # the end brings no other frame


def test_previews_are_not_analyzed_and_so_not_kept():
    live = LiveState(THRESHOLDS, 1.0)
    live.write(replace(result(face(1)), analyzed=False))
    assert live.newest() is None


def test_visits_have_numbers_and_are_counted_in_the_hour_they_began():
    with LiveState(THRESHOLDS, 1.0) as live:
        for one in frames([{1, 2}, {2}, *[set()] * 40, {3}]):
            live.write(one)
        assert [ended.number for ended in live.visits()] == [1, 2]
        assert [ended.visit.track for ended in live.visits(after=1)] == [2]
    assert [ended.visit.track for ended in live.visits()] == [1, 2, 3]  # the end ends them
    assert live.visits_by_hour() == {datetime(2026, 1, 2, 12, tzinfo=UTC): 3}


def test_old_visits_and_hours_are_forgotten(monkeypatch):
    monkeypatch.setattr(live_module, "KEPT_HOURS", 2)
    with LiveState(THRESHOLDS, 1.0) as live:
        for hour in range(4):
            live.write(result(face(hour + 1), index=hour, seconds=3600 * hour))
    hours = live.visits_by_hour()
    assert [hour.hour for hour in hours] == [14, 15] and set(hours.values()) == {1}


DOOR = Line("door", (0.5, 1.0), (0.5, 0.0))


def crossed(*directions, ins=0, outs=0):
    """Return a result in which track 1 crosses a line in these directions."""
    crossings = tuple(Crossing(NOON, 1, "door", direction) for direction in directions)
    return replace(result(), crossings=crossings, lines=(LineCount(DOOR, ins, outs),))


def test_crossings_have_numbers_and_lines_their_sums():
    with LiveState(THRESHOLDS, 1.0) as live:
        assert live.crossings() == [] and live.line_counts() == ()
        for one in (crossed(), crossed(IN, ins=1), crossed(OUT, IN, ins=2, outs=1)):
            live.write(one)
        live.write(replace(crossed(IN, ins=9), analyzed=False))
    seen = [(counted.number, counted.crossing.direction) for counted in live.crossings()]
    assert seen == [(1, IN), (2, OUT), (3, IN)]
    assert {(counted.face, counted.people, counted.at_s) for counted in live.crossings()} == {
        (None, 0, 0.0)
    }
    assert [counted.number for counted in live.crossings(after=2)] == [3]
    assert live.line_counts() == (LineCount(DOOR, 2, 1),)


def test_a_crossing_keeps_who_crossed_and_when():
    with LiveState(THRESHOLDS, 1.0) as live:
        first, other = face(1, values=(0.1, 0.9)), face(2)
        crossing = Crossing(NOON, 1, "door", IN)
        live.write(replace(result(first, other, seconds=2.5), crossings=(crossing,)))
        live.write(result(face(1, values=(0.1, 0.2)), seconds=3.0))
    (counted,) = live.crossings()
    assert (counted.face, counted.people, counted.at_s) == (first, 2, 2.5)


def test_old_crossings_are_forgotten_and_keep_their_numbers():
    live = LiveState(THRESHOLDS, 1.0)
    for _ in range(live_module.KEPT_CROSSINGS + 5):
        live.write(crossed(IN))
    numbers = [counted.number for counted in live.crossings()]
    assert len(numbers) == live_module.KEPT_CROSSINGS and numbers[-1] == numbers[0] + 999 == 1005


@given(st.lists(st.sets(st.integers(1, 4), max_size=4), max_size=60))
def test_a_live_run_has_the_visits_of_the_tracker(tracks_per_frame):
    tracker, expected = VisitTracker(THRESHOLDS, 1.0), []
    with LiveState(THRESHOLDS, 1.0) as live:
        for one in frames(tracks_per_frame):
            expected += tracker.add(one)
            live.write(one)
    expected += tracker.close()
    got = [ended.visit for ended in live.visits()]
    assert [(v.track, v.dwell_s) for v in got] == [(v.track, v.dwell_s) for v in expected]
    assert sum(live.visits_by_hour().values()) == len(got)


def test_faces_are_counted_by_state_over_all_frames():
    live = LiveState(THRESHOLDS, 1.0)
    assert live.faces_by_state() == {}
    blurred = face(2, values=None, state=BLURRED)
    live.write(result(face(1), blurred))
    live.write(result(blurred, seconds=0.1))
    assert live.faces_by_state() == {OK: 1, BLURRED: 2}


def test_the_fault_of_a_reader_ends_the_run_at_the_next_frame():
    def fail(worker):
        raise FacetError("a fault of a reader", "a hint")

    live = LiveState(THRESHOLDS, 1.0)
    reader = Worker("reader", fail)
    live.supervise(reader)
    live.write(result())
    reader.start()
    assert reader.done.wait(10)
    with pytest.raises(FacetError, match="a fault of a reader"):
        live.write(result())
    live.write(result())  # handed over once
