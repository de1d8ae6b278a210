import csv
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import FacetError, UsageError
from device.outputs import Result
from device.outputs.csv_log import FIXED, CsvLog
from device.outputs.overlay import Text, _place, annotate
from device.outputs.video import VideoRecord
from device.settings import RotationSettings
from device.types import OK, TOO_SMALL, Face, Frame, Track

NOON = datetime(2026, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)
NAMES = ("Bald", "Smiling")


def track(number=1, box=(10.0, 20.0, 30.0, 40.0), values=(0.25, 0.75), state=OK):
    face = Face(box, 0.9, np.zeros((4, 2)))
    probabilities = np.array(values, np.float32) if values else None
    return Track(number, face, 1, state, probabilities)


def result(*tracks, seconds=0.0, index=0, shape=(120, 160, 3), labels=None):
    when = NOON + timedelta(seconds=seconds)
    frame = Frame(np.full(shape, 90, np.uint8), index, when, seconds, "film")
    return Result(frame, list(tracks), labels or [["smiling"] for _ in tracks], 25.0)


def log(path, every_s=0.0, names=NAMES, columns=(0, 1)):
    return CsvLog(path, names, columns, every_s, RotationSettings())


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_a_row_as_the_contract_says(tmp_path):
    with log(tmp_path / "a.csv") as one:
        one.write(result(track(), index=7))
    assert (tmp_path / "a.csv").read_text() == (
        "time,source,frame,track,x,y,width,height,score,state,Bald,Smiling\n"
        "2026-01-02T12:00:00.250Z,film,7,1,10,20,30,40,0.900,ok,0.250,0.750\n"
    )


def test_a_face_that_was_not_judged_has_empty_attributes(tmp_path):
    with log(tmp_path / "a.csv") as one:
        one.write(result(track(values=None, state=TOO_SMALL)))
    assert rows(tmp_path / "a.csv")[1][-3:] == ["too small", "", ""]


def test_who_it_is_stands_last_and_only_where_people_are_named(tmp_path):
    known = replace(track(), person="O'Neil, Jr.", person_score=0.51234)
    for named, columns in ((False, []), (True, ["person", "person_score"])):
        path = tmp_path / f"{named}.csv"
        with CsvLog(path, NAMES, (0, 1), 0.0, RotationSettings(), named) as one:
            one.write(result(known, track(2), replace(track(3), person="unknown")))
        header, *got = rows(path)
        assert header == [*FIXED, *NAMES, *columns]
        ends = [["O'Neil, Jr.", "0.512"], ["", ""], ["unknown", ""]] if named else [[], [], []]
        assert [row[len(FIXED) + len(NAMES) :] for row in got] == ends


def test_the_name_is_drawn_above_the_words_and_stays_where_a_face_cannot_be_told():
    for state, values in ((OK, (0.25, 0.75)), (TOO_SMALL, None)):
        nameless = track(box=(60.0, 20.0, 60.0, 60.0), values=values, state=state)
        pictures = []
        for person in ("", "Zoë", "Zoe", "李"):
            picture = np.full((240, 320, 3), 90, np.uint8)
            annotate(picture, [replace(nameless, person=person)], [["smiling"]])
            pictures.append(picture)
        assert (pictures[0] != pictures[1]).any() and (pictures[1] == pictures[2]).all()
        assert (pictures[3] != pictures[0]).any() and (pictures[3] != pictures[1]).any()


def test_only_chosen_columns(tmp_path):
    with log(tmp_path / "a.csv", names=("Smiling",), columns=(1,)) as one:
        one.write(result(track()))
    assert rows(tmp_path / "a.csv")[1][len(FIXED) :] == ["0.750"]


