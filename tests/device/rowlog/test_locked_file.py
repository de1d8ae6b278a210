"""One file: locked, repaired, whole rows only."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.files import move_aside
from device.rowlog.csv_format import line
from device.rowlog.locked_file import BLOCK, Busy, LockedCsvFile

HEADER = line(["time", "Smiling"])
ROWS = [line([f"2026-11-22T00:00:0{n}.000Z", "0.500" + "0" * n]) for n in range(9)]
WHOLE = HEADER + b"".join(ROWS)


def sheet(path):
    return LockedCsvFile(path, HEADER, move_aside)


def reopened(path, content):
    """Return what a file of this content holds after a start."""
    path.write_bytes(content)
    one = sheet(path)
    one.close()
    assert one.moved_to is None
    return path.read_bytes()


@settings(deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 9000))
def test_cut_anywhere_and_zeros_after_it_only_the_torn_row_is_lost(tmp_path_factory, at, zeros):
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    got = reopened(path, WHOLE[:at] + b"\0" * zeros)
    kept = WHOLE[:at].count(b"\n")
    assert got == HEADER + b"".join(ROWS[: max(0, kept - 1)])


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("byte", [b"x", b"\0"])
def test_a_torn_line_of_any_length(tmp_path, length, byte):
    assert reopened(tmp_path / "a.csv", WHOLE + byte * length) == WHOLE


def test_a_torn_header_of_zeros_is_no_file_of_others(tmp_path):
    assert reopened(tmp_path / "a.csv", b"\0" * 5000) == HEADER


def test_other_columns_are_moved_aside(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    one = sheet(tmp_path / "a.csv")
    assert one.moved_to == tmp_path / "a.1.csv"
    assert one.moved_to.read_text() == "a,b\n1,2\n"
    assert (tmp_path / "a.csv").read_bytes() == HEADER
    one.close()


def test_the_day_is_the_first_rows(tmp_path):
    one = sheet(tmp_path / "a.csv")
    assert one.day == ""
    one.append([line(["2026-11-21T23:59:59.000Z", ""]), *ROWS])
    assert one.day == "2026-11-21"
    one.close()
    again = sheet(tmp_path / "a.csv")
    assert again.day == "2026-11-21"
    again.close()


def test_a_second_writer_is_told_who_the_first_is(tmp_path):
    path = tmp_path / "a.csv"
    one = sheet(path)
    with pytest.raises(Busy, match=f"another process writes it, pid {os.getpid()}"):
        sheet(path)
    one.close()
    sheet(path).close()


# The kernel refuses bytes beyond a limit as a full disk does: part of a write, then none.
LIMITED = """
import resource, sys
from pathlib import Path
from device.files import move_aside
from device.rowlog.locked_file import LockedCsvFile
from tests.device.rowlog.test_locked_file import HEADER, ROWS
limit = int(sys.argv[2])
one = LockedCsvFile(Path(sys.argv[1]), HEADER, move_aside)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print(one.append(ROWS))
try:
    one.append(ROWS)
except OSError as error:
    print(error.strerror)
"""


def test_a_full_disk_takes_whole_rows(tmp_path):
    path, room = tmp_path / "a.csv", len(HEADER + b"".join(ROWS[:4])) + 7
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(room)], capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["4", "File too large"], done.stderr
    assert path.read_bytes() == HEADER + b"".join(ROWS[:4])


def test_a_file_that_was_renamed_or_deleted_is_known(tmp_path):
    one = sheet(tmp_path / "a.csv")
    assert one.in_place and not one.deleted
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert not one.in_place and not one.deleted
    (tmp_path / "b.csv").unlink()
    assert not one.in_place and one.deleted
    one.close()
