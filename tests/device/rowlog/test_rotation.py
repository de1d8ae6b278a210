"""Rotated files: their names, gzip, and how long they stay."""

import gzip
import shutil
from datetime import date

import pytest

from device.rowlog.rotation import (
    Archive,
    compress,
    delete_older,
    free_disk,
    old_files,
    put_away,
)
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings

CONTENT = "time,x\n2026-11-22T10:00:00.000Z,1\n"
OTHERS = ("faces.1.csv", "faces.csv.bak", "other.2026-11-22.csv", "faces.2026-11.csv", "faces.csv")


@pytest.fixture
def log(tmp_path):
    """A log among files that are none of its own."""
    for name in OTHERS:
        (tmp_path / name).write_text(CONTENT)
    return tmp_path / "faces.csv"


def names(log):
    return sorted(path.name for path in log.parent.iterdir() if path.name not in OTHERS)


def test_files_are_named_by_day_and_number(log):
    for _ in range(3):
        log.write_text(CONTENT)
        put_away(log)
    assert names(log) == [
        "faces.2026-11-22.csv",
        "faces.2026-11-22_002.csv",
        "faces.2026-11-22_003.csv",
    ]
    (log.parent / "faces.2026-11-22.csv").unlink()
    log.write_text(CONTENT)
    assert put_away(log).name == "faces.2026-11-22_004.csv"  # later than those before
    assert not log.exists()


def test_what_is_no_log_of_ours_is_put_where_nothing_deletes_it(log):
    log.write_text("my,own\n1,2\n")
    assert put_away(log).name == "faces.2.csv"


def test_old_files_from_the_oldest_on(log):
    for name in ("2026-11-22.csv", "2026-11-22_010.csv.gz", "2026-11-22_009.csv", "2025-12-31.csv"):
        (log.parent / f"faces.{name}").write_text("")
    assert [old.path.name for old in old_files(log)] == [
        "faces.2025-12-31.csv",
        "faces.2026-11-22.csv",
        "faces.2026-11-22_009.csv",
        "faces.2026-11-22_010.csv.gz",
    ]


def test_compressed_is_the_same_and_as_private(log):
    path = log.parent / "faces.2026-11-22.csv"
    path.write_text(CONTENT * 1000)
    path.chmod(0o600)
    compress(path, lambda: False)
    assert names(log) == ["faces.2026-11-22.csv.gz"]
    packed = log.parent / "faces.2026-11-22.csv.gz"
    assert gzip.decompress(packed.read_bytes()).decode() == CONTENT * 1000
    assert packed.stat().st_mode & 0o777 == 0o600 and packed.stat().st_size < 2000


def test_a_stop_leaves_the_plain_file(log):
    path = log.parent / "faces.2026-11-22.csv"
    path.write_text(CONTENT)
    compress(path, lambda: True)
    assert names(log) == ["faces.2026-11-22.csv"] and path.read_text() == CONTENT


def test_what_a_power_cut_left_is_finished_at_the_next_start(log):
    (log.parent / "faces.2026-11-20.csv").write_text(CONTENT)
    (log.parent / "faces.2026-11-20.csv.gz.part").write_bytes(b"half")
    (log.parent / "faces.2026-11-21.csv").write_text(CONTENT)  # cut before its deletion
    (log.parent / "faces.2026-11-21.csv.gz").write_bytes(gzip.compress(CONTENT.encode()))
    (log.parent / "faces.2026-11-19.csv.gz.part").write_bytes(b"half")
    tidied(log, RotationSettings(daily=True))
    assert names(log) == ["faces.2026-11-20.csv.gz", "faces.2026-11-21.csv.gz"]
    for name in names(log):
        assert gzip.decompress((log.parent / name).read_bytes()).decode() == CONTENT


def test_of_a_file_that_a_power_cut_left_twice_the_plain_one_goes(log):
    plain, packed = (log.parent / f"faces.2026-11-21.csv{ending}" for ending in ("", ".gz"))
    plain.write_text(CONTENT)
    packed.write_bytes(gzip.compress(CONTENT.encode()))
    RowWriter(log, b"time,x\n", RotationSettings(daily=True)).close()
    assert names(log) == ["faces.2026-11-21.csv.gz"]


def tidied(log, settings, warn=pytest.fail):
    archive = Archive(log, settings, warn)
    archive.tidy()
    archive._thread.join()
    archive.close()


def make(log, *days):
    for day in days:
        (log.parent / f"faces.{day}.csv.gz").write_bytes(bytes(5000))


def test_files_older_than_so_many_days_are_deleted_and_no_others(log):
    make(log, "2026-11-14", "2026-11-15", "2026-11-22", "2027-01-01")
    delete_older(log, 7, date(2026, 11, 22))
    assert names(log) == [
        f"faces.{day}.csv.gz" for day in ("2026-11-15", "2026-11-22", "2027-01-01")
    ]
    assert all((log.parent / name).exists() for name in OTHERS)


def test_the_oldest_go_until_the_disk_has_room(disk):
    log = disk / "faces.csv"
    (disk / "mine").write_bytes(bytes(20_000))
    make(log, "2026-11-14", "2026-11-15", "2026-11-16", "2026-11-17")
    free = shutil.disk_usage(disk).free
    free_disk(log, free)
    assert len(old_files(log)) == 4
    free_disk(log, free + 1)
    assert [old.day for old in old_files(log)] == ["2026-11-15", "2026-11-16", "2026-11-17"]
    free_disk(log, 60_000)
    assert [path.name for path in disk.iterdir()] == ["mine"]


def test_retention_is_the_settings(log):
    make(log, "2020-01-01", "2099-01-01")
    tidied(log, RotationSettings(daily=True))
    assert len(names(log)) == 2
    tidied(log, RotationSettings(daily=True, keep_days=30))
    assert names(log) == ["faces.2099-01-01.csv.gz"]


def test_a_folder_that_went_away_is_one_line(log):
    said = []
    shutil.rmtree(log.parent)
    tidied(log, RotationSettings(daily=True, keep_days=1), said.append)
    assert len(said) == 1 and "cannot tidy up behind the log" in said[0]
