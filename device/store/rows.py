"""Rows of a store: made of a visit, of a row of the visits file, or of a message."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from ..outputs.visit_id import visit_id

if TYPE_CHECKING:
    from ..outputs.visits import Visit

_ID = re.compile(r"[0-9a-f]{16}")
UNSET = "?"  # ends the time of a clock that was not set


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A row of the table visits; the times are ISO 8601, UTC, such as 2026-11-27T08:53:20.024Z."""

    id: str
    """16 hexadecimal digits, as in the MQTT message."""
    camera: str
    first_seen: str
    last_seen: str
    clock_set: bool
    """False: the camera's clock had not been set yet, and the times may be wrong."""
    dwell_s: float
    frames_classified: int
    attributes: Mapping[str, float]
    """Probabilities 0..1 where each was clearest; empty if no frame was classified."""
    source: str | None = None
    track: int | None = None
    person: str | None = None
    person_score: float | None = None

    @property
    def hour(self) -> str:
        """The hour, UTC, in which the visit began."""
        moment = datetime.fromisoformat(self.first_seen)
        return iso(moment.replace(minute=0, second=0, microsecond=0))

    def parameters(self, stored: str) -> dict[str, Any]:
        """Return what UPSERT_VISIT takes; stored: when, as ISO 8601."""
        attributes = json.dumps(dict(self.attributes), separators=(",", ":"))
        return asdict(self) | {"hour": self.hour, "attributes": attributes, "stored": stored}

    @property
    def hour_key(self) -> tuple[str, str, str]:
        """(camera, hour, next hour): which row of the table hours counts the visit."""
        following = datetime.fromisoformat(self.hour) + timedelta(hours=1)
        return self.camera, self.hour, iso(following)


@dataclass(frozen=True, slots=True)
class CountRow:
    """A row of the table counts, as in a counts file."""

    camera: str
    start: str
    """ISO 8601, UTC, as `until`."""
    until: str
    source: str
    kind: str
    """`visits`, `refused`, `attribute`, `dwell` or `run`."""
    name: str
    """Of the attribute, or several: `Smiling+Eyeglasses`; else empty."""
    value: str
    """`yes`, `yes+no`, `2..5` (s); else empty."""
    visits: int | None
    """None: withheld, too few."""


def iso(moment: datetime) -> str:
    """Return ISO 8601, UTC, with milliseconds, which sorts by time: 2026-11-27T08:53:20.024Z."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def row_of_visit(visit: Visit, camera: str, names: Sequence[str]) -> VisitRow:
    """Return the row of a visit that has ended; names: of the attributes to store."""
    dwell = f"{visit.dwell_s:.1f}"  # as in the visits file: the id is made of it
    naming = {
        "first_seen": visit.first_seen,
        "last_seen": visit.last_seen,
        "source": visit.source,
        "track": str(visit.track),
        "dwell_s": dwell,
    }
    attributes = (
        {name: round(float(visit.clearest[name]), 3) for name in names} if visit.clearest else {}
    )
    return VisitRow(
        visit_id(naming, camera),
        camera,
        _time(visit.first_seen),
        _time(visit.last_seen),
        not visit.first_seen.endswith(UNSET),
        max(0.0, float(dwell)),
        visit.frames_classified,
        attributes,
        _encodable(visit.source),
        visit.track,
        _encodable(visit.person) or None,
        visit.person_score,
    )


def row_of_message(content: Mapping[str, Any], camera: str) -> VisitRow:
    """Return the row of a visit message, as docs/schemas/visit.json describes it.

    Raises KeyError, TypeError or ValueError for what is none.
    """
    attributes = {str(name): float(value) for name, value in content["attributes"].items()}
    if not (_ID.fullmatch(content["id"]) and all(0 <= p <= 1 for p in attributes.values())):
        raise ValueError("no visit")
    if not isinstance(content["clock_set"], bool):
        raise ValueError("no visit")
    return VisitRow(
        content["id"],
        camera,
        _time(content["first_seen"]),
        _time(content["last_seen"]),
        content["clock_set"],
        _not_negative(float(content["dwell_s"])),
        _not_negative(int(content["frames_classified"])),
        attributes,
        person=content.get("person"),
    )


def _time(text: str) -> str:
    """Return a time of a log or message without the mark of a clock that was not set."""
    moment = datetime.fromisoformat(text.removesuffix(UNSET))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return iso(moment)


def _encodable(text: str) -> str:
    """Return a text with the bytes of a file's name that are no UTF-8 as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


N = TypeVar("N", int, float)


def _not_negative(value: N) -> N:
    if not 0 <= value < 1e9:
        raise ValueError("no visit")
    return value
