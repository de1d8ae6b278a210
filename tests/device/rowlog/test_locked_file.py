"""One file: locked, repaired, complete rows only."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.files import move_aside
from device.rowlog.csv_format import line
from device.rowlog.locked_file import BLOCK, FileLockedError, LockedCsvFile

HEADER = line(["time", "Smiling"])
ROWS = [line([f"2026-11-22T00:00:0{n}.000Z", "0.500" + "0" * n]) for n in range(9)]
COMPLETE = HEADER + b"".join(ROWS)


def opened(path):
    return LockedCsvFile(path, HEADER, move_aside)


def reopened(path, content):
    """Return what a file of this content holds after a start."""
    path.write_bytes(content)
    file = opened(path)
    file.close()
    assert file.moved_to is None
    return path.read_bytes()


@settings(deadline=None)
@given(st.integers(0, len(COMPLETE)), st.integers(0, 9000))
def test_a_cut_at_any_byte_followed_by_zeros_loses_only_the_torn_row(tmp_path_factory, at, zeros):
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    content = reopened(path, COMPLETE[:at] + b"\0" * zeros)
    lines = COMPLETE[:at].count(b"\n")
    assert content == HEADER + b"".join(ROWS[: max(0, lines - 1)])


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("byte", [b"x", b"\0"])
def test_a_torn_line_of_any_length_is_removed(tmp_path, length, byte):
    assert reopened(tmp_path / "a.csv", COMPLETE + byte * length) == COMPLETE


def test_a_header_of_zeros_is_torn_not_a_file_with_other_columns(tmp_path):
    assert reopened(tmp_path / "a.csv", b"\0" * 5000) == HEADER


def test_a_file_with_other_columns_is_moved_aside(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    file = opened(tmp_path / "a.csv")
    assert file.moved_to == tmp_path / "a.1.csv"
    assert file.moved_to.read_text() == "a,b\n1,2\n"
    assert (tmp_path / "a.csv").read_bytes() == HEADER
    file.close()


def test_the_day_is_that_of_the_first_row(tmp_path):
    file = opened(tmp_path / "a.csv")
    assert file.day == ""
    file.append([line(["2026-11-21T23:59:59.000Z", ""]), *ROWS])
    assert file.day == "2026-11-21"
    file.close()
    again = opened(tmp_path / "a.csv")
    assert again.day == "2026-11-21"
    again.close()


def test_a_second_writer_gets_the_pid_of_the_first(tmp_path):
    path = tmp_path / "a.csv"
    file = opened(path)
    with pytest.raises(
        FileLockedError, match=f"another process is writing to it, pid {os.getpid()}"
    ):
        opened(path)
    file.close()
    opened(path).close()


# The kernel refuses bytes beyond a limit as a full disk does: part of a write, then none.
LIMITED = """
import resource, sys
from pathlib import Path
from device.files import move_aside
from device.rowlog.locked_file import LockedCsvFile
from tests.device.rowlog.test_locked_file import HEADER, ROWS
limit = int(sys.argv[2])
file = LockedCsvFile(Path(sys.argv[1]), HEADER, move_aside)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print(file.append(ROWS))
try:
    file.append(ROWS)
except OSError as error:
    print(error.strerror)
"""


def test_a_full_disk_takes_complete_rows(tmp_path):
    path, room = tmp_path / "a.csv", len(HEADER + b"".join(ROWS[:4])) + 7
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(room)], capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["4", "File too large"], done.stderr
    assert path.read_bytes() == HEADER + b"".join(ROWS[:4])


def test_a_renamed_or_deleted_file_is_detected(tmp_path):
    file = opened(tmp_path / "a.csv")
    assert file.is_current and not file.deleted
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert not file.is_current and not file.deleted
    (tmp_path / "b.csv").unlink()
    assert not file.is_current and file.deleted
    file.close()
