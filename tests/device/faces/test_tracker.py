"""Which detection belongs to which track; faces here are made by hand, 30 frames/s."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.faces.tracker import Tracker
from device.types import Detection

STEP_S = 1 / 30
LANDMARKS = np.array([(-0.2, -0.15), (0.2, -0.15), (0.0, 0.05), (0.0, 0.25)])


def detection(x, y=100.0, width=60.0):
    box = (x - width / 2, y - width / 2, width, width)
    return Detection(box, 0.9, LANDMARKS * width + (x, y))


def centre_x(box):
    return box[0] + box[2] / 2


def track_all(tracker, frames, start=0):
    """Return, for each frame of x positions, the ids of the detected tracks."""
    return [
        [track.id for track in tracker.update([detection(x) for x in places], (start + n) * STEP_S)]
        for n, places in enumerate(frames)
    ]


def test_no_detections():
    tracker = Tracker()
    assert tracker.update([], 0.0) == tracker.visible() == [] and tracker.ids == set()


def test_a_track_has_an_id_from_the_third_frame_on():
    assert track_all(Tracker(min_hits=3), [[100]] * 5) == [[], [], [1], [1], [1]]


def test_a_false_detection_of_one_frame_takes_no_id():
    frames = [[100], [100, 400], *[[100]] * 10, *[[100, 300]] * 5]
    assert track_all(Tracker(), frames)[-1] == [1, 2]


def test_a_short_loss_keeps_the_id_and_a_long_one_ends_the_track():
    tracker = Tracker(min_hits=1, max_lost_s=1.0)
    frames = [*[[100]] * 3, *[[]] * 25, [110]]
    assert track_all(tracker, frames)[-1] == [1]
    assert track_all(tracker, [*[[]] * 40, [110]], start=29)[-1] == [2]
    assert tracker.ids == {2}


def test_two_faces_that_cross_keep_their_ids():
    # 10 px a frame towards and past each other, not detected where they occlude each other.
    frames = [[100 + 10 * n, 400 - 10 * n] if abs(n - 15) > 2 else [] for n in range(31)]
    ids = track_all(Tracker(min_hits=1), frames)
    assert ids[0] == [1, 2] and ids[-1] == [1, 2]  # in the order of the detections


def test_a_detection_far_from_every_track_begins_another():
    assert track_all(Tracker(min_hits=1), [[100], [300], [300]]) == [[1], [2], [2]]


def test_lost_time_is_measured_by_the_cameras_clock_not_in_frames():
    tracker = Tracker(min_hits=1, max_lost_s=1.0)
    for now_s in (10.0, 10.04, 10.08):
        tracker.update([detection(100)], now_s)
    assert [track.id for track in tracker.update([detection(100)], 10.98)] == [1]
    assert [track.id for track in tracker.update([detection(100)], 14.08)] == [2]


RATES = [0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 10, 15, 24, 25, 30, 50, 60, 100, 120]


def seen_at(rate, seconds, place, **options):
    """Return the ids of the visible tracks of each frame; place(second): x positions."""
    tracker = Tracker(**options)
    rows = []
    for n in range(round(seconds * rate)):
        tracker.update([detection(x) for x in place(n / rate)], n / rate)
        rows.append([track.id for track in tracker.visible()])
    return rows


@pytest.mark.parametrize("rate", RATES)
def test_a_person_who_stays_is_one_track_at_any_rate(rate):
    rows = seen_at(rate, max(4, 8 / rate), lambda s: [100 + 10 * np.sin(s)])
    first = next(n for n, row in enumerate(rows) if row)
    assert first <= 2 or first / rate <= 0.1  # confirmed in a few frames and in time
    assert rows[first:] == [[1]] * (len(rows) - first)


@pytest.mark.parametrize(
    "gaps",
    [[0.1, 1.3], [0.04, 5.0], [0.2, 0.2, 0.2, 2.0], [*[1 / 30] * 9, 3.0], [0.5, 0.1, 1.1, 0.3]],
    ids=["pairs", "far pairs", "uneven", "bursts", "network"],
)
def test_a_person_who_stays_is_one_track_at_an_uneven_rate(gaps):
    """But for the first two pauses, which may be those of a person who left."""
    tracker, now_s, rows = Tracker(), 0.0, []
    for n in range(60):
        now_s += gaps[n % len(gaps)]
        tracker.update([detection(100 + n % 3)], now_s)
        rows.append([track.id for track in tracker.visible()])
    late = rows[4 * len(gaps) :]
    assert all(late) and len({id for row in late for id in row}) == 1


def test_a_camera_that_was_gone_twice_lengthens_no_track():
    tracker = Tracker(min_hits=1)
    for now_s in (0.0, 0.04, 100.0, 100.04, 200.0, 200.04):
        tracker.update([detection(100)], now_s)
    assert [track.id for track in tracker.update([detection(100)], 230.0)] == [4]


@pytest.mark.parametrize("rate", [1, 2, 3, *RATES[6:]])
def test_a_person_who_walks_is_one_track_at_any_rate(rate):
    """At one face width a second; two widths between the frames of 0.5 frames/s are two people."""
    rows = seen_at(rate, 6, lambda s: [100 + 60 * s])
    assert {id for row in rows for id in row} == {1}


@pytest.mark.parametrize("rate", RATES)
def test_two_people_side_by_side_stay_two_at_any_rate(rate):
    rows = seen_at(rate, max(4, 8 / rate), lambda s: [100 + 5 * np.sin(s), 260 + 5 * np.cos(s)])
    assert rows[-1] == [1, 2] and max(id for row in rows for id in row) == 2


@pytest.mark.parametrize("rate", RATES)
def test_a_person_who_leaves_is_not_shown_for_longer_than_a_frame_or_a_moment(rate):
    rows = seen_at(rate, max(4, 12 / rate), lambda s: [100] if s < max(2, 6 / rate) else [])
    gone = round(max(2, 6 / rate) * rate)
    late = [n for n, row in enumerate(rows) if row and n >= gone]
    assert len(late) <= 1 or len(late) / rate <= 0.1


@pytest.mark.parametrize("rate", RATES[3:])
def test_a_false_detection_of_a_moment_takes_no_id_at_any_rate(rate):
    """It lasts one frame, and at high rates up to 0.03 s."""
    false = max(1, round(0.03 * rate))
    rows = seen_at(rate, 4, lambda s: [100] if 0.5 <= s < 0.5 + (false - 0.5) / rate else [])
    assert not any(rows)


@given(st.lists(st.floats(0.005, 12.0), min_size=4, max_size=40))
def test_no_rhythm_of_frames_gives_one_person_who_stays_two_tracks_at_once(gaps):
    tracker, now_s = Tracker(), 0.0
    for gap in gaps:
        now_s += gap
        tracker.update([detection(100)], now_s)
        assert len(tracker.visible()) <= 1


def test_an_identity_switch_gives_a_new_id_and_counts_hits_anew():
    tracker = Tracker(min_hits=1)
    track_all(tracker, [[100, 300]] * 4)
    first, second = tracker.visible()
    tracker.assign_new_id(first)
    assert (first.id, first.hits, second.id) == (3, 1, 2) and tracker.ids == {2, 3}
    assert track_all(tracker, [[100, 300]], start=4) == [[3, 2]]


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(5)), st.integers(0, 2**31))
def test_ids_do_not_depend_on_the_order_of_the_detections(order, seed):
    rng = np.random.default_rng(seed)
    tracker = Tracker(min_hits=1)
    homes = [100.0 + 150 * n for n in range(5)]
    first = tracker.update([detection(x) for x in homes], 0.0)
    by_home = {home: track.id for home, track in zip(homes, first, strict=True)}
    moved = [detection(homes[n] + rng.uniform(-15, 15), 100 + rng.uniform(-15, 15)) for n in order]
    again = [track.id for track in tracker.update(moved, STEP_S)]
    assert again == [by_home[homes[n]] for n in order]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.floats(0, 640), max_size=6), max_size=20))
def test_no_track_has_two_detections_and_no_detection_two_ids(frames):
    tracker = Tracker(min_hits=2)
    for ids in track_all(tracker, frames):
        assert len(ids) == len(set(ids)) and all(id in tracker.ids for id in ids)


def test_between_detections_a_track_moves_on_at_its_velocity():
    tracker = Tracker(min_hits=1)
    track_all(tracker, [[100 + 4 * n] for n in range(20)])
    (track,) = tracker.visible()
    assert centre_x(track.predict(21 * STEP_S).box) == pytest.approx(100 + 4 * 21, abs=2)


def test_two_frames_at_nearly_the_same_time_do_not_send_a_track_away():
    tracker = Tracker(min_hits=1)
    for now_s, x in ((0.0, 100), (0.5, 100), (0.501, 103), (1.1, 100)):
        tracks = tracker.update([detection(x)], now_s)
    assert tracks[0].id == 1


def test_a_prediction_at_or_before_the_last_detection_is_that_detection():
    """The filter is one of the velocity: the position is the newest detection's."""
    tracker = Tracker(min_hits=1)
    track_all(tracker, [[100], [104], [160]])
    (track,) = tracker.visible()
    assert track.predict(2 * STEP_S) is track.detection is track.predict(0.0)
    assert centre_x(track.detection.box) == 160


