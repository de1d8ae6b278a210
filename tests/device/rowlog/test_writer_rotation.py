"""When the next file begins: by day, by size, and with a clock that is wrong."""

import os

import pytest

from device.rowlog.writer import RowWriter
from device.settings import RotationSettings
from tests.device.rowlog.logs import DAILY, HEADER, TODAY, numbers, rotated, row


def daily_writer(path, messages, today=TODAY.isoformat):
    return RowWriter(path, HEADER, DAILY, messages.append, today)


def test_a_file_a_day(tmp_path, messages):
    path = tmp_path / "a.csv"
    writer = daily_writer(path, messages)
    writer.add([row(1, "2026-11-22"), row(2, "2026-11-22"), row(3, "2026-11-23")])
    writer.add([row(4, "2026-11-25")])
    writer.flush_due(0.0)
    writer.close()
    assert [file.name for file in rotated(path)] == ["a.2026-11-22.csv", "a.2026-11-23.csv"]
    assert [numbers(file) for file in (*rotated(path), path)] == [[1, 2], [3], [4]]


def test_the_file_of_an_earlier_day_is_rotated_at_the_start(tmp_path, messages):
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + row(1, "2020-01-01"))
    writer = daily_writer(path, messages)
    writer.flush_due(0.0)  # no row was added yet
    writer.close()
    assert [file.name for file in rotated(path)] == ["a.2020-01-01.csv"]
    assert numbers(path) == []


def test_a_file_is_rotated_at_the_end_of_its_day_without_a_further_row(tmp_path, messages):
    days = ["2026-11-20", "2026-11-20", "2026-11-21"]
    path = tmp_path / "a.csv"
    writer = daily_writer(path, messages, lambda: days.pop(0))
    writer.add([row(1, "2026-11-20")])
    for half_hour in range(4):
        writer.flush_due(1800.0 * half_hour)
    assert rotated(path) == []
    writer.flush_due(7200.0)
    writer.close()
    assert [file.name for file in rotated(path)] == ["a.2026-11-20.csv"] and numbers(path) == []


JUMPS = ["2026-11-22", "2026-11-23", "2026-11-21", "1970-01-01"] * 20


@pytest.mark.parametrize(
    "rows, older, current",
    [
        # A clock that jumps back and forth does not begin a file each time.
        ([(day, float(n)) for n, day in enumerate(JUMPS)], [[0]], list(range(1, 80))),
        # A file from the future is left after a day.
        (
            [
                ("2099-01-01", 0.0),
                ("2026-11-22", 3600.0),
                ("2026-11-22", 23 * 3600.0),
                ("2026-11-23", 25 * 3600.0),
            ],
            [[0, 1, 2]],
            [3],
        ),
    ],
)
def test_rotation_with_a_wrong_clock(tmp_path, messages, rows, older, current):
    path = tmp_path / "a.csv"
    writer = daily_writer(path, messages)
    for number, (day, now_s) in enumerate(rows):
        writer.add([row(number, day)])
        writer.flush_due(now_s)
    writer.close()
    assert [numbers(file) for file in rotated(path)] == older and numbers(path) == current


def test_a_file_of_at_most_so_many_megabytes(tmp_path, messages):
    path = tmp_path / "a.csv"
    small = RotationSettings(compress=False, max_mb=0.001)
    writer = RowWriter(path, HEADER, small, messages.append)
    writer.add([row(number) for number in range(1000, 1100)])
    writer.flush_due(0.0)
    writer.close()
    files = rotated(path)
    assert [file.name for file in files][:2] == ["a.2026-11-22.csv", "a.2026-11-22_002.csv"]
    assert all(900 < file.stat().st_size <= 1000 for file in files)
    assert numbers(*files, path) == list(range(1000, 1100))


def test_a_file_with_other_columns_becomes_one_of_the_older_files(tmp_path, messages):
    path = tmp_path / "a.csv"
    path.write_bytes(b"time,Smiling\n" + row(1, "2026-11-20"))
    writer = daily_writer(path, messages)
    writer.close()
    assert rotated(path) == [writer.moved_to] and numbers(path) == []


def test_a_symbolic_link_stays_and_its_target_is_rotated(tmp_path, messages):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "a.csv"
    os.symlink("disk/b.csv", link)
    writer = daily_writer(link, messages)
    writer.add([row(1, "2026-11-22"), row(2, "2026-11-23")])
    writer.close()
    assert link.is_symlink() and numbers(link) == [2]
    assert [file.name for file in rotated(tmp_path / "disk" / "b.csv")] == ["b.2026-11-22.csv"]
