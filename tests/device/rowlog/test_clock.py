"""How far the clock is trusted: a jump deletes nothing until it has agreed for a day."""

import gzip
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from device.rowlog import age
from device.rowlog import clock as clock_module
from device.rowlog.clock import ClockTrust, TimeServer, is_set
from device.rowlog.csv_format import first_day, first_time, line, timestamp
from device.rowlog.rotation import Retention, delete_older, rotated_files
from device.rowlog.writer import RowWriter
from device.settings import RotationSettings
from tests.device.rowlog.logs import HEADER, numbers, rotated, row

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEEP = RotationSettings(daily=True, keep_days=30, compress=False)


class Clock:
    """A clock that shows `now`; `pass_by` lets time pass, setting `now` is a jump."""

    def __init__(self, now=NOON):
        self.now, self.uptime_s = now, 1000.0
        self.trust = ClockTrust(lambda: self.now, lambda: self.uptime_s)

    def pass_by(self, time):
        self.now += time
        self.uptime_s += time.total_seconds()

    def today(self, *ages):
        """Return today's date; ages: of the first rows of older files."""
        return self.trust.today([self.now - age for age in ages])


@pytest.mark.parametrize(
    "ages, trusted",
    [
        ([], False),  # no row says so
        ([23 * HOUR], False),  # not for a day yet
        ([25 * HOUR], True),
        ([47 * HOUR], True),
        ([49 * HOUR], False),  # the newest rows are older than a day: perhaps a jump
        ([-HOUR, 3650 * DAY, 25 * HOUR], True),
    ],
)
def test_at_the_start_the_rows_must_agree(ages, trusted):
    assert Clock().today(*ages) == (NOON.date() if trusted else None)


def test_without_rows_a_day_of_running_is_enough():
    clock = Clock()
    clock.pass_by(23 * HOUR)
    assert clock.today() is None
    clock.pass_by(HOUR)
    assert clock.today() == clock.now.date()


@pytest.mark.parametrize("jump", [2 * DAY, 3650 * DAY, -2 * DAY, 25 * HOUR])
def test_a_jump_of_more_than_a_day_begins_the_day_anew(jump):
    clock = Clock()
    clock.pass_by(2 * DAY)
    assert clock.today()
    clock.now += jump
    assert clock.today(25 * HOUR) is None  # not even if a row happens to agree
    clock.pass_by(23 * HOUR)
    assert clock.today(25 * HOUR) is None
    clock.pass_by(HOUR)
    assert clock.today() == clock.now.date()


def test_small_jumps_add_up():
    clock = Clock()
    clock.pass_by(2 * DAY)
    clock.now += 20 * HOUR
    assert clock.today()
    clock.now += 20 * HOUR
    assert clock.today() is None


def test_a_clock_that_was_never_set_is_not_trusted():
    clock = Clock(datetime(1970, 1, 1, tzinfo=UTC))
    clock.pass_by(5 * DAY)
    assert clock.today(25 * HOUR) is None and not is_set(clock.now)


def tidied(path, clock):
    """Tidy once; return the days of the older files that are left."""
    retention = Retention(path, KEEP, pytest.fail, clock.trust)
    retention.start()
    retention.close()
    return [older.day for older in rotated_files(path)]


def write_days(path, *days):
    for day in days:
        (path.parent / f"a.{day}.csv").write_bytes(HEADER + row(1, day))


def test_a_jump_forward_deletes_no_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    days = ("2026-10-01", "2026-11-20", "2026-11-21", "2026-11-22")
    write_days(path, *days)
    clock = Clock(datetime(2036, 5, 1, 12, tzinfo=UTC))  # at the start, or in mid-run
    monkeypatch.setattr("device.rowlog.rotation.utc_now", lambda: clock.now)
    assert tidied(path, clock) == list(days)
    clock.now = NOON
    clock.trust = ClockTrust(lambda: clock.now, lambda: clock.uptime_s)
    assert tidied(path, clock) == list(days[1:])  # yesterday's first row is a day old