def test_a_row_per_track_every_so_often_the_first_at_once(tmp_path):
    with log(tmp_path / "a.csv", every_s=1.0) as one:
        for tenth in range(25):  # 2.4 s at 10 frames/s; the second face comes at 0.5 s
            seen = [track(1)] + ([track(2)] if tenth >= 5 else [])
            one.write(result(*seen, seconds=tenth / 10, index=tenth))
    got = [(r[2], r[3]) for r in rows(tmp_path / "a.csv")[1:]]
    assert got == [("0", "1"), ("5", "2"), ("10", "1"), ("15", "2"), ("20", "1")]


def test_who_left_is_not_remembered(tmp_path):
    with log(tmp_path / "a.csv", every_s=1.0) as one:
        for index in range(100):
            one.write(result(track(index), seconds=index / 2, index=index))
        assert set(one._last) == {98, 99}


def test_a_name_with_a_line_break_is_one_line(tmp_path):
    odd = result(track())
    with log(tmp_path / "a.csv") as one:
        one.write(replace(odd, frame=replace(odd.frame, source="a\nb,c\r.png")))
    text = (tmp_path / "a.csv").read_text()
    assert text.count("\n") == 2 and rows(tmp_path / "a.csv")[1][1] == "a\\nb,c\\r.png"


def test_a_clock_set_back_does_not_silence_the_log(tmp_path):
    with log(tmp_path / "a.csv", every_s=1.0) as one:
        for seconds in (0, 0.5, 1.0):
            late = result(track(), seconds=seconds)
            one.write(replace(late, frame=replace(late.frame, time=NOON - timedelta(hours=1))))
    assert len(rows(tmp_path / "a.csv")) == 1 + 2


def test_a_restart_appends(tmp_path):
    for _ in range(2):
        with log(tmp_path / "a.csv") as one:
            one.write(result(track()))
    got = rows(tmp_path / "a.csv")
    assert len(got) == 3 and [r[0] for r in got].count("time") == 1


def test_other_columns_start_a_new_file_and_keep_the_old(tmp_path):
    path = tmp_path / "a.csv"
    with log(path) as one:
        one.write(result(track()))
    with log(path, names=("Smiling",), columns=(1,)) as one:
        one.write(result(track()))
    assert one.moved_to == tmp_path / "a.1.csv"
    assert rows(tmp_path / "a.1.csv")[0][-2:] == ["Bald", "Smiling"]
    assert rows(path)[0][-1] == "Smiling" and len(rows(path)) == 2


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400))
def test_a_line_torn_anywhere_leaves_whole_rows_only(tmp_path_factory, lost):
    path = tmp_path_factory.mktemp("torn") / "a.csv"
    with log(path) as one:
        for index in range(5):
            one.write(result(track(), index=index))
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - lost)])
    with log(path) as one:
        one.write(result(track(), index=99))
    got = rows(path)
    assert {len(r) for r in got} == {len(FIXED) + 2}
    assert got[0][0] == "time" and got[-1][2] == "99"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path):
    (tmp_path / "a.csv").symlink_to("/dev/full")
    with pytest.raises((FacetError, UsageError), match=r"cannot write the log .*No space left"):
        log(tmp_path / "a.csv").write(result(track()))


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write the log .*a.csv"):
        log(tmp_path / "file" / "a.csv")


frames = st.tuples(st.integers(40, 900), st.integers(40, 900))
boxes = st.tuples(*[st.integers(0, 900)] * 4)


@given(boxes, st.tuples(st.integers(1, 40), st.integers(1, 40)), frames, st.lists(boxes))
def test_a_label_is_always_inside_the_picture(box, size, frame, taken):
    x, y = _place(box, size, frame, taken)
    assert 0 <= x <= frame[0] - size[0] and 0 <= y <= frame[1] - size[1]


