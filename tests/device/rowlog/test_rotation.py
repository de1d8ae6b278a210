"""Older files: their names, compression, and when they are deleted."""

import gzip
import os
import shutil
import threading
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from device.rowlog.rotation import (
    Report,
    Retention,
    apply_retention,
    compress,
    delete_older,
    free_disk,
    rotate,
    rotated_files,
)
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings

CONTENT = "time,x\n2026-11-22T10:00:00.000Z,1\n"
OTHERS = ("faces.1.csv", "faces.csv.bak", "other.2026-11-22.csv", "faces.2026-11.csv", "faces.csv")
DAILY = RotationSettings(daily=True)
TODAY = date(2026, 11, 22)


@pytest.fixture
def log(tmp_path):
    """A log among files that are not its older files."""
    for name in OTHERS:
        (tmp_path / name).write_text(CONTENT)
    return tmp_path / "faces.csv"


def names(log):
    return sorted(path.name for path in log.parent.iterdir() if path.name not in OTHERS)


def never():
    return False


def test_files_are_named_by_day_and_number(log):
    for _ in range(3):
        log.write_text(CONTENT)
        rotate(log)
    assert names(log) == [
        "faces.2026-11-22.csv",
        "faces.2026-11-22_002.csv",
        "faces.2026-11-22_003.csv",
    ]
    (log.parent / "faces.2026-11-22.csv").unlink()
    log.write_text(CONTENT)
    assert rotate(log).name == "faces.2026-11-22_004.csv"  # later than those before
    assert not log.exists()


def test_a_file_that_is_not_a_log_gets_a_name_that_retention_does_not_delete(log):
    log.write_text("my,own\n1,2\n")
    assert rotate(log).name == "faces.2.csv"


def test_older_files_are_listed_oldest_first(log):
    for name in ("2026-11-22.csv", "2026-11-22_010.csv.gz", "2026-11-22_009.csv", "2025-12-31.csv"):
        (log.parent / f"faces.{name}").write_text("")
    assert [older.path.name for older in rotated_files(log)] == [
        "faces.2025-12-31.csv",
        "faces.2026-11-22.csv",
        "faces.2026-11-22_009.csv",
        "faces.2026-11-22_010.csv.gz",
    ]


def test_a_compressed_file_has_the_same_content_and_permissions(log):
    path = log.parent / "faces.2026-11-22.csv"
    path.write_text(CONTENT * 1000)
    path.chmod(0o600)
    compress(path, never)
    assert names(log) == ["faces.2026-11-22.csv.gz"]
    packed = log.parent / "faces.2026-11-22.csv.gz"
    assert gzip.decompress(packed.read_bytes()).decode() == CONTENT * 1000
    assert packed.stat().st_mode & 0o777 == 0o600 and packed.stat().st_size < 2000


def test_a_compression_that_is_stopped_leaves_the_plain_file(log):
    path = log.parent / "faces.2026-11-22.csv"
    path.write_text(CONTENT)
    compress(path, lambda: True)
    assert names(log) == ["faces.2026-11-22.csv"] and path.read_text() == CONTENT


def test_a_compression_that_a_power_cut_ended_is_finished_at_the_next_start(log):
    (log.parent / "faces.2026-11-20.csv").write_text(CONTENT)
    (log.parent / "faces.2026-11-20.csv.gz.part").write_bytes(b"half")
    (log.parent / "faces.2026-11-21.csv").write_text(CONTENT)
    (log.parent / "faces.2026-11-19.csv.gz.part").write_bytes(b"half")
    apply_retention(log, DAILY, TODAY, never)
    assert names(log) == ["faces.2026-11-20.csv.gz", "faces.2026-11-21.csv.gz"]
    for name in names(log):
        assert gzip.decompress((log.parent / name).read_bytes()).decode() == CONTENT


def test_the_plain_file_goes_if_a_power_cut_left_both(log):
    plain, packed = (log.parent / f"faces.2026-11-21.csv{suffix}" for suffix in ("", ".gz"))
    plain.write_text(CONTENT)
    packed.write_bytes(gzip.compress(CONTENT.encode()))
    RowWriter(log, b"time,x\n", DAILY).close()
    assert names(log) == ["faces.2026-11-21.csv.gz"]


def make(log, *days):
    for day in days:
        (log.parent / f"faces.{day}.csv.gz").write_bytes(bytes(5000))


def test_files_older_than_keep_days_are_deleted_and_no_others(log):
    make(log, "2026-11-14", "2026-11-15", "2026-11-22", "2027-01-01")
    delete_older(log, 7, TODAY)
    assert names(log) == [
        f"faces.{day}.csv.gz" for day in ("2026-11-15", "2026-11-22", "2027-01-01")
    ]
    assert all((log.parent / name).exists() for name in OTHERS)


def test_the_oldest_files_go_until_the_disk_has_room(disk):
    log = disk / "faces.csv"
    (disk / "mine").write_bytes(bytes(20_000))
    make(log, "2026-11-14", "2026-11-15", "2026-11-16", "2026-11-17")
    free = shutil.disk_usage(disk).free
    free_disk(log, free)
    assert len(rotated_files(log)) == 4
    free_disk(log, free + 1)
    assert [older.day for older in rotated_files(log)] == ["2026-11-15", "2026-11-16", "2026-11-17"]
    free_disk(log, 60_000)
    assert [path.name for path in disk.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "settings, kept",
    [
        (DAILY, ["2020-01-01", "2099-01-01"]),
        (RotationSettings(daily=True, keep_days=30), ["2099-01-01"]),
    ],
)
def test_retention_follows_the_settings(log, settings, kept):
    make(log, "2020-01-01", "2099-01-01")
    apply_retention(log, settings, TODAY, never)
    assert names(log) == [f"faces.{day}.csv.gz" for day in kept]


