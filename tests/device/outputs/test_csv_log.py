"""The log: which rows, with which columns, and what is left after a restart or a full disk."""

import csv
import dataclasses
import os
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import FacetError, UsageError
from device.outputs.csv_log import FIXED, CsvLog
from device.settings import RotationSettings
from device.types import TOO_SMALL
from tests.device.outputs.made_up import NAMES, NOON, face, result


def open_log(path, every_s=0.0, names=NAMES, named=False):
    return CsvLog(path, names, every_s, RotationSettings(), named)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_a_row_as_the_docs_describe_it(tmp_path):
    with open_log(tmp_path / "a.csv") as log:
        assert log.write(result(face(), index=7)) is None
    assert (tmp_path / "a.csv").read_text() == (
        "time,source,frame,track,x,y,width,height,score,state,Bald,Smiling\n"
        "2026-01-02T12:00:00.250Z,film,7,1,10,20,30,40,0.900,ok,0.250,0.750\n"
    )


def test_without_faces_there_is_only_the_header(tmp_path):
    with open_log(tmp_path / "a.csv") as log:
        log.write(result())
    assert len(rows(tmp_path / "a.csv")) == 1


def test_a_photo_without_faces_leaves_a_row_on_request(tmp_path):
    with CsvLog(tmp_path / "a.csv", NAMES, 0.0, RotationSettings(), True, no_face=True) as log:
        log.write(result(index=7))
        log.write(result(face()))
    header, row, other = rows(tmp_path / "a.csv")
    assert len(row) == len(header) and other[9] == "ok"
    assert [cell for cell in row if cell] == ["2026-01-02T12:00:00.250Z", "film", "7", "no face"]


def test_boxes_are_in_px_of_the_photos_file(tmp_path):
    given = result(face())
    given = dataclasses.replace(given, frame=dataclasses.replace(given.frame, scale=2.5))
    with open_log(tmp_path / "a.csv") as log:
        log.write(given)
    assert rows(tmp_path / "a.csv")[1][4:8] == ["25", "50", "75", "100"]


def test_a_face_that_is_not_classified_has_empty_attributes(tmp_path):
    with open_log(tmp_path / "a.csv") as log:
        log.write(result(face(values=None, state=TOO_SMALL)))
    assert rows(tmp_path / "a.csv")[1][-3:] == ["too small", "", ""]


@pytest.mark.parametrize(
    "named, columns, ends",
    [
        (False, [], [[], [], []]),
        (True, ["person", "person_score"], [["O'Neil, Jr.", "0.512"], ["", ""], ["unknown", ""]]),
    ],
)
def test_the_person_stands_last_and_only_with_recognition(tmp_path, named, columns, ends):
    enrolled = face(person="O'Neil, Jr.", person_score=0.51234)
    with open_log(tmp_path / "a.csv", named=named) as log:
        log.write(result(enrolled, face(2), face(3, person="unknown")))
    header, *got = rows(tmp_path / "a.csv")
    assert header == [*FIXED, *NAMES, *columns]
    assert [row[len(FIXED) + len(NAMES) :] for row in got] == ends


def test_only_the_named_attributes_have_columns(tmp_path):
    with open_log(tmp_path / "a.csv", names=("Smiling",)) as log:
        log.write(result(face()))
    header, row = rows(tmp_path / "a.csv")
    assert header == [*FIXED, "Smiling"] and row[len(FIXED) :] == ["0.750"]


def test_a_row_per_track_every_second_the_first_at_once(tmp_path):
    with open_log(tmp_path / "a.csv", every_s=1.0) as log:
        for tenth in range(25):  # 2.4 s at 10 frames/s; the second face comes at 0.5 s
            faces = [face(1)] + ([face(2)] if tenth >= 5 else [])
            log.write(result(*faces, seconds=tenth / 10, index=tenth))
    got = [(r[2], r[3]) for r in rows(tmp_path / "a.csv")[1:]]
    assert got == [("0", "1"), ("5", "2"), ("10", "1"), ("15", "2"), ("20", "1")]