def test_a_label_stands_beside_its_box_not_on_it():
    assert _place((100, 50, 60, 60), (80, 100), (640, 480), [(100, 50, 60, 60)]) == (164, 50)
    assert _place((560, 50, 60, 60), (80, 100), (640, 480), [(560, 50, 60, 60)]) == (476, 50)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_lettering_is_readable_on_any_background(level):
    picture = np.full((480, 640, 3), level, np.uint8)
    annotate(picture, [track(box=(100.0, 100.0, 80.0, 80.0))], [["smiling", "eyeglasses"]])
    panel = picture[100:140, 186:290].astype(int)
    assert panel.max() > 230  # white letters
    assert np.median(panel) < 90  # on a dark panel


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 300, 3), (300, 20, 3), (1080, 1920, 3)])
def test_any_size_of_picture_can_be_drawn_on(shape):
    annotate(
        np.zeros(shape, np.uint8),
        [track(box=(0.0, 0.0, 1.0, 1.0)), track(2, box=(0.0, 0.0, shape[1], shape[0]))],
        [[f"word {n}" for n in range(40)], []],
        "25 frames/s",
    )


def test_words_that_do_not_fit_are_counted():
    from device.outputs.overlay import _fit

    lines = _fit([f"w{n}" for n in range(40)], Text.fitting(480), 640, 480)
    shown = len(lines) - 1
    assert lines[-1] == f"+{40 - shown}" and shown > 10


def test_words_too_wide_for_the_picture_are_counted_too():
    from device.outputs.overlay import _fit

    assert _fit(["ok", "w" * 200], Text.fitting(480), 640, 480) == ["ok", "+1"]


def test_a_record_can_be_read_back(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoRecord(path, 10, live=False) as record:
        for index in range(6):
            assert record.write(result(track(), index=index, shape=(121, 161, 3)))
        record.write(result(track(), shape=(300, 100, 3)))  # a camera that changes its size
    capture = cv2.VideoCapture(str(path))
    count = 0
    while True:
        ok, picture = capture.read()
        if not ok:
            break
        assert picture.shape == (120, 160, 3)
        count += 1
    assert count == 7


def test_a_record_does_not_draw_into_the_frame(tmp_path):
    one = result(track())
    with VideoRecord(tmp_path / "out.avi", 10, live=False) as record:
        record.write(one)
    assert (one.frame.bgr == 90).all()


def frames_in(path):
    return cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)


def test_a_live_record_runs_as_fast_as_the_world(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoRecord(path, 10, live=True) as record:
        for index in range(6):  # 10 frames/s were promised, a slow model saw two a second
            record.write(result(track(), seconds=index / 2, index=index))
    assert frames_in(path) == 26  # 2.5 s and the last one


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_set_changes_no_record(tmp_path, hours):
    path = tmp_path / "out.avi"
    with VideoRecord(path, 10, live=True) as record:
        for index in range(8):
            one = result(track(), seconds=index / 10, index=index)
            if index >= 4:
                moved = replace(one.frame, time=one.frame.time + timedelta(hours=hours))
                one = replace(one, frame=moved)
            record.write(one)
    assert frames_in(path) == 8


def test_a_record_does_not_overwrite_another(tmp_path):
    path = tmp_path / "out.avi"
    for _ in range(2):
        with VideoRecord(path, 10, live=False) as record:
            record.write(result(track()))
    assert record.moved_to == tmp_path / "out.1.avi"
    assert frames_in(path) == frames_in(record.moved_to) == 1


def test_a_record_that_did_not_get_to_the_disk_is_a_fault(tmp_path):
    path = tmp_path / "out.mp4"
    with (
        pytest.raises(FacetError, match=r"out.mp4 holds 0 of 1 frames. Free the disk"),
        VideoRecord(path, 10, live=False) as record,
    ):
        record.write(result(track()))
        path.unlink()


@pytest.mark.parametrize("name", ["out.jpeg", "out"])
def test_a_record_of_an_unknown_kind(tmp_path, name):
    with pytest.raises(UsageError, match=r"unknown ending .* Known are \.mp4, \.avi, \.mkv"):
        VideoRecord(tmp_path / name, 10, live=False)
