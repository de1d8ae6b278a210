"""A tail returns each row of a log at least once and in order, whatever happens to the files."""

import gzip
import itertools
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.rowlog.csv_format import line
from device.rowlog.rotation import compress, rotate
from device.rowlog.tail import RowTail

HEADER = line(["time", "name"])


class Log:
    """A log whose rows a test adds by hand: numbered names, one day after the other."""

    def __init__(self, folder: Path):
        self.path, self.store = folder / "visits.csv", folder / "visits.csv.sent"
        self.count = itertools.count(1)
        self.written: list[str] = []
        self.path.write_bytes(HEADER)

    def tail(self) -> RowTail:
        return RowTail(self.path, self.store)

    def add(self, day: int = 1) -> None:
        name = f"row {next(self.count)}"
        self.written.append(name)
        with self.path.open("ab") as file:
            file.write(line([f"2026-01-{day:02}T00:00:00.000Z", name]))

    def rotate(self) -> Path:
        older = rotate(self.path)
        self.path.write_bytes(HEADER)
        return older


@pytest.fixture
def log(tmp_path) -> Log:
    return Log(tmp_path)


def names(rows):
    return [row.values["name"] for row in rows]


def test_a_log_without_rows_has_none(log):
    assert log.tail().rows(10) == []


def test_rows_come_once_and_in_order(log):
    tail = log.tail()
    log.add()
    log.add()
    assert names(tail.rows(1)) == ["row 1"]
    assert names(tail.rows(10)) == ["row 2"]
    assert tail.rows(10) == []
    log.add()
    assert names(tail.rows(10)) == ["row 3"]


def test_rows_from_before_the_first_use_are_passed_over(log):
    log.add(1)
    log.rotate()
    log.add(2)
    tail = log.tail()
    assert tail.rows(10) == []
    log.add(2)
    assert names(tail.rows(10)) == ["row 3"]


def test_what_was_not_acknowledged_comes_again_after_a_restart(log):
    tail = log.tail()
    for _ in range(3):
        log.add()
    first, *_ = tail.rows(10)
    tail.acknowledge(first)
    tail.save()
    assert names(log.tail().rows(10)) == ["row 2", "row 3"]
    tail.rewind()
    assert names(tail.rows(10)) == ["row 2", "row 3"]


def test_rows_in_files_that_were_rotated_and_compressed_are_not_lost(log):
    tail = log.tail()
    log.add(1)
    log.add(1)
    tail.acknowledge(tail.rows(1)[0])
    tail.save()
    compress(log.rotate(), lambda: False)
    log.add(2)
    again = log.tail()
    assert names(again.rows(1)) == ["row 2"]
    assert names(again.rows(10)) == ["row 3"]


def test_an_older_file_of_an_earlier_day_counts_too(log):
    """A clock that was set back gives an older file a name before those that were read."""
    tail = log.tail()
    log.add(20)
    log.rotate()
    tail.acknowledge(tail.rows(10)[0])
    log.add(3)
    log.rotate()
    assert names(tail.rows(10)) == ["row 2"]


def test_a_torn_row_waits_for_its_end(log):
    tail = log.tail()
    log.add()
    with log.path.open("ab") as file:
        file.write(b"2026-01-01T00:00:00.000Z,half")
    assert names(tail.rows(10)) == ["row 1"]
    with log.path.open("ab") as file:
        file.write(b" a row\n")
    assert names(tail.rows(10)) == ["half a row"]


def test_a_line_that_is_no_row_has_no_values(log):
    tail = log.tail()
    with log.path.open("ab") as file:
        file.write(b"2026-01-01T00:00:00.000Z\n\0\0\0,\0\n\xff,\xff\n")
    assert [dict(row.values) for row in tail.rows(10)] == [{}, {}, {}]


def test_after_a_power_cut_the_log_may_be_shorter(log):
    tail = log.tail()
    log.add()
    log.add()
    for row in tail.rows(10):
        tail.acknowledge(row)
    tail.save()
    log.path.write_bytes(b"".join(log.path.read_bytes().splitlines(keepends=True)[:-1]))
    again = log.tail()
    log.add()
    assert names(again.rows(10)) == ["row 3"]


@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"acknowledged": 3, "done": []}', "\0\0"])
def test_a_damaged_store_sends_the_current_file_again(log, rubbish):
    log.tail()
    log.add(1)
    log.rotate()
    log.add(2)
    log.store.write_text(rubbish)
    tail = log.tail()
    assert tail.damaged and names(tail.rows(10)) == ["row 2"]


def test_a_file_that_was_deleted_before_it_was_read_is_counted(log):
    tail = log.tail()
    log.add(1)
    log.add(1)
    tail.acknowledge(tail.rows(1)[0])
    log.rotate().unlink()
    log.add(2)
    assert names(tail.rows(10)) == ["row 3"] and tail.lost_files == 1


def test_done_files_leave_the_store_when_they_are_deleted(log):
    tail = log.tail()
    for day in range(1, 5):
        log.add(day)
        older = log.rotate()
        for row in tail.rows(10):
            tail.acknowledge(row)
        older.unlink()
    log.add(9)
    log.rotate()  # files are listed when the log is another one
    for row in tail.rows(10):
        tail.acknowledge(row)
    tail.save()
    stored = json.loads(log.store.read_text())
    assert not stored["acknowledged"] and len(stored["done"]) == 1 and not tail.lost_files


def test_values_has_the_rows_from_a_day_on(log):
    log.add(1)
    log.rotate()
    log.add(2)
    log.rotate()
    log.add(3)
    assert [values["name"] for values in log.tail().values("2026-01-02")] == ["row 2", "row 3"]


def test_a_missing_log_has_no_rows(log):
    tail = log.tail()
    log.add()
    log.path.unlink()
    assert tail.rows(10) == [] and not tail.lost_files


def test_a_damaged_older_file_does_not_end_the_reading(log):
    tail = log.tail()
    log.add(1)
    compress(log.rotate(), lambda: False)
    older = next(log.path.parent.glob("*.gz"))
    older.write_bytes(gzip.compress(b"x" * 100)[:20])
    log.add(2)
    assert names(tail.rows(10)) == ["row 2"]


STEPS = st.lists(
    st.sampled_from(["add", "add", "rotate", "compress", "read", "restart", "rewind"]), max_size=40
)


@given(STEPS, st.integers(1, 4))
def test_every_row_arrives_in_order_and_at_least_once(steps, limit):
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder))
        tail, day, got = log.tail(), 1, []

        def read(limit):
            for row in tail.rows(limit):
                got.append(row.values["name"])
                tail.acknowledge(row)

        for step in steps:
            if step == "add":
                log.add(day)
            elif step == "rotate" and log.path.read_bytes() != HEADER:
                log.rotate()
                day += 1
            elif step == "compress":
                for older in sorted(log.path.parent.glob("visits.2*.csv")):
                    compress(older, lambda: False)
            elif step == "read":
                read(limit)
            elif step == "restart":  # without a save, as after kill -9, every other time
                if day % 2:
                    tail.save()
                tail = log.tail()
            elif step == "rewind":
                tail.rewind()
        for _ in range(50):
            read(5)
        assert list(dict.fromkeys(got)) == log.written
