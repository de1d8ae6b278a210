"""How far the computer's clock can be trusted, which decides which files are old enough to delete.

A Pi has no clock of its own: it starts in 1970, or when it was last shut down, until it hears from
a time server. A server, a user or an empty battery may set any clock to any date.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

FIRST_DAY = "2020-01-01"  # a clock before it was never set
DAY_S = 86_400.0
TIMESYNC = Path("/run/systemd/timesync")  # exists while systemd-timesyncd runs
HARDWARE_CLOCKS = Path("/sys/class/rtc")
CHECK_S = 1.0  # between two checks whether a time server has set the clock


def utc_now() -> datetime:
    return datetime.now(UTC)


def utc_day() -> str:
    """Return today's UTC date as 2026-11-22."""
    return utc_now().date().isoformat()


def boot_s() -> float:
    """Return s since the boot, suspended time included; no clock that is set changes it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def is_set(moment: datetime | None = None) -> bool:
    """Whether a clock that shows this moment, default the computer's, was set since the boot."""
    return (moment or utc_now()).date().isoformat() >= FIRST_DAY


class TimeServer:
    """Whether the clock is still to be set by a time server: it may be days behind until then.

    So it is while systemd-timesyncd runs and has not heard from one, unless a hardware clock shows
    the same day. Other time services are not known here: they are taken to have set the clock.
    """

    def __init__(
        self,
        timesync: Path = TIMESYNC,
        hardware_clocks: Path = HARDWARE_CLOCKS,
        now: Callable[[], datetime] = utc_now,
        boot_s: Callable[[], float] = boot_s,
    ):
        self._timesync, self._hardware_clocks = timesync, hardware_clocks
        self._now, self._boot_s = now, boot_s
        self._awaited, self._answered = False, False
        self._boot_time: datetime | None = None  # by the clock that was not set
        self._checked_s = -math.inf

    def is_awaited(self) -> bool:
        """Whether the clock may jump forward soon; looks at most once in CHECK_S."""
        now_s = self._boot_s()
        if not self._answered and now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            self._answered = (self._timesync / "synchronized").exists()
            silent = self._timesync.is_dir() and not self._answered
            self._awaited = silent and not self._hardware_clock_agrees()
            if self._awaited and self._boot_time is None:
                self._boot_time = self._now() - timedelta(seconds=now_s)
        return self._awaited

    def is_of_unset_clock(self, moment: datetime) -> bool:
        """Whether a moment was read from the clock before a time server set it.

        So is one that is written after the clock has jumped: it is near to what the clock showed.
        """
        waiting, day = self.is_awaited(), timedelta(days=1)
        if abs(moment - self._now()) < day:
            return waiting
        if self._boot_time is None:
            return False
        return abs(moment - self._boot_time - timedelta(seconds=self._boot_s())) < day

    def _hardware_clock_agrees(self) -> bool:
        for path in self._hardware_clocks.glob("*/since_epoch"):
            with contextlib.suppress(OSError, ValueError):
                if abs(int(path.read_text()) - self._now().timestamp()) < DAY_S:
                    return True
        return False


TIME_SERVER = TimeServer()


def is_uncertain(moment: datetime) -> bool:
    """Whether this moment was read from a clock that had not been set since the boot.

    A moment of another day, such as an old photo's, was read from another clock.
    """
    if not is_set(moment):
        return not is_set()
    return TIME_SERVER.is_of_unset_clock(moment)


def is_plausible(day: str, today: date) -> bool:
    """Whether rows of this day, 2026-11-22, can have been written until `today`."""
    return FIRST_DAY <= day <= (today + timedelta(days=1)).isoformat()


class ClockTrust:
    """Whether today's date may decide what is deleted.

    It may once the clock has agreed for a day with the rows, or with the time since the boot. A
    jump of more than a day begins this day anew.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = utc_now,
        boot_s: Callable[[], float] = boot_s,
    ):
        self._now, self._boot_s = now, boot_s
        self._boot_time_s = self._clock_s()
        self._since_s = boot_s()  # since when the clock has not jumped
        self._jumped = False

    def today(self, first_rows: Iterable[datetime]) -> date | None:
        """Return the UTC date, or None if it cannot be trusted yet.

        first_rows: the time of the first row of each file of yesterday and the day before.
        """
        now, boot_s = self._now(), self._boot_s()
        if abs(self._clock_s() - self._boot_time_s) > DAY_S:
            self._boot_time_s, self._since_s, self._jumped = self._clock_s(), boot_s, True
        agrees = boot_s - self._since_s >= DAY_S or (
            not self._jumped and any(1 <= (now - row) / timedelta(days=1) < 2 for row in first_rows)
        )
        return now.date() if agrees and is_set(now) else None

    def _clock_s(self) -> float:
        """Return when the clock says that the computer was booted, s since 1970."""
        return self._now().timestamp() - self._boot_s()
