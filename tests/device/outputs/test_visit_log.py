"""Visits: how long each track was there, and its clearest attributes. Ten frames/s."""

import csv
import os
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest

from device.outputs.visit_log import VisitLog
from device.settings import RotationSettings
from device.types import OK, TOO_SMALL
from tests.device.outputs.made_up import NAMES, NOON, result
from tests.device.outputs.made_up import face as made_up_face

THRESHOLDS = {"Bald": 0.5, "Smiling": 0.2}


def face(id, values=(0.5, 0.5), **more):
    return made_up_face(id, values=values, state=OK if values else TOO_SMALL, **more)


def open_log(path, names=NAMES, max_lost_s=1.0, named=False):
    return VisitLog(path, names, THRESHOLDS, max_lost_s, RotationSettings(), named)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def visits(path, frames, **options):
    """Return the rows for lists of faces, one list a frame."""
    with open_log(path, **options) as log:
        for index, faces in enumerate(frames):
            assert log.write(result(*faces, index=index, seconds=index / 10)) is None
    return rows(path)


def test_no_faces(tmp_path):
    assert visits(tmp_path / "v.csv", [[]] * 5) == []


def test_a_visit(tmp_path):
    (row,) = visits(tmp_path / "v.csv", [[], *[[face(4)]] * 21, *[[]] * 30])
    assert row == {
        "first_seen": "2026-01-02T12:00:00.350Z",
        "last_seen": "2026-01-02T12:00:02.350Z",
        "source": "film",
        "track": "4",
        "dwell_s": "2.0",
        "frames_classified": "21",
        "Bald": "0.500",
        "Smiling": "0.500",
    }


def test_a_visit_has_the_last_name_that_was_recognized(tmp_path):
    first, second = face(1), face(1, person="Ada", person_score=0.7)
    frames = [[first], [second], [first], [face(2)]]
    one, two = visits(tmp_path / "v.csv", frames, named=True)
    assert (one["person"], one["person_score"]) == ("Ada", "0.700")
    assert (two["person"], two["person_score"]) == ("", "")


@pytest.mark.parametrize("empty_frames, expected", [(9, 1), (10, 2), (20, 2)])
def test_a_visit_ends_when_its_track_was_lost_for_longer_than_max_lost_s(
    tmp_path, empty_frames, expected
):
    frames = [[face(1)], *[[]] * empty_frames, [face(2)], [face(1)]]
    ids = [row["track"] for row in visits(tmp_path / "v.csv", frames)]
    assert sorted(ids) == ["1"] * expected + ["2"]


def test_open_visits_are_written_at_the_end_in_the_order_they_began(tmp_path):
    got = visits(tmp_path / "v.csv", [[face(1)], [face(2), face(1)]])
    assert [(row["track"], row["frames_classified"]) for row in got] == [("1", "2"), ("2", "1")]


# From the threshold 0.2, whose log-odds are -1.39: 0.05 by 1.56, 0.45 by 1.19, 0.6 by 1.79.
@pytest.mark.parametrize(
    "values, expected",
    [
        ([(0.4, 0.05), (0.7, 0.45)], ("0.700", "0.050")),
        ([(0.9, 0.05), (0.2, 0.6), (0.5, 0.2)], ("0.900", "0.600")),
        ([(0.6, 0.2), (0.9, 0.6), (0.7, 0.45), (0.8, 0.3)], ("0.900", "0.600")),
    ],
)
def test_each_attribute_has_the_value_furthest_from_its_threshold(tmp_path, values, expected):
    (row,) = visits(tmp_path / "v.csv", [[face(1, pair)] for pair in values])
    assert (row["Bald"], row["Smiling"]) == expected


def test_frames_that_are_not_classified_count_for_the_dwell_only(tmp_path):
    frames = [[face(1, None)], [face(1, (0.9, 0.9))], [face(1, None)]]
    (row,) = visits(tmp_path / "a.csv", frames)
    assert (row["dwell_s"], row["frames_classified"], row["Bald"]) == ("0.2", "1", "0.900")
    (row,) = visits(tmp_path / "b.csv", [[face(1, None)]])
    assert (row["frames_classified"], row["Bald"], row["Smiling"]) == ("0", "", "")


def test_only_the_named_attributes_have_columns(tmp_path):
    (row,) = visits(tmp_path / "v.csv", [[face(1, (0.1, 0.9))]], names=("Smiling",))
    assert row["Smiling"] == "0.900" and "Bald" not in row


def test_a_clock_that_is_set_changes_no_dwell(tmp_path):
    path = tmp_path / "v.csv"
    with open_log(path, names=(), max_lost_s=5.0) as log:
        for seconds, time in [(0.0, NOON), (3.0, NOON - timedelta(days=1))]:
            log.write(result(face(1), seconds=seconds, time=time))
    assert path.read_text().splitlines()[1].endswith(",film,1,3.0,2")


def test_ended_visits_take_no_memory():
    with open_log(Path(os.devnull), names=()) as log:
        for id in range(2000):
            if id == 200:
                tracemalloc.start()
            log.write(result(face(id), seconds=float(id)))
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert used < 50_000  # 1,800 visits would take 1 MB


def test_visits_of_two_sources_are_told_apart(tmp_path):
    """Tracks of the same number, on clocks that have nothing to do with each other."""
    with open_log(tmp_path / "v.csv") as log:
        for step in range(40):
            faces = [face(1)] if step < 20 else []
            log.write(result(*faces, seconds=1000 + step / 10, index=step, source="usb:0"))
            log.write(result(face(1), seconds=step / 10, index=step, source="film"))
    found = [(row["source"], row["track"], row["dwell_s"]) for row in rows(tmp_path / "v.csv")]
    assert found == [("usb:0", "1", "1.9"), ("film", "1", "3.9")]
