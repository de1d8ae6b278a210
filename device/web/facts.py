"""What the page's JSON says: state of the run, people in view, visits by hour."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..outputs.live import LiveRun
from ..outputs.status_log import hottest_c
from ..types import OK, Face, LineCount, Result
from . import history
from .shown_settings import kept, shown_settings

PUBLISHED_S = 30.0  # between two looks at the counts file
COMPUTER_S = 10.0  # between two looks at temperature and disk


class Facts:
    """Values for JSON, of one run. Use from one thread.

    before: visits by hour before this run. now: the time, UTC. clock_s: s on a monotonic clock.
    """

    def __init__(
        self,
        live: LiveRun,
        started: datetime,
        doctor: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_s: Callable[[], float] = time.monotonic,
    ):
        self._live, self._started, self._doctor = live, started, doctor
        self._now, self._clock_s = now, clock_s
        self.before: Mapping[datetime, int] = {}
        self._computer: tuple[float | None, float | None] = None, None
        self._computer_s = -COMPUTER_S
        self._published: Mapping[datetime, int] = {}
        self._published_s = -PUBLISHED_S
        self._settings = shown_settings(live.settings)
        self._kept = kept(live)

    def status(self, viewers: int) -> dict[str, Any]:
        """Return the state of the run, as GET /api/status has it; viewers: of the stream."""
        doctor = list(self._doctor())
        return self.short_status(viewers) | {"doctor": doctor, "settings": self._settings}

    def short_status(self, viewers: int) -> dict[str, Any]:
        """Return the state of the run without doctor and settings, as events have it."""
        live, permits = self._live, self._live.settings.permits
        result, frames = live.state.wait(-1, 0)
        temperature_c, disk_free_mb = self._computer_state()
        return {
            "camera": live.camera,
            "fps": round(result.fps, 2) if result else 0.0,
            "age_s": _rounded(result.age_s, 3) if result and permits.effort else None,
            "frames": frames,
            "dropped": live.dropped(),
            "reconnecting": live.reconnecting(),
            "started": iso(self._started),
            "temperature_c": _rounded(temperature_c, 1),
            "disk_free_mb": _rounded(disk_free_mb, 0),
            "privacy": live.settings.privacy,
            "lines": [_line(count) for count in live.state.line_counts()]
            if permits.people_in_view
            else [],
            "visits_today": history.today(self.by_hour(), self._now().astimezone()),
            "blur": live.settings.web.blur,
            "kept": self._kept,
            "viewers": viewers,
        }

    def by_hour(self) -> Mapping[datetime, int]:
        """Return {hour: visits}, of this run and before it; as privacy asks, what is published."""
        if self._live.settings.permits.people_in_view:
            return history.added(self.before, self._live.state.visits_by_hour())
        now_s = self._clock_s()
        if now_s - self._published_s >= PUBLISHED_S:
            self._published_s = now_s
            self._published = history.published(self._live.counts, self._now())
        return self._published

    def last_day(self) -> Sequence[tuple[datetime, int]]:
        """Return (hour, visits) of the last 24 hours, oldest first."""
        return history.last_day(self.by_hour(), self._now())

    def counts(self) -> dict[str, Any]:
        """Return the visits of the last 24 hours, as GET /api/counts has them."""
        return {
            "hours": [{"hour": iso(hour), "visits": visits} for hour, visits in self.last_day()]
        }

    def faces(self, result: Result | None) -> dict[str, Any]:
        """Return the people in view, as GET /api/faces has them."""
        if result is None:
            return {"frame": 0, "time": iso(self._started), "faces": []}
        frame = result.frame
        size_wh = frame.bgr.shape[1], frame.bgr.shape[0]
        return {
            "frame": frame.index,
            "time": iso(frame.time),
            "faces": [self._face(face, size_wh) for face in result.faces],
        }

    def _face(self, face: Face, size_wh: tuple[int, int]) -> dict[str, Any]:
        x, y, w, h = face.box
        width, height = size_wh
        measured = self._live.settings.permits.measurements
        values = face.probabilities if measured else {}
        return {
            "id": face.id,
            "person": face.person or None,
            "state": face.state,
            "labels": list(face.labels) if face.state == OK else [],
            "attributes": {
                name: round(values[name], 3) for name in self._live.shown if name in values
            },
            "box": [round(share, 4) for share in (x / width, y / height, w / width, h / height)]
            if measured
            else None,
        }

    def _computer_state(self) -> tuple[float | None, float | None]:
        """Return (degrees Celsius, MB free), which are looked up seldom."""
        now_s = self._clock_s()
        if now_s - self._computer_s >= COMPUTER_S:
            self._computer, self._computer_s = (hottest_c(), self._disk_free_mb()), now_s
        return self._computer

    def _disk_free_mb(self) -> float | None:
        live = self._live
        file = live.log or live.visits or live.counts or live.settings.outputs.record
        try:
            return shutil.disk_usage(file.absolute().parent if file else Path.cwd()).free / 1e6
        except OSError:
            return None


def _line(count: LineCount) -> dict[str, Any]:
    line = count.line
    return {
        "name": line.name,
        "in_name": line.in_name,
        "out_name": line.out_name,
        "in": count.ins,
        "out": count.outs,
    }


def iso(moment: datetime) -> str:
    """Return a time as JSON has it: 2026-11-27T08:53:20.024Z."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
