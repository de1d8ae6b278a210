"""RowSink for months: synced, rotated, waiting where the disk refuses. Seconds are passed in."""

import os
import shutil
import subprocess
import time
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import FacetError
from device.rowlog.csv_format import line
from device.rowlog.rotation import old_files
from device.rowlog.sink import Writer
from device.rowlog.writer import RETRY_S, RowWriter
from device.settings import RotationSettings

HEADER = line(["time", "number"])
PLAIN = RotationSettings(compress=False)
DAILY = RotationSettings(compress=False, daily=True)
FIRST = date(2026, 11, 20)  # today, for the tests: earlier than any row but where they say so


def row(number, day="2026-11-22"):
    return line([f"{day}T00:00:00.000Z", str(number)])


def numbers(*paths):
    """Return the second column of files one after the other, each with its header."""
    found = []
    for path in paths:
        first, *others = path.read_bytes().splitlines(keepends=True)
        assert first == HEADER and all(one.endswith(b"\n") for one in others)
        found += [int(one.split(b",")[1]) for one in others]
    return found


def rotated(path):
    return [old.path for old in old_files(path)]


@pytest.fixture
def said():
    return []


def test_a_row_can_be_read_at_once_and_is_synced_after_the_interval(tmp_path, said):
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, PLAIN, said.append)
    one.add([row(1)])
    assert one.work(100.0) == 3700.0  # synced at once after a pause: nothing is due
    one.add([row(2)])
    assert one.work(101.0) == 105.0 and numbers(path) == [1, 2]
    one.add([row(3)])
    assert one.work(104.0) == 105.0 and numbers(path) == [1, 2, 3]
    assert one.work(105.0) == 3705.0
    one.close()
    assert said == []


def test_rows_that_come_faster_than_the_memory_bears_are_synced_sooner(tmp_path, said):
    one = RowWriter(tmp_path / "a.csv", HEADER, RotationSettings(buffer_rows=100), said.append)
    for second in range(20):
        one.add([row(60 * second + n) for n in range(60)])
        assert one.work(float(second)) == second + 3600.0
    one.close()
    assert numbers(tmp_path / "a.csv") == list(range(1200)) and said == []


def test_a_removed_folder_that_comes_back_loses_no_row_of_its_absence(tmp_path, said):
    path = tmp_path / "logs" / "a.csv"
    path.parent.mkdir()
    one = RowWriter(path, HEADER, PLAIN, said.append)
    one.add([row(1)])
    one.work(0.0)
    one.add([row(2)])
    one.work(1.0)  # written, and not yet synced
    shutil.rmtree(path.parent)
    one.add([row(3)])
    one.work(5.0)
    assert one.work(5.0) == 5.0 + RETRY_S
    one.add([row(4)])
    for second in range(6, 60):
        one.work(float(second))
    assert not path.parent.exists()  # a mount point made by us would hide the disk's
    path.parent.mkdir()
    one.work(60.0)
    one.close()
    assert numbers(path) == [2, 3, 4]
    assert [text.partition(": ")[2] for text in said] == [
        "No such file or directory; up to 10000 rows wait in memory. Make the folder again",
        "",
    ]
    assert said[1] == f"writing the log {path} again"


def test_a_deleted_log_begins_anew_without_a_word(tmp_path, said):
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, PLAIN, said.append)
    one.add([row(1)])
    one.work(0.0)
    path.unlink()
    one.add([row(2)])
    one.close()
    assert numbers(path) == [2] and said == []


def test_a_log_that_somebody_else_renames_is_complete_and_a_new_one_begins(tmp_path, said):
    path, other = tmp_path / "a.csv", tmp_path / "a.old"
    one = RowWriter(path, HEADER, PLAIN, said.append)
    one.add([row(1)])
    one.work(0.0)
    path.rename(other)
    one.add([row(2)])
    one.work(6.0)
    one.add([row(3)])
    one.work(7.0)  # in a new file, and not yet synced
    one._give_up()
    one.work(8.0)
    one.close()
    assert numbers(other) == [1, 2] and numbers(path) == [3] and said == []


