"""Visits: who came, how long, and what was surest of each. Ten frames a second."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from device.outputs import Result
from device.outputs.visit_log import VisitLog
from device.settings import RotationSettings
from device.types import OK, TOO_SMALL, Face, Frame, Track

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
THRESHOLDS = np.array([0.5, 0.2], np.float32)
FACE = Face((0.0, 0.0, 30.0, 40.0), 0.9, np.zeros((4, 2)))


def seen(number, values=(0.5, 0.5)):
    if values is None:
        return Track(number, FACE, 1, TOO_SMALL, None)
    return Track(number, FACE, 1, OK, np.array(values, np.float32))


def visits(path, frames, hold_s=1.0, names=("Bald", "Smiling"), columns=(0, 1)):
    """Return the rows for lists of tracks, one list a frame."""
    with VisitLog(path, names, columns, THRESHOLDS, hold_s, RotationSettings()) as log:
        for index, tracks in enumerate(frames):
            frame = Frame(None, index, NOON + timedelta(seconds=index / 10), index / 10, "usb:0")
            assert log.write(Result(frame, tracks, [[] for _ in tracks], 10.0))
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_nobody(tmp_path):
    assert visits(tmp_path / "v.csv", [[]] * 5) == []


def test_a_visit(tmp_path):
    (row,) = visits(tmp_path / "v.csv", [[], *[[seen(4)]] * 21, *[[]] * 30])
    assert row == {
        "first_seen": "2026-01-02T12:00:00.100Z",
        "last_seen": "2026-01-02T12:00:02.100Z",
        "source": "usb:0",
        "track": "4",
        "dwell_s": "2.0",
        "frames_told": "21",
        "Bald": "0.500",
        "Smiling": "0.500",
    }


def test_a_visit_has_the_last_name_that_was_told(tmp_path):
    first, second = seen(1), replace(seen(1), person="Ada", person_score=0.7)
    log = VisitLog(tmp_path / "v.csv", ("Bald",), (0,), THRESHOLDS, 1.0, RotationSettings(), True)
    with log:
        for index, tracks in enumerate([[first], [second], [first], [seen(2)]]):
            log.write(Result(Frame(None, index, NOON, index / 10, "a"), tracks, [], 10.0))
    with (tmp_path / "v.csv").open(newline="") as file:
        one, two = csv.DictReader(file)
    assert (one["person"], one["person_score"]) == ("Ada", "0.700")
    assert (two["person"], two["person_score"]) == ("", "")


def test_a_visit_ends_when_its_track_was_away_for_the_hold(tmp_path):
    path = tmp_path / "v.csv"
    log = VisitLog(path, ("Bald",), (0,), THRESHOLDS, 1.0, RotationSettings())
    with log:
        for index, tracks in enumerate([[seen(1)], *[[]] * 10]):
            log.write(Result(Frame(None, index, NOON, index / 10, "a"), tracks, [], 10.0))
        assert len(log._visits) == 1  # 1.0 s: the tracker still holds the number
        log.write(Result(Frame(None, 11, NOON, 1.1, "a"), [], [], 10.0))
        assert log._visits == {}


def test_a_gap_within_the_hold_is_one_visit(tmp_path):
    frames = [[seen(1)], *[[]] * 9, [seen(1)], *[[]] * 20, [seen(2)]]
    assert [row["dwell_s"] for row in visits(tmp_path / "v.csv", frames)] == ["1.0", "0.0"]


def test_those_still_there_are_written_at_the_end_in_the_order_they_came(tmp_path):
    rows = visits(tmp_path / "v.csv", [[seen(1)], [seen(2), seen(1)]])
    assert [(row["track"], row["frames_told"]) for row in rows] == [("1", "2"), ("2", "1")]


def test_each_attribute_as_where_it_was_surest(tmp_path):
    # Off the threshold 0.2, whose log-odds are -1.39: 0.05 by 1.56, 0.45 by 1.19, 0.6 by 1.79.
    for values, expected in [
        ([(0.4, 0.05), (0.7, 0.45)], ("0.700", "0.050")),
        ([(0.9, 0.05), (0.2, 0.6), (0.5, 0.2)], ("0.900", "0.600")),
        ([(0.6, 0.2), (0.9, 0.6), (0.7, 0.45), (0.8, 0.3)], ("0.900", "0.600")),
    ]:
        path = tmp_path / f"{len(values)}.csv"
        (row,) = visits(path, [[seen(1, one)] for one in values])
        assert (row["Bald"], row["Smiling"]) == expected


def test_frames_that_could_not_be_told_count_for_the_dwell_only(tmp_path):
    (row,) = visits(tmp_path / "a.csv", [[seen(1, None)], [seen(1, (0.9, 0.9))], [seen(1, None)]])
    assert (row["dwell_s"], row["frames_told"], row["Bald"]) == ("0.2", "1", "0.900")
    (row,) = visits(tmp_path / "b.csv", [[seen(1, None)]])
    assert (row["frames_told"], row["Bald"], row["Smiling"]) == ("0", "", "")


def test_only_chosen_attributes(tmp_path):
    path = tmp_path / "v.csv"
    (row,) = visits(path, [[seen(1, (0.1, 0.9))]], names=("Smiling",), columns=(1,))
    assert row["Smiling"] == "0.900" and "Bald" not in row


def test_dwell_is_not_fooled_by_a_clock_that_is_set(tmp_path):
    path = tmp_path / "v.csv"
    with VisitLog(path, (), (), THRESHOLDS, 1.0, RotationSettings()) as log:
        for at_s, time in [(0.0, NOON), (3.0, NOON - timedelta(days=1))]:
            log.write(Result(Frame(None, 0, time, at_s, "a"), [seen(1)], [[]], 10.0))
    assert path.read_text().splitlines()[1].endswith(",a,1,3.0,2")


@pytest.mark.parametrize("people", [1, 50])
def test_who_is_gone_is_not_remembered(tmp_path, people):
    with VisitLog(tmp_path / "v.csv", (), (), THRESHOLDS, 1.0, RotationSettings()) as log:
        for index in range(300):
            frame = Frame(None, index, NOON, index / 1.0, "a")
            tracks = [seen(index * people + n) for n in range(people)]
            log.write(Result(frame, tracks, [[]] * people, 1.0))
        assert len(log._visits) <= 2 * people
