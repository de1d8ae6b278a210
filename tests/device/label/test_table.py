"""Rows become Parquet, whatever is in them."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.label.table import Counts, ShardTable, Where
from device.types import Face, Probabilities

parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow (requirements-label.txt)")

NAMES = ("Smiling", "Male")
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("\udcff\udc80"), max_size=8)
WHERES = st.builds(
    Where,
    TEXTS,
    st.none() | TEXTS,
    st.none() | st.integers(0, 2**31 - 1),
    st.none() | st.floats(0, 1e6),
)
ENTRIES = st.lists(st.tuples(WHERES, st.none() | st.floats(0, 1, width=32)), max_size=20)


def face(value: float | None) -> Face:
    array = None if value is None else np.array([value, 1 - value], np.float32)
    return Face(1, (1, 2, 3, 4), 0.5, np.zeros((4, 2)), "ok", (), Probabilities(NAMES, array))


def read(table: ShardTable) -> list[dict]:
    return parquet.read_table(io.BytesIO(table.to_parquet({"facet.key": "x"}))).to_pylist()


def stored(text: str | None) -> str | None:
    return None if text is None else text.encode(errors="backslashreplace").decode()


@given(ENTRIES)
def test_what_is_added_is_read(entries):
    table = ShardTable(NAMES, "abc")
    for where, value in entries:
        table.add_faces(where, [face(value)])
    rows = read(table)
    assert len(rows) == len(entries)
    for row, (where, value) in zip(rows, entries, strict=True):
        assert (row["path"], row["member"]) == (stored(where.path), stored(where.member))
        assert (row["frame"], row["time_s"]) == (where.frame, where.time_s)
        assert row["Smiling"] == value
        assert (row["x"], row["height"], row["model"], row["reason"]) == (1, 4, "abc", None)


def test_an_empty_shard_is_a_file():
    assert read(ShardTable(NAMES, "abc")) == []


def test_what_was_added_is_counted():
    table = ShardTable(NAMES, "abc")
    table.add_faces(Where("a"), [face(0.5), face(None)])
    table.add_faces(Where("b"), [])
    table.add_failure(Where("c"), "two\nlines")
    assert table.counts(3) == Counts(3, 3, 2, 2, 1, 1)
    assert [(row["face"], row["reason"]) for row in read(table)] == [
        *((1, None), (1, None), (0, None), (0, "two lines"))
    ]
    assert table.counts(3) + table.counts(3) == Counts(6, 6, 4, 4, 2, 2)


WITHOUT = """
import sys
from device.label.table import ShardTable, Where
table = ShardTable(("a",), "b")
table.add_failure(Where("c"), "d")
table.to_parquet({})
print("pandas" in sys.modules)
"""


def test_pandas_is_not_loaded():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