def test_a_lost_track_slows_down_and_stops():
    tracker = Tracker(min_hits=1)
    track_all(tracker, [[100 + 4 * n] for n in range(20)])  # 120 px/s
    (track,) = tracker.visible()
    steps = [centre_x(track.predict(19 * STEP_S + s).box) - 176 for s in (0.1, 0.5, 5.0, 50.0)]
    assert steps == sorted(steps) and steps[-1] == pytest.approx(steps[-2], abs=1)
    assert steps[-1] < 0.5 * 120 + 10  # as if it went on for half a second


def test_a_track_that_was_not_expected_is_not_missed():
    tracker = Tracker(min_hits=1)
    (track,) = tracker.update([detection(100)], 0.0)
    for n in range(1, 10):
        tracker.update([], n * STEP_S, expected=())
    assert tracker.visible() == [track]
    for n in range(10, 12):
        tracker.update([], n * STEP_S, expected=[track])
    assert tracker.visible() == [] and tracker.ids == {1}


def test_a_scene_confirms_its_faces_and_hides_the_others():
    tracker = Tracker()
    assert tracker.update([detection(100), detection(400)], 0.0) == []
    tracker.begin_scene([detection(100), detection(900)], STEP_S, confirm=True)
    assert [(track.id, centre_x(track.detection.box)) for track in tracker.visible()] == [
        (1, 100),
        (2, 900),
    ]
    tracker.begin_scene([detection(600)], 2 * STEP_S, confirm=False)
    assert tracker.visible() == []
    # Within max_lost_s the face that is back has its id.
    tracker.begin_scene([detection(900)], 3 * STEP_S, confirm=True)
    assert [track.id for track in tracker.visible()] == [2]