def test_a_time_of_an_unset_clock_carries_a_mark_and_is_read_again(monkeypatch):
    early = datetime(1970, 1, 1, 0, 0, 12, 250_000, UTC)
    assert timestamp(early) == "1970-01-01T00:00:12.250Z"  # a photo's, under a clock that is set
    monkeypatch.setattr(clock_module, "utc_now", lambda: early)
    assert timestamp(early) == "1970-01-01T00:00:12.250Z?"
    assert timestamp(NOON) == "2026-11-22T12:00:00.000Z"
    content = HEADER + line([timestamp(early), "1"])
    assert first_time(content) == early and first_day(content) == "1970-01-01"


class Computer:
    """A folder of systemd-timesyncd, hardware clocks and a time since the boot, all made up."""

    def __init__(self, folder, runs=True, hardware_day=None):
        self.timesync, self.hardware = folder / "timesync", folder / "rtc"
        (self.hardware / "rtc0").mkdir(parents=True)
        if runs:
            self.timesync.mkdir()
        if hardware_day is not None:
            seconds = round((NOON + hardware_day).timestamp())
            (self.hardware / "rtc0" / "since_epoch").write_text(f"{seconds}\n")
        self.boot_s = 10.0
        self.server = TimeServer(self.timesync, self.hardware, lambda: NOON, lambda: self.boot_s)

    def awaited_after(self, seconds):
        self.boot_s += seconds
        return self.server.is_awaited()


@pytest.mark.parametrize(
    "runs, hardware_day, awaited",
    [
        (True, None, True),  # a Pi that has not heard from a server
        (False, None, False),  # another time service, or none
        (True, 2 * HOUR, False),  # a computer whose own clock agrees
        (True, 2 * DAY, True),  # its battery was empty
        (True, -20_000 * DAY, True),  # a Pi 5 without a battery
    ],
)
def test_when_a_time_server_is_awaited(tmp_path, runs, hardware_day, awaited):
    computer = Computer(tmp_path, runs, hardware_day)
    assert [computer.awaited_after(s) for s in (0, 1, 3600)] == [awaited] * 3


def test_once_a_server_answered_the_clock_is_set_for_good(tmp_path):
    computer = Computer(tmp_path)
    assert computer.awaited_after(0)
    (computer.timesync / "synchronized").touch()
    assert computer.awaited_after(0.5)  # not looked at again yet
    assert not computer.awaited_after(0.5)
    (computer.timesync / "synchronized").unlink()  # the service starts anew
    assert not computer.awaited_after(60)


def test_a_hardware_clock_that_cannot_be_read_is_none(tmp_path):
    computer = Computer(tmp_path)
    (computer.hardware / "rtc0" / "since_epoch").write_text("x")
    (computer.hardware / "rtc1" / "since_epoch").mkdir(parents=True)
    assert computer.awaited_after(0)


@pytest.mark.parametrize(
    "moment, mark",
    [(NOON, "?"), (NOON - HOUR, "?"), (NOON + HOUR, "?"), (NOON - 400 * DAY, "")],  # an old photo
)
def test_times_before_the_server_answers_carry_a_mark(tmp_path, monkeypatch, moment, mark):
    computer = Computer(tmp_path)
    monkeypatch.setattr(clock_module, "TIME_SERVER", computer.server)
    assert timestamp(moment)[24:] == mark
    (computer.timesync / "synchronized").touch()
    computer.boot_s += 1
    assert timestamp(moment).endswith("Z")


@pytest.mark.parametrize("jump", [2 * DAY, 400 * DAY, -40 * DAY])
@pytest.mark.parametrize("noticed_s", [0, 5])
def test_a_frame_that_is_written_after_the_jump_carries_the_mark(tmp_path, jump, noticed_s):
    computer = Computer(tmp_path)
    now = [NOON]
    computer.server = TimeServer(
        computer.timesync, computer.hardware, lambda: now[0], lambda: computer.boot_s
    )
    assert computer.server.is_of_unset_clock(NOON)
    now[0] += jump
    if noticed_s:
        (computer.timesync / "synchronized").touch()
    computer.boot_s += noticed_s
    assert computer.server.is_of_unset_clock(NOON)
    assert computer.server.is_of_unset_clock(now[0]) == (not noticed_s)
    assert not computer.server.is_of_unset_clock(NOON + 5000 * DAY)