def test_a_full_disk_makes_rows_wait_and_takes_them_when_there_is_room(disk, said):
    path = disk / "a.csv"
    one = RowWriter(path, HEADER, PLAIN, said.append)
    (disk / "ballast").write_bytes(bytes(40_000))
    count = 2000  # 60 kB
    for number in range(count):
        one.add([row(number)])
        one.work(number / 10)
    assert 300 < len(numbers(path)) < 1500  # whole rows up to the last
    (disk / "ballast").unlink()
    one.work(count / 10 + RETRY_S)
    one.close()
    assert numbers(path) == list(range(count))
    assert len(said) == 2 and "No space left on device" in said[0] and "again" in said[1]


def test_a_memory_that_is_too_short_says_how_many_rows_were_lost(disk, said):
    path = disk / "a.csv"
    one = RowWriter(path, HEADER, RotationSettings(buffer_rows=100), said.append)
    one.add([row(0)])
    one.work(0.0)
    (disk / "ballast").write_bytes(bytes(57_344))
    with open(disk / "more", "wb", buffering=0) as more, pytest.raises(OSError):
        while True:
            more.write(bytes(512))
    for number in range(1, 2001):
        one.add([row(number)])
        one.work(float(number))
    kept = len(numbers(path))
    (disk / "ballast").unlink()
    one.work(2002.0)
    assert said[-1] == f"writing the log {path} again; {2000 + 1 - kept - 100} rows were lost"
    got = numbers(path)
    assert got[kept:] == list(range(1901, 2001)) and got[:kept] == list(range(kept))
    with pytest.raises(FacetError, match=rf"^{1901 - kept} rows of the log .*a.csv were lost"):
        one.close()


def test_a_disk_that_stays_full_is_told_at_the_end(disk, said):
    path = disk / "a.csv"
    one = RowWriter(path, HEADER, PLAIN, said.append)
    one.add([row(number) for number in range(3000)])  # 84 kB
    one.work(0.0)
    kept = len(numbers(path))
    lost = rf"^{3000 - kept} rows of the log .* were lost: No space left on device\. Free the disk$"
    with pytest.raises(FacetError, match=lost):
        one.close()
    assert 0 < kept < 3000 and numbers(path) == list(range(kept))
    assert len(said) == 1


def test_a_full_disk_makes_room_by_itself_where_it_may(disk, said):
    path = disk / "a.csv"
    thrifty = RotationSettings(max_mb=0.01, min_free_mb=0.02, compress=False)
    one = RowWriter(path, HEADER, thrifty, said.append)
    for number in range(10_000):  # 300 kB
        one.add([row(number)])
        if number % 100 == 0:
            one.work(number / 10)
            one._archive._thread.join()
    one.close()
    got = numbers(*rotated(path), path)
    assert said == [] and got == list(range(got[0], 10_000))
    assert 25_000 < sum(file.stat().st_size for file in disk.iterdir()) < 55_000


def test_a_full_disk_is_reason_enough_to_delete_the_oldest(disk, said):
    path = disk / "a.csv"
    (disk / "a.2020-01-01.csv").write_bytes(bytes(20_000))
    thrifty = RotationSettings(max_mb=1.0, min_free_mb=0.01, compress=False)
    one = RowWriter(path, HEADER, thrifty, said.append)
    one.work(0.0)
    one._archive._thread.join()
    assert rotated(path)
    (disk / "ballast").write_bytes(bytes(36_000))
    one.add([row(number) for number in range(500)])  # 15 kB
    one.work(1.0)
    one._archive._thread.join()
    one.work(1.0 + RETRY_S)
    one.close()
    assert rotated(path) == [] and numbers(path) == list(range(500))
    assert len(said) == 2 and "No space left" in said[0]


def test_a_disk_that_is_read_only_for_a_while(disk, said):
    path = disk / "a.csv"
    one = RowWriter(path, HEADER, PLAIN, said.append)
    one.add([row(1)])
    one.work(0.0)
    one._give_up()  # a kernel that meets errors makes the disk read-only with files open
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    one.add([row(2)])
    one.work(1.0)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    one.work(3.0)
    assert "Read-only file system" in said[0] and "again" in said[1]
    one.close()
    assert numbers(path) == [1, 2]