def test_lost_tracks_take_no_memory():
    with open_log(Path(os.devnull), every_s=1.0) as log:
        for id in range(2000):
            if id == 200:
                tracemalloc.start()
            log.write(result(face(id), seconds=id / 2))
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert used < 50_000  # 1,800 tracks would take 200 kB


def test_a_source_with_line_breaks_is_one_line(tmp_path):
    with open_log(tmp_path / "a.csv") as log:
        log.write(result(face(), source="a\nb,c\r.png"))
    text = (tmp_path / "a.csv").read_text()
    assert text.count("\n") == 2 and rows(tmp_path / "a.csv")[1][1] == "a\\nb,c\\r.png"


def test_a_clock_set_back_does_not_silence_the_log(tmp_path):
    with open_log(tmp_path / "a.csv", every_s=1.0) as log:
        for seconds in (0, 0.5, 1.0):
            log.write(result(face(), seconds=seconds, time=NOON - timedelta(hours=seconds)))
    assert len(rows(tmp_path / "a.csv")) == 1 + 2


def test_a_restart_appends(tmp_path):
    for _ in range(2):
        with open_log(tmp_path / "a.csv") as log:
            log.write(result(face()))
    got = rows(tmp_path / "a.csv")
    assert len(got) == 3 and [r[0] for r in got].count("time") == 1


def test_other_columns_start_a_new_file_and_keep_the_old(tmp_path):
    path = tmp_path / "a.csv"
    with open_log(path) as log:
        log.write(result(face()))
    with open_log(path, names=("Smiling",)) as log:
        log.write(result(face()))
    assert log.moved_to == tmp_path / "a.1.csv"
    assert rows(tmp_path / "a.1.csv")[0][-2:] == ["Bald", "Smiling"]
    assert rows(path)[0][-1] == "Smiling" and len(rows(path)) == 2


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 400))
def test_a_line_torn_anywhere_leaves_whole_rows_only(tmp_path_factory, lost):
    path = tmp_path_factory.mktemp("torn") / "a.csv"
    with open_log(path) as log:
        for index in range(5):
            log.write(result(face(), index=index))
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - lost)])
    with open_log(path) as log:
        log.write(result(face(), index=99))
    got = rows(path)
    assert {len(r) for r in got} == {len(FIXED) + 2}
    assert got[0][0] == "time" and got[-1][2] == "99"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path):
    (tmp_path / "a.csv").symlink_to("/dev/full")
    with pytest.raises((FacetError, UsageError), match=r"cannot write the log .*No space left"):
        open_log(tmp_path / "a.csv").write(result(face()))


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write the log .*a.csv"):
        open_log(tmp_path / "file" / "a.csv")


def test_each_source_has_its_own_tracks_and_clock(tmp_path):
    """A live camera at 1000 s and a film from 0 s, whose faces have the same number."""
    with open_log(tmp_path / "a.csv", every_s=1.0) as log:
        for step in range(5):  # 0.4 s each: rows are due at 0 and at 1.2 s
            log.write(result(face(1), seconds=1000 + 0.4 * step, index=step, source="usb:0"))
            log.write(result(face(1), seconds=0.4 * step, index=step, source="film"))
    found = [(row[1], row[2]) for row in rows(tmp_path / "a.csv")[1:]]
    assert found == [("usb:0", "0"), ("film", "0"), ("usb:0", "3"), ("film", "3")]


def test_nothing_is_kept_of_photos(tmp_path):
    with open_log(tmp_path / "a.csv") as log:
        for number in range(5):
            log.write(result(face(1), index=number, source=f"{number}.jpg"))
        assert log._last_s == {}
    with open_log(tmp_path / "b.csv", every_s=1.0) as log:
        log.write(result(face(1), seconds=0, source="film"))
        log.write(result(seconds=2, source="film"))
        assert log._last_s == {}
