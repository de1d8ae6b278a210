"""Values in view: no flicker, and counts by the local day."""

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from device.mqtt.values import Held, InView, SteppedNumber, VisitsToday, local_date
from device.outputs.live import EndedVisit
from device.outputs.visits import Visit
from device.types import Probabilities
from tests.device.outputs.made_up import face, result

THRESHOLDS = {"Smiling": 0.5}


def ended(number: int, first_seen: str) -> EndedVisit:
    visit = Visit(1, first_seen, first_seen, "usb:0", 1.0, 0, Probabilities(), "", None)
    return EndedVisit(number, visit)


def test_nobody_is_in_view_at_first():
    view = InView(THRESHOLDS, 5.0)
    view.update(None, 0.0)
    assert (view.people, view.attributes, view.names) == (0, {"Smiling": False}, ())


def test_values_rise_at_once_and_fall_after_hold_s():
    view = InView(THRESHOLDS, 5.0)
    view.update(result(face(1, values=(0.0, 0.9)), face(2, person="Ada")), 10.0)
    assert (view.people, view.attributes, view.names) == (2, {"Smiling": True}, ("Ada",))
    view.update(result(face(1, values=(0.0, 0.1))), 14.9)
    assert (view.people, view.attributes, view.names) == (2, {"Smiling": True}, ("Ada",))
    view.update(result(face(1, values=(0.0, 0.1))), 15.1)
    assert (view.people, view.attributes, view.names) == (1, {"Smiling": False}, ())


def test_faces_without_labels_count_and_have_no_attribute():
    view = InView(THRESHOLDS, 0.0)
    view.update(result(face(1, values=None, person="unknown")), 0.0)
    assert (view.people, view.attributes, view.names) == (1, {"Smiling": False}, ())


def test_a_camera_that_gives_no_frames_sees_nobody():
    view = InView({}, 1.0)
    view.update(result(face(1)), 0.0)
    view.update(None, 2.0)
    assert view.people == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 100))), st.floats(0, 10))
def test_what_is_present_is_held_and_nothing_longer(events, hold_s):
    held: Held[str] = Held(hold_s)
    seen: dict[str, float] = {}
    for key, now_s in sorted(events, key=lambda event: event[1]):
        seen[key] = now_s
        assert held.update([key], now_s) == {k for k, at in seen.items() if at + hold_s >= now_s}


def test_a_number_changes_by_steps():
    steady = SteppedNumber(1.0)
    given, expected = [51.4, 51.9, 52.3, 52.5, None, 50.0], [51.4, 51.4, 51.4, 52.5, None, 50.0]
    assert [steady.update(value) for value in given] == expected


def test_a_step_may_be_a_share_of_the_value():
    steady = SteppedNumber(0.5, 0.1)
    assert [steady.update(value) for value in (100.0, 91.0, 109.0, 90.0)] == [100, 100, 100, 90]


def test_visits_of_today_are_counted_from_the_file_and_from_the_run():
    noon = datetime(2026, 1, 2, 12).astimezone()
    today, yesterday = noon.isoformat(), (noon - timedelta(days=1)).isoformat()
    visits = VisitsToday([today, yesterday, "rubbish", ""], lambda: date(2026, 1, 2))
    assert visits.update([]) == 1
    assert visits.update([ended(1, today + "?"), ended(2, yesterday)]) == 2
    assert visits.number == 2


def test_the_count_begins_anew_each_day():
    days = [date(2026, 1, 2)]
    visits = VisitsToday(["2026-01-02T12:00:00"], lambda: days[0])
    assert visits.update([]) == 1
    days[0] = date(2026, 1, 3)
    assert visits.update([ended(1, "2026-01-02T23:59:59"), ended(2, "2026-01-03T00:00:01")]) == 1


def test_what_is_no_time_has_no_date():
    assert local_date("") is None and local_date("soon") is None
