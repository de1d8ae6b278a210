"""Rows in memory: which are written, synced, dropped or lost."""

from device.files import move_aside
from device.rowlog.buffer import RowBuffer, RowCounts
from device.rowlog.locked_file import LockedCsvFile
from tests.device.rowlog.logs import HEADER, row

ROWS = [row(number) for number in range(6)]


def filled(*rows, capacity=4):
    buffer = RowBuffer(capacity)
    buffer.add(rows)
    buffer.collect()
    return buffer


def test_an_empty_buffer_has_nothing_to_write_and_misses_nothing():
    buffer = filled()
    assert (len(buffer), buffer.unwritten(), buffer.missing) == (0, [], 0)


def test_rows_are_unwritten_until_marked_and_in_memory_until_synced():
    buffer = filled(*ROWS[:3])
    buffer.mark_written(2)
    assert (len(buffer), buffer.unwritten(), buffer.missing) == (3, [ROWS[2]], 1)
    buffer.mark_synced(buffer.forget_written(), 99)
    assert (len(buffer), buffer.unwritten(), buffer.missing) == (1, [ROWS[2]], 1)


def test_the_oldest_rows_beyond_the_capacity_are_lost():
    buffer = filled(*ROWS[:3])
    buffer.add(ROWS[3:])
    buffer.collect()
    assert buffer.unwritten() == ROWS[2:] and buffer.lost == 2 and buffer.missing == 6


def test_rows_that_nobody_collects_are_bounded_too():
    buffer = RowBuffer(4)
    buffer.add(ROWS)
    assert buffer.lost == 2
    buffer.collect()
    assert buffer.unwritten() == ROWS[2:]


def test_a_written_row_that_is_dropped_is_not_lost():
    buffer = filled(*ROWS[:4])
    buffer.mark_written(3)
    buffer.add(ROWS[4:])
    buffer.collect()
    assert (buffer.written, buffer.lost, buffer.unwritten()) == (1, 0, ROWS[3:])


def test_a_file_opened_again_needs_only_the_rows_it_lacks(tmp_path):
    file = LockedCsvFile(tmp_path / "a.csv", HEADER, move_aside)
    buffer = filled(*ROWS[:3])
    buffer.resume(file)
    file.append(ROWS[:2])
    assert buffer.written == 0
    buffer.resume(file)
    assert buffer.unwritten() == [ROWS[2]]
    file.close()
    other = LockedCsvFile(tmp_path / "b.csv", HEADER, move_aside)
    buffer.resume(other)
    assert buffer.unwritten() == ROWS[:3]
    other.close()


def test_rows_are_counted_once_from_the_memory_to_the_disk():
    buffer = RowBuffer(4)
    assert buffer.counts == RowCounts(0, 0, 0)
    buffer.add(ROWS[:3])
    assert buffer.counts == RowCounts(0, 0, 3)  # before and after they are collected
    buffer.collect()
    buffer.mark_written(2)
    assert buffer.counts == RowCounts(0, 0, 3)
    buffer.mark_synced(buffer.forget_written(), 99)
    assert buffer.counts == RowCounts(2, 0, 1)
    buffer.add(ROWS[:5])
    buffer.collect()
    assert buffer.counts == RowCounts(2, 2, 4)  # two more than it holds


def test_a_row_that_is_written_and_dropped_is_not_lost():
    buffer = filled(*ROWS[:4])
    buffer.mark_written(4)
    buffer.add(ROWS[4:])
    buffer.collect()
    assert buffer.counts == RowCounts(2, 0, 4)