def test_a_track_knows_when_it_was_last_detected_clearly():
    tracker = Tracker(min_hits=1, min_score=0.6)
    (track,) = tracker.update([detection(100)], 0.0)
    weak = Detection(detection(100).box, 0.5, detection(100).landmarks)
    tracker.update([weak], STEP_S)
    assert (track.clear_s, track.seen_s) == (0.0, STEP_S)
    tracker.update([detection(100)], 2 * STEP_S)
    assert track.clear_s == 2 * STEP_S


def frames_due(tracker, xs):
    """Detect the one face in the frames in which it is due; return their numbers."""
    due = []
    for n, x in enumerate(xs):
        if all(track.is_due(n * STEP_S) for track in tracker.tracks):
            tracker.update([detection(x)], n * STEP_S)
            due.append(n)
    return due


def test_a_track_that_moves_as_predicted_is_detected_less_often():
    assert frames_due(Tracker(), [100] * 20) == [0, 1, 2, 3, 6, 11, 16]


def test_a_track_that_does_not_is_detected_in_every_frame():
    xs = [100, 100, 100, 100, 100, 100, 110, 100, 110, 100, 110, 100]
    assert frames_due(Tracker(), xs) == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]


def test_a_track_that_was_missed_is_due_in_the_next_frame():
    tracker = Tracker()
    frames_due(tracker, [100] * 8)
    (track,) = tracker.tracks
    assert not track.is_due(8 * STEP_S)
    tracker.update([], 8 * STEP_S)
    assert track.is_due(8 * STEP_S)