def test_a_file_from_before_the_server_answered_is_as_old_as_its_name(tmp_path, monkeypatch):
    """A Pi that was off for 70 days writes with the clock of that time; then the clock jumps."""
    path, today = tmp_path / "a.csv", NOON + 70 * DAY
    computer = Computer(tmp_path)
    monkeypatch.setattr(age, "TIME_SERVER", computer.server)
    row_before = row(1, "2026-11-22")
    marked = row(2, "2026-11-22").replace(b"Z,", b"Z?,")
    (tmp_path / "a.2026-11-20.csv").write_bytes(HEADER + row_before)
    (tmp_path / "a.2026-11-21.csv").write_bytes(HEADER + marked + row_before)  # then confirmed
    (tmp_path / "a.2026-11-22.csv").write_bytes(HEADER + row_before + marked)
    (tmp_path / "a.2026-11-23.csv.gz").write_bytes(gzip.compress(HEADER + marked))
    monkeypatch.setattr(age, "named_day", lambda status: today.date().isoformat())

    def left(days):
        delete_older(path, 30, (today + days * DAY).date())
        return [older.day for older in rotated_files(path)]

    (computer.timesync / "synchronized").touch()
    assert left(0) == ["2026-11-22", "2026-11-23"]
    assert left(29) == ["2026-11-22", "2026-11-23"]
    assert left(31) == []


def test_without_a_server_at_all_the_rows_day_counts(tmp_path, monkeypatch):
    """A Pi that is never online keeps its log for as many days as another."""
    computer = Computer(tmp_path)
    monkeypatch.setattr(age, "TIME_SERVER", computer.server)
    marked = row(2, "2026-10-01").replace(b"Z,", b"Z?,")
    (tmp_path / "a.2026-10-01.csv").write_bytes(HEADER + marked)
    delete_older(tmp_path / "a.csv", 30, NOON.date())
    assert rotated_files(tmp_path / "a.csv") == []


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_daylight_saving_and_leap_seconds_keep_times_in_order(zone):
    try:
        place = ZoneInfo(zone)
    except ZoneInfoNotFoundError:
        pytest.skip("needs the time zones (apt install tzdata)")
    begins = [datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 10, 11)]
    hours = [begin + hour * HOUR / 2 for begin in begins for hour in range(48 * 30)]
    times = [timestamp(hour.astimezone(place)) for hour in hours]
    assert times == sorted(times) and len(set(times)) == len(times)
    leap = datetime.fromtimestamp(1483228800, UTC)  # after 23:59:60 of 2016
    assert timestamp(leap).startswith("2017-01-01T00:00:00")


@pytest.mark.parametrize("head", [b"", HEADER, HEADER + b"x,1\n", HEADER + b"2026-11-22,\xff\n"])
def test_a_file_without_a_time_has_no_first_time(head):
    assert first_time(head) is None


@pytest.mark.parametrize("day", ["1970-01-01", "2099-01-01"])
def test_a_file_of_a_wrong_clock_is_left_at_the_start(tmp_path, day, messages):
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + row(1, day))
    writer = RowWriter(path, HEADER, KEEP, messages.append)
    writer.add([row(2, datetime.now(UTC).date().isoformat())])
    writer.flush_due(0.0)
    writer.close()
    assert [file.name for file in rotated(path)] == [f"a.{day}.csv"] and numbers(path) == [2]


def test_at_the_start_under_an_unset_clock_the_file_is_not_left(tmp_path, messages, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + row(1, "2026-11-21"))
    early = datetime(1970, 1, 1, tzinfo=UTC)
    monkeypatch.setattr("device.rowlog.rotating_file.utc_now", lambda: early)
    writer = RowWriter(path, HEADER, KEEP, messages.append, lambda: "1970-01-01")
    writer.add([row(2, "1970-01-01")])
    writer.flush_due(0.0)
    writer.close()
    assert rotated(path) == [] and numbers(path) == [1, 2]