def test_an_unplugged_disk_is_waited_for_and_its_mount_point_stays_empty(disk, said):
    one = RowWriter(disk / "a.csv", HEADER, PLAIN, said.append)
    one._give_up()
    subprocess.run(["umount", str(disk)], check=True)
    one.add([row(1)])
    one.work(0.0)
    assert list(disk.iterdir()) == [] and f"{disk} is not mounted" in said[0]
    subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=True)
    one.work(2.0)
    one.close()
    assert numbers(disk / "a.csv") == [1]


def test_a_file_a_day(tmp_path, said):
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, DAILY, said.append, FIRST.isoformat)
    one.add([row(1, "2026-11-22"), row(2, "2026-11-22"), row(3, "2026-11-23")])
    one.add([row(4, "2026-11-25")])
    one.work(0.0)
    one.close()
    assert [one.name for one in rotated(path)] == ["a.2026-11-22.csv", "a.2026-11-23.csv"]
    assert [numbers(one) for one in (*rotated(path), path)] == [[1, 2], [3], [4]]


def test_yesterdays_file_is_put_away_at_the_start_of_today(tmp_path, said):
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + row(1, "2020-01-01"))
    one = RowWriter(path, HEADER, DAILY, said.append, FIRST.isoformat)
    one.work(0.0)  # nobody has come yet
    one.close()
    assert [one.name for one in rotated(path)] == ["a.2020-01-01.csv"]
    assert numbers(path) == []


def test_yesterdays_file_is_put_away_though_nobody_comes_today(tmp_path, said):
    days = ["2026-11-20", "2026-11-20", "2026-11-21"]
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, DAILY, said.append, lambda: days.pop(0))
    one.add([row(1, "2026-11-20")])
    for half_hour in range(4):
        one.work(1800.0 * half_hour)
    assert rotated(path) == []
    one.work(7200.0)
    one.close()
    assert [one.name for one in rotated(path)] == ["a.2026-11-20.csv"] and numbers(path) == []


def test_a_clock_set_to_and_fro_makes_no_file_each_time(tmp_path, said):
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, DAILY, said.append, FIRST.isoformat)
    days = ["2026-11-22", "2026-11-23", "2026-11-21", "1970-01-01"] * 20
    for number, day in enumerate(days):
        one.add([row(number, day)])
        one.work(float(number))
    one.close()
    assert [numbers(old) for old in rotated(path)] == [[0]]
    assert numbers(path) == list(range(1, 80))


def test_a_file_of_the_future_is_left_after_a_day(tmp_path, said):
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, DAILY, said.append, FIRST.isoformat)
    for number, (day, hour) in enumerate(
        [("2099-01-01", 0), ("2026-11-22", 1), ("2026-11-22", 23), ("2026-11-23", 25)]
    ):
        one.add([row(number, day)])
        one.work(3600.0 * hour)
    one.close()
    assert [numbers(old) for old in rotated(path)] == [[0, 1, 2]]
    assert numbers(path) == [3]


def test_a_file_of_so_many_megabytes(tmp_path, said):
    path = tmp_path / "a.csv"
    small = RotationSettings(compress=False, max_mb=0.001)
    one = RowWriter(path, HEADER, small, said.append)
    one.add([row(number) for number in range(1000, 1100)])
    one.work(0.0)
    one.close()
    files = rotated(path)
    assert [file.name for file in files][:2] == ["a.2026-11-22.csv", "a.2026-11-22_002.csv"]
    assert all(900 < file.stat().st_size <= 1000 for file in files)
    assert numbers(*files, path) == list(range(1000, 1100))


def test_a_log_with_other_columns_ages_with_the_rotated_ones(tmp_path, said):
    path = tmp_path / "a.csv"
    path.write_bytes(b"time,Smiling\n" + row(1, "2026-11-20"))
    one = RowWriter(path, HEADER, DAILY, said.append, FIRST.isoformat)
    one.close()
    assert rotated(path) == [one.moved_to] and numbers(path) == []


def test_a_fault_after_a_rotation_doubles_no_row(tmp_path, said):
    path = tmp_path / "a.csv"
    one = RowWriter(path, HEADER, RotationSettings(compress=False, max_mb=0.001), said.append)
    one.add([row(number) for number in range(1000, 1050)])
    one.work(0.0)
    one._give_up()
    one.work(1.0)
    one.close()
    assert numbers(*rotated(path), path) == list(range(1000, 1050))


