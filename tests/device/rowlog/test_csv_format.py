import csv
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.rowlog.csv_format import (
    NO_DAY,
    complete_length,
    day_of,
    escaped,
    first_day,
    has_columns,
    line,
    unescaped,
)

HEADER = line(["time", "source", "Smiling"])
ROW = line(["2026-11-22T09:30:00.250Z", "usb:0", "0.750"])


def test_a_line_is_quoted_only_where_needed():
    assert line(["a", "b,c", 'd"e', ""]) == b'a,"b,c","d""e",\n'


@given(st.lists(st.text(st.characters()), min_size=1))
def test_any_text_gives_one_line_with_the_same_number_of_fields(fields):
    written = line(fields)
    assert written.count(b"\n") == 1 and written.endswith(b"\n")
    assert b"\0" not in written and b"\r" not in written
    assert len(next(csv.reader([written.decode()]))) == len(fields)


NASTY = "=+-@\uff1d;,|\t\r\n\0\\\x1b[31m\u202e\udc80\"' 1aZé\u00e9\U0001f600"


@given(st.one_of(st.text(st.characters()), st.text(st.sampled_from(NASTY))))
def test_no_cell_is_computed_or_obeyed_and_each_can_be_read_back(field):
    (cell,) = next(csv.reader([line([field]).decode()]), [""])
    assert unescaped(cell) == field
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in cell)
    computed = any(
        part.lstrip()[:1] in tuple("=+-@\uff1d") for part in re.split("[;,|]", cell) if part
    )
    assert not computed or re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*", cell)


@pytest.mark.parametrize(
    "field, cell",
    [
        ("IMG_1.jpg", "IMG_1.jpg"),
        ("-0.5", "-0.5"),
        ("=1+1.jpg", r"\x3d1+1.jpg"),
        ("@a", r"\x40a"),
        ("a;=b", r"a;\x3db"),
        ("\t=1", r"\t=1"),
        (" =1", r" \x3d1"),
        ("a; @b", r"a; \x40b"),
        ("a\\b", r"a\\b"),
        ("\x1b[31m", r"\x1b[31m"),
    ],
)
def test_cells_as_the_docs_describe_them(field, cell):
    assert escaped(field) == cell


def test_the_day_of_a_row_and_of_a_file():
    assert day_of(ROW) == "2026-11-22" == first_day(HEADER + ROW + b"2026-11-23T")
    assert day_of(HEADER) == first_day(HEADER) == first_day(b"") == NO_DAY


@pytest.mark.parametrize(
    "head", [b"", b"tim", HEADER[:-1], HEADER, HEADER + ROW, b"\0" * 99, b"time,\0\0", b"time,so"]
)
def test_the_same_columns_or_a_torn_header(head):
    assert has_columns(head, HEADER)


@pytest.mark.parametrize(
    "head", [b"a,b,c\n", b"a,b", b"time,source\n", HEADER[:-1] + b",x\n", b"\0\n", b'"' * 5 + b"\n"]
)
def test_other_columns(head):
    assert not has_columns(head, HEADER)


def test_the_same_columns_as_a_spreadsheet_quotes_them():
    assert has_columns(b'"time",source,Smiling\r\n', HEADER)


@pytest.mark.parametrize(
    "block, length",
    [
        (b"", 0),
        (b"torn", 0),
        (b"\0\0\0", 0),
        (b"a\nb\n", 4),
        (b"a\nb\ntorn", 4),
        (b"a\nb\0\0", 2),
        (b"a\nb\0\0\n", 2),
        (b"a\n\0b\n\0\n\0", 2),
    ],
)
def test_complete_lines_end_before_the_first_torn_or_zeroed_one(block, length):
    assert complete_length(block) == length
