import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.rowlog.csv_format import NO_DAY, day_of, first_day, has_columns, line, whole

HEADER = line(["time", "source", "Smiling"])
ROW = line(["2026-11-22T09:30:00.250Z", "usb:0", "0.750"])


def test_a_line():
    assert line(["a", "b,c", 'd"e', ""]) == b'a,"b,c","d""e",\n'


@given(st.lists(st.text(st.characters()), min_size=1))
def test_whatever_a_photo_is_called_a_row_is_one_line_of_as_many_fields(fields):
    written = line(fields)
    assert written.count(b"\n") == 1 and written.endswith(b"\n")
    assert b"\0" not in written and b"\r" not in written
    assert len(next(csv.reader([written.decode()]))) == len(fields)


def test_days():
    assert day_of(ROW) == "2026-11-22" == first_day(HEADER + ROW + b"2026-11-23T")
    assert day_of(HEADER) == first_day(HEADER) == first_day(b"") == NO_DAY


@pytest.mark.parametrize(
    "head", [b"", b"tim", HEADER[:-1], HEADER, HEADER + ROW, b"\0" * 99, b"time,\0\0", b"time,so"]
)
def test_our_columns_or_what_a_power_cut_left_of_them(head):
    assert has_columns(head, HEADER)


@pytest.mark.parametrize(
    "head", [b"a,b,c\n", b"a,b", b"time,source\n", HEADER[:-1] + b",x\n", b"\0\n", b'"' * 5 + b"\n"]
)
def test_other_columns(head):
    assert not has_columns(head, HEADER)


def test_a_header_that_a_spreadsheet_wrote_again():
    assert has_columns(b'"time",source,Smiling\r\n', HEADER)


def test_whole_lines():
    assert whole(b"") == whole(b"torn") == whole(b"\0\0\0") == 0
    assert whole(b"a\nb\ntorn") == whole(b"a\nb\n") == 4
    assert whole(b"a\nb\0\0") == whole(b"a\nb\0\0\n") == whole(b"a\n\0b\n\0\n\0") == 2