DAYS = st.integers(0, 5).map(lambda n: (FIRST + timedelta(days=n)).isoformat())
STEPS = st.lists(st.tuples(st.lists(DAYS, max_size=4), st.floats(0, 100_000)), max_size=25)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.sampled_from([0.0, 0.0001, 0.0003]), st.booleans())
def test_whatever_the_clock_no_row_is_lost_or_doubled(tmp_path_factory, steps, max_mb, daily):
    path = tmp_path_factory.mktemp("log") / "a.csv"
    chosen = RotationSettings(compress=False, daily=daily, max_mb=max_mb)
    one = RowWriter(path, HEADER, chosen, pytest.fail, FIRST.isoformat)
    count, now_s = 0, 0.0
    for days, passed_s in steps:
        one.add([row(count + n, day) for n, day in enumerate(days)])
        count, now_s = count + len(days), now_s + passed_s
        one.work(now_s)
    one.close()
    assert sorted(numbers(*rotated(path), path)) == list(range(count))


ACTS = st.sampled_from(["row", "row", "row", "work", "remove", "make", "rename", "delete"])


@settings(deadline=None, max_examples=150)
@given(st.lists(ACTS, max_size=40))
def test_whatever_happens_to_the_file_rows_since_the_last_sync_are_somewhere(
    tmp_path_factory, acts
):
    """Unless somebody deleted them: those that a deleted file had on the disk are gone."""
    root = tmp_path_factory.mktemp("log")
    folder = root / "logs"
    folder.mkdir()
    path = folder / "a.csv"
    one = RowWriter(path, HEADER, RotationSettings(sync_s=2.5 * RETRY_S), lambda text: None)
    count, now_s, deleted = 0, 0.0, set()
    for number, act in enumerate(acts):
        if act == "row":
            one.add([row(count)])
            count += 1
        elif act == "work":
            now_s += RETRY_S
            one.work(now_s)
        elif act == "rename" and path.exists():
            path.rename(root / f"{number}.csv")
        elif act == "delete" and path.exists():
            deleted.update(numbers(path))
            path.unlink()
        elif act == "remove" and folder.exists():
            deleted.update(numbers(path) if path.exists() else [])
            shutil.rmtree(folder)
        elif act == "make":
            folder.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    one.close()
    found = numbers(*root.glob("**/*.csv"))
    assert len(found) == len(set(found))
    assert set(found) | deleted >= set(range(count))


def test_the_thread_writes_soon_and_everything_at_the_end(tmp_path):
    path = tmp_path / "a.csv"
    with Writer(RowWriter(path, HEADER, PLAIN)) as writer:
        writer.add([row(1)])
        until = time.monotonic() + 10
        while numbers(path) != [1] and time.monotonic() < until:
            time.sleep(0.01)
        assert numbers(path) == [1]
        writer.add([row(2)])
    assert numbers(path) == [1, 2]


def test_a_fault_of_ours_in_the_thread_ends_the_run(tmp_path):
    def warn(text):
        raise LookupError(text)

    folder = tmp_path / "logs"
    folder.mkdir()
    with (
        pytest.raises(LookupError, match="No such file"),
        Writer(RowWriter(folder / "a.csv", HEADER, RotationSettings(sync_s=0.0), warn)) as writer,
    ):
        shutil.rmtree(folder)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            writer.add([row(1)])
            time.sleep(0.01)


def test_what_was_lost_does_not_hide_what_ended_the_run(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    with (
        pytest.raises(KeyError),
        Writer(RowWriter(folder / "a.csv", HEADER, PLAIN)) as writer,
    ):
        shutil.rmtree(folder)
        writer.add([row(1)])
        raise KeyError
    assert f"1 rows of the log {folder}/a.csv were lost: No such file" in capsys.readouterr().err


def test_a_link_stays_and_what_it_leads_to_is_rotated(tmp_path, said):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "a.csv"
    os.symlink("disk/b.csv", link)
    one = RowWriter(link, HEADER, DAILY, said.append, FIRST.isoformat)
    one.add([row(1, "2026-11-22"), row(2, "2026-11-23")])
    one.close()
    assert link.is_symlink() and numbers(link) == [2]
    assert [one.name for one in rotated(tmp_path / "disk" / "b.csv")] == ["b.2026-11-22.csv"]