def test_a_pass_runs_once_at_a_time_and_ends_when_closed(log, monkeypatch):
    passes, gate = [], threading.Event()

    def slow(log, settings, today, stopping, report):
        passes.append(today)
        gate.wait(10)
        while not stopping():
            pass

    monkeypatch.setattr("device.rowlog.rotation.apply_retention", slow)
    retention = Retention(log, DAILY, pytest.fail)
    retention.start()
    retention.start()
    gate.set()
    retention.close()
    assert len(passes) == 1


def test_a_missing_folder_is_one_warning(log, messages):
    shutil.rmtree(log.parent)
    retention = Retention(log, RotationSettings(daily=True, keep_days=1), messages.append)
    retention.start()
    retention.wait()
    retention.close()
    assert messages == [
        f"cannot delete or compress older files of the log {log}: No such file or directory. "
        "Try: create the folder again"
    ]


# Each file by itself


def test_what_is_no_file_is_passed_over_and_reported_once(log, messages, tmp_path):
    """A folder and a dangling link with an older file's name, plain, compressed and unfinished."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    for day in ("2026-01-01", "2026-01-02", "2026-01-05"):
        (log.parent / f"faces.{day}.csv").write_text(CONTENT)
    (log.parent / "faces.2026-01-03.csv").mkdir()
    (log.parent / "faces.2026-01-04.csv").symlink_to(tmp_path / "nowhere")
    (log.parent / "faces.2026-01-02.csv.gz").symlink_to(outside / "nowhere")
    (log.parent / "faces.2026-01-05.csv.gz.part").mkdir()
    os.mkfifo(log.parent / "faces.2026-01-06.csv")
    (log.parent / "faces.2026-01-07.csv").symlink_to(outside / "mine")
    (log.parent / "faces.2026-01-08.csv").write_text(CONTENT)
    retention = Retention(log, DAILY, messages.append)
    for _ in range(2):
        retention.start()
        retention.wait()
    retention.close()
    assert {name for name in names(log) if name.endswith(".csv.gz")} == {
        f"faces.2026-01-0{day}.csv.gz" for day in (1, 2, 8)
    }
    assert (outside / "mine").read_text() == "mine" and list(outside.iterdir()) == [
        outside / "mine"
    ]
    assert (log.parent / "faces.2026-01-02.csv").read_text() == CONTENT
    told = sorted(message.partition("faces.")[2].partition(",")[0] for message in messages)
    assert told == sorted(
        f"2026-01-0{name}"
        for name in ("2.csv", "3.csv", "4.csv", "5.csv", "5.csv.gz.part", "6.csv", "7.csv")
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b cut", gzip.compress(b"another", mtime=0)],
    ids=["empty", "cut", "another"],
)
def test_a_plain_file_stays_beside_a_gz_that_is_not_its_copy(log, content):
    plain, packed = (log.parent / f"faces.2026-11-21.csv{suffix}" for suffix in ("", ".gz"))
    plain.write_text(CONTENT)
    packed.write_bytes(content)
    RowWriter(log, b"time,x\n", DAILY).close()
    assert plain.read_text() == CONTENT and packed.read_bytes() == content


def test_a_folder_in_place_of_the_next_name_is_passed_over(log):
    (log.parent / "faces.2026-11-22.csv").mkdir()
    log.write_text(CONTENT)
    assert rotate(log).name == "faces.2026-11-22_002.csv"


# Files of a clock that was wrong


@pytest.mark.parametrize("day", ["1970-01-01", "2019-12-31", "2099-01-01"])
@pytest.mark.parametrize("named_days_ago, kept", [(6, True), (8, False)])
def test_the_age_of_a_file_of_a_wrong_clock_counts_from_when_it_got_its_name(
    log, day, named_days_ago, kept
):
    make(log, day)
    delete_older(log, 7, datetime.now(UTC).date() + timedelta(days=named_days_ago))
    assert bool(names(log)) == kept


def test_what_is_deleted_is_logged(log, capsys, monkeypatch):
    make(log, "2026-11-01", "2026-11-02", "2026-11-03")
    keep = RotationSettings(daily=True, keep_days=20)
    apply = Report(deleted=Retention(log, keep, pytest.fail)._deleted)
    apply_retention(log, keep, TODAY, never, apply)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    apply_retention(log, RotationSettings(min_free_mb=5, daily=True), TODAY, never, apply)
    assert [line for line in capsys.readouterr().err.splitlines() if "deleted" in line] == [
        f"facet: deleted 1 older file of the log {log}, faces.2026-11-01.csv.gz: older than 20 "
        "days (keep_days)",
        f"facet: deleted 2 older files of the log {log}, faces.2026-11-02.csv.gz to "
        "faces.2026-11-03.csv.gz: less than 5 MB free (min_free_mb)",
    ]
