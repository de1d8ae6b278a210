"""What decides about a machine: rows compared, a log before and after a power cut, the table."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import UsageError
from tests.machines.arm import APART, TFLITE, thirty_two_bit
from tests.machines.clip import (
    CARD,
    check_rows,
    difference,
    read_rows,
    rows_here,
    write_clip,
)
from tests.machines.crops import classify, take_crops
from tests.machines.csi import DOUBLE, signatures
from tests.machines.power import Kept, kept
from tests.machines.report import Report
from tests.machines.scene import classified_correctly

HEADER = "time,source,frame,track,x,y,width,height,score,state,Smiling\n"


def row(second: int, smiling: str = "0.900", state: str = "ok") -> str:
    return f"2026-11-22T10:00:{second:02}.500Z,usb:0,{second},1,5,5,90,90,0.9,{state},{smiling}\n"


LOG = HEADER + "".join(row(second) for second in range(20))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    assert write_clip(path) == 75
    return path


@pytest.fixture(scope="module")
def rows(film):
    return rows_here(film, film.with_name("log.csv"))


@pytest.mark.slow
def test_the_film_has_both_people_alone_and_together(rows):
    smiling = [float(row["Smiling"]) > 0.5 for row in rows if row["Smiling"]]
    assert {row["track"] for row in rows} >= {"1", "2", "3"}
    assert any(smiling) and not all(smiling)


@pytest.mark.slow
def test_the_same_rows_do_not_differ(rows):
    same = difference(rows, rows)
    assert same.same_faces and same.box_px == same.score == same.probability == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "key, text, box_px, probability", [("x", "1", 100, 0), ("Smiling", "0.250", 0, 0.5)]
)
def test_the_worst_of_all_rows_counts(rows, key, text, box_px, probability):
    ours, theirs = copy.deepcopy(rows), copy.deepcopy(rows)
    ours[9]["x"], ours[9]["Smiling"] = "101", "0.750"
    theirs[9] |= ours[9] | {key: text}
    seen = difference(ours, theirs)
    assert (seen.box_px, seen.probability) == (box_px, probability)
    if probability:
        assert seen.attribute == "Smiling"


@pytest.mark.slow
def test_a_face_more_or_another_state_is_no_small_difference(rows):
    other = copy.deepcopy(rows)
    other[5]["state"] = "blurred"
    assert not difference(rows, rows[:-1]).same_faces
    assert not difference(rows, other).same_faces
    assert not difference([], []).same_faces


def checked(ours, theirs) -> list[bool]:
    report = Report("arm")
    check_rows(report, "", ours, theirs)
    return [check.passed for check in report.checks]


@pytest.mark.slow
def test_rows_that_say_something_else_fail(rows):
    assert difference(rows, rows).same_labels == 1 and checked(rows, rows) == [True, True]
    theirs = copy.deepcopy(rows)
    for one in theirs:
        one["x"] = str(float(one["x"]) + 9)
        if one["Smiling"]:
            one["Smiling"] = f"{1 - float(one['Smiling']):.3f}"
    seen = difference(rows, theirs)
    assert 1 - 1 / 40 <= seen.same_labels < 0.98  # one attribute of forty, of most people
    assert checked(rows, theirs) == [False, False]
    assert checked(rows, rows[1:]) == [False, False]


@pytest.mark.slow
def test_other_kernels_differ_by_steps_of_the_network(film):
    crops = take_crops(film, CARD)
    assert crops.dtype == np.uint8 and crops.ndim == 4 and len(crops) >= 15
    values = classify(crops, CARD)
    assert values.shape == (len(crops), 40) and values.dtype == np.float32
    assert np.array_equal(values, classify(crops, CARD))
    apart = np.abs(values - classify(crops, CARD, delegates=False))
    assert apart.max() < APART[TFLITE]


def test_nothing_lost():
    assert kept(LOG, LOG) == Kept(20, 0, 0, 0.0)
    after = kept(LOG, LOG + row(40))
    assert (after.rows, after.broken, after.lost, after.lost_s) == (21, 0, 0, 0.0)


@given(st.integers(len(HEADER), len(LOG)))
def test_a_log_that_was_cut_anywhere(length):
    after = kept(LOG, LOG[:length])
    whole = LOG[:length].count("\n") - 1
    assert after.rows == whole and after.lost == 20 - whole
    assert after.broken == (not LOG[:length].endswith("\n"))
    if whole:
        assert after.lost_s == 20 - whole


@pytest.mark.parametrize(
    "line", [row(1)[:30] + row(2), "\0" * 80 + "\n", row(1, "maybe"), row(1) + "\n", "a,b\n"]
)
def test_a_broken_line_is_seen(line):
    assert kept(LOG, LOG + line + row(30)).broken == 1


def test_rows_without_attributes_are_whole():
    assert kept(HEADER, HEADER + row(1, "", "blurred")) == Kept(1, 0, 0, 0.0)


def test_another_header_is_broken():
    assert kept(LOG, LOG.replace("Smiling", "Smiler")).broken


def test_two_people_classified_correctly_or_not():
    names = ("x", "Smiling", "Eyeglasses", "Wearing_Hat", "Male")
    left, right = ("100", "0.9", "0.1", "0.1", "0.5"), ("400", "0.2", "0.9", "0.9", "0.8")
    log = "\n".join(map(",".join, (names, left, right)))
    assert classified_correctly(log)[0]
    assert not classified_correctly(log.replace("400", "200"))[0]  # one place only
    assert not classified_correctly(log.replace("0.2", "0.8"))[0]
    assert not classified_correctly(",".join(names))[0]


def test_a_32_bit_pi_is_asked_for_tflite_runtime_and_numpy_1():
    asked = thirty_two_bit()
    assert "tflite-runtime==2.14.0" in asked and "numpy<2,>=1.26" in asked
    assert not any("litert" in one.replace("tflite-runtime", "") for one in asked)


def test_the_table_goes_to_its_place_and_nowhere_else(tmp_path, capsys):
    document = tmp_path / "machines.md"
    document.write_text("# A\n<!-- vm -->\nold\n<!-- /vm -->\n<!-- arm -->\nkept\n<!-- /arm -->\n")
    report = Report("vm")
    assert report.check("boots", True, "80 s")
    assert not report.check("stays", False, "a | b\nc") and not report.passed
    report.write("a machine", document)
    text = document.read_text()
    assert "| boots | 80 s | ok |" in text and "| stays | a \\| b c | FAILED |" in text
    assert "old" not in text and "kept" in text and text.startswith("# A\n<!-- vm -->\n")
    assert "FAILED  stays: a | b c" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no <!-- pi -->"):
        Report("pi").write("a Pi", document)


def test_another_parameter_or_default_of_picamera2_is_seen():
    double = DOUBLE.read_text()
    assert signatures(double) == signatures(double.replace("transform=None", "transform: T=None"))
    made = double.replace("transform=None", "transform=libcamera.Transform()")
    assert signatures(double) == signatures(made)
    for old, new in (("timeout=None", "seconds=None"), ("buffer_count=6", "buffer_count=4")):
        assert signatures(double) != signatures(double.replace(old, new))


def test_nothing_checked_is_not_passed():
    assert not Report("vm").passed
    assert read_rows(HEADER) == []
