"""A disk that is full, read-only or absent, and a file that others rename or delete."""

import shutil
import subprocess
import sys

import pytest

from device.errors import FacetError
from device.rowlog.writer import RETRY_S, RowWriter
from device.settings import RotationSettings
from tests.conftest import ROOT
from tests.device.rowlog.logs import DAILY, HEADER, PLAIN, TODAY, numbers, rotated, row


def test_a_folder_that_is_removed_and_restored_loses_no_row_of_its_absence(tmp_path, messages):
    path = tmp_path / "logs" / "a.csv"
    path.parent.mkdir()
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.add([row(1)])
    writer.flush_due(0.0)
    writer.add([row(2)])
    writer.flush_due(1.0)  # written, and not yet synced
    shutil.rmtree(path.parent)
    writer.add([row(3)])
    writer.flush_due(5.0)
    assert writer.flush_due(5.0) == 5.0 + RETRY_S
    writer.add([row(4)])
    for second in range(6, 60):
        writer.flush_due(float(second))
    assert not path.parent.exists()  # a folder made by the log would hide a disk mounted later
    path.parent.mkdir()
    writer.flush_due(60.0)
    writer.close()
    assert numbers(path) == [2, 3, 4]
    assert messages == [
        f"cannot write the log {path}: No such file or directory; up to 10000 rows wait in memory. "
        "Try: create the folder again",
        f"writing the log {path} again",
    ]


def test_a_deleted_file_is_replaced_without_a_message(tmp_path, messages):
    path = tmp_path / "a.csv"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.add([row(1)])
    writer.flush_due(0.0)
    path.unlink()
    writer.add([row(2)])
    writer.close()
    assert numbers(path) == [2] and messages == []


def test_a_file_renamed_by_another_program_is_complete_and_a_new_one_begins(tmp_path, messages):
    path, renamed = tmp_path / "a.csv", tmp_path / "a.old"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.add([row(1)])
    writer.flush_due(0.0)
    path.rename(renamed)
    writer.add([row(2)])
    writer.flush_due(6.0)
    writer.add([row(3)])
    writer.flush_due(7.0)  # in a new file, and not yet synced
    writer.file.close()  # as after a fault
    writer.flush_due(8.0)
    writer.close()
    assert numbers(renamed) == [1, 2] and numbers(path) == [3] and messages == []


def test_a_fault_after_a_rotation_writes_no_row_twice(tmp_path, messages):
    path = tmp_path / "a.csv"
    small = RotationSettings(compress=False, max_mb=0.001)
    writer = RowWriter(path, HEADER, small, messages.append)
    writer.add([row(number) for number in range(1000, 1050)])
    writer.flush_due(0.0)
    writer.file.close()  # as after a fault
    writer.flush_due(1.0)
    writer.close()
    assert numbers(*rotated(path), path) == list(range(1000, 1050))


def test_rows_wait_for_a_full_disk_and_are_written_when_it_has_room(disk, messages):
    path = disk / "a.csv"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    (disk / "ballast").write_bytes(bytes(40_000))
    count = 2000  # 60 kB
    for number in range(count):
        writer.add([row(number)])
        writer.flush_due(number / 10)
    assert 300 < len(numbers(path)) < 1500  # complete rows up to the last
    (disk / "ballast").unlink()
    writer.flush_due(count / 10 + RETRY_S)
    writer.close()
    assert numbers(path) == list(range(count))
    assert len(messages) == 2
    assert "No space left on device" in messages[0] and "again" in messages[1]


def test_rows_beyond_the_memory_are_counted(disk, messages):
    path = disk / "a.csv"
    writer = RowWriter(path, HEADER, RotationSettings(buffer_rows=100), messages.append)
    writer.add([row(0)])
    writer.flush_due(0.0)
    (disk / "ballast").write_bytes(bytes(57_344))
    with open(disk / "more", "wb", buffering=0) as more, pytest.raises(OSError):
        while True:
            more.write(bytes(512))
    for number in range(1, 2001):
        writer.add([row(number)])
        writer.flush_due(float(number))
    kept = len(numbers(path))
    (disk / "ballast").unlink()
    writer.flush_due(2002.0)
    assert messages[-1] == f"writing the log {path} again; {2001 - kept - 100} rows were lost"
    assert numbers(path) == [*range(kept), *range(1901, 2001)]
    with pytest.raises(FacetError, match=rf"^{1901 - kept} rows of the log .*a.csv were lost") as e:
        writer.close()
    assert e.value.hint == "raise buffer_rows in [rotation]"


def test_a_disk_that_stays_full_is_an_error_at_the_end(disk, messages):
    path = disk / "a.csv"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.add([row(number) for number in range(3000)])  # 84 kB
    writer.flush_due(0.0)
    kept = len(numbers(path))
    with pytest.raises(FacetError) as error:
        writer.close()
    assert str(error.value) == (
        f"{3000 - kept} rows of the log {path} were lost: No space left on device. "
        "Try: free space on the disk"
    )
    assert 0 < kept < 3000 and numbers(path) == list(range(kept))
    assert len(messages) == 1


def test_retention_keeps_the_disk_from_filling(disk, messages):
    path = disk / "a.csv"
    thrifty = RotationSettings(max_mb=0.01, min_free_mb=0.02, compress=False)
    writer = RowWriter(path, HEADER, thrifty, messages.append)
    for number in range(10_000):  # 300 kB
        writer.add([row(number)])
        if number % 100 == 0:
            writer.flush_due(number / 10)
            writer.retention.wait()
    writer.close()
    present = numbers(*rotated(path), path)
    assert messages == [] and present == list(range(present[0], 10_000))
    assert 25_000 < sum(file.stat().st_size for file in disk.iterdir()) < 55_000


def test_a_full_disk_starts_retention(disk, messages):
    path = disk / "a.csv"
    (disk / "a.2020-01-01.csv").write_bytes(bytes(20_000))
    thrifty = RotationSettings(max_mb=1.0, min_free_mb=0.01, compress=False)
    writer = RowWriter(path, HEADER, thrifty, messages.append)
    writer.flush_due(0.0)
    writer.retention.wait()
    assert rotated(path)
    (disk / "ballast").write_bytes(bytes(36_000))
    writer.add([row(number) for number in range(500)])  # 15 kB
    writer.flush_due(1.0)
    writer.retention.wait()
    writer.flush_due(1.0 + RETRY_S)
    writer.close()
    assert rotated(path) == [] and numbers(path) == list(range(500))
    assert len(messages) == 2 and "No space left" in messages[0]


def test_a_disk_that_is_read_only_for_a_while(disk, messages):
    path = disk / "a.csv"
    writer = RowWriter(path, HEADER, PLAIN, messages.append)
    writer.add([row(1)])
    writer.flush_due(0.0)
    writer.file.close()  # the kernel remounts a faulty disk read-only even with open files
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    writer.add([row(2)])
    writer.flush_due(1.0)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    writer.flush_due(3.0)
    assert "Read-only file system" in messages[0] and "again" in messages[1]
    writer.close()
    assert numbers(path) == [1, 2]


def test_an_unplugged_disk_leaves_its_mount_point_empty(disk, messages):
    writer = RowWriter(disk / "a.csv", HEADER, PLAIN, messages.append)
    writer.file.close()
    subprocess.run(["umount", str(disk)], check=True)
    writer.add([row(1)])
    writer.flush_due(0.0)
    assert list(disk.iterdir()) == []
    assert f"{disk} is not mounted" in messages[0] and "Try: plug the disk in" in messages[0]
    subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=True)
    writer.flush_due(2.0)
    writer.close()
    assert numbers(disk / "a.csv") == [1]


def fill(disk):
    """Leave no room for a byte."""
    with open(disk / "ballast", "wb", buffering=0) as ballast:
        for size in (4096, 1):
            with pytest.raises(OSError, match="No space left"):
                while True:
                    ballast.write(bytes(size))


def remount(disk, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


@pytest.mark.parametrize("fault", ["full", "read-only"])
@pytest.mark.parametrize("folder", [".", "new"])
def test_a_disk_that_refuses_at_the_start_is_waited_for(disk, messages, fault, folder):
    path = disk / folder / "a.csv"
    if fault == "full":
        fill(disk)
    else:
        remount(disk, "ro")
    with pytest.raises(OSError, match=r"No space|Read-only"):
        RowWriter(path, HEADER, DAILY)
    writer = RowWriter(path, HEADER, DAILY, messages.append, TODAY.isoformat, wait=True)
    for second in range(3):
        writer.add([row(second)])
        writer.flush_due(second * RETRY_S)
    if fault == "full":
        (disk / "ballast").unlink()
    else:
        remount(disk, "rw")
    writer.flush_due(60.0)
    writer.close()
    assert numbers(path) == [0, 1, 2]
    assert len(messages) == 2 and messages[1] == f"writing the log {path} again"


def test_a_disk_that_refuses_from_start_to_end_is_an_error(disk, messages):
    fill(disk)
    writer = RowWriter(disk / "a.csv", HEADER, DAILY, messages.append, wait=True)
    writer.add([row(1)])
    with pytest.raises(FacetError, match=r"1 row of the log .*a.csv was lost: No space left"):
        writer.close()
    RowWriter(disk / "a.csv", HEADER, DAILY, messages.append, wait=True).close()  # no row, no loss


@pytest.mark.parametrize("wait", [False, True])
def test_a_path_that_can_never_be_written_is_an_error_at_the_start(tmp_path, wait):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        RowWriter(tmp_path / "file" / "a.csv", HEADER, DAILY, wait=wait)


@pytest.mark.parametrize("settings", [PLAIN, DAILY], ids=["one file", "rotated"])
def test_at_the_limit_of_a_file_the_log_goes_on_in_another(tmp_path, settings):
    """RLIMIT_FSIZE, in a process of its own; 9000 rows of 30 bytes, 100 kB a file."""
    code = """
import resource, sys
from pathlib import Path
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings
from tests.device.rowlog.logs import HEADER, row
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
settings = RotationSettings(compress=False, daily=sys.argv[2] == "True")
writer = RowWriter(Path(sys.argv[1]), HEADER, settings, print, lambda: "2026-11-22")
for number in range(9000):
    writer.add([row(number)])
    if number % 100 == 0:
        writer.flush_due(number / 10)
writer.close()
"""
    path = tmp_path / "a.csv"
    command = [sys.executable, "-c", code, path, str(settings.daily)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(rotated(path)) == 2 and numbers(*rotated(path), path) == list(range(9000))
    assert done.stdout.count("as large as a file may be; it goes on in another") == 2
