"""The messages as JSON; docs/schemas/ describes each."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..outputs.visit_id import visit_id
from ..rowlog import timestamp
from ..types import UNKNOWN, Crossing, LineCount
from .values import InView

SMILING = "Smiling"
SMILES, SERIOUS, UNCLEAR, ENDED = "smiling", "serious", "unclear", "ended"


@dataclass(frozen=True)
class Message:
    """What is sent to a topic."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


def state(view: InView, visits_today: int, named: bool) -> bytes:
    """Return who is in view; named: with the names of enrolled people."""
    content: dict[str, Any] = {
        "people": view.people,
        "occupied": view.people > 0,
        "visits_today": visits_today,
        "attributes": view.attributes,
    }
    if named:
        content["names"] = list(view.names)
    return as_json(content)


def lines(names: Sequence[str], counts: Sequence[LineCount]) -> bytes:
    """Return the sums of each line; those that are not counted yet are 0."""
    none = {"in": 0, "out": 0}
    found = {count.line.name: {"in": count.ins, "out": count.outs} for count in counts}
    return as_json({name: found.get(name, none) for name in names})


def crossing(one: Crossing) -> bytes:
    """Return a crossing of a line."""
    time = timestamp(one.time)
    return as_json(
        {
            "time": time.rstrip("?"),
            "clock_set": not time.endswith("?"),
            "track": one.track,
            "line": one.line,
            "direction": one.direction,
        }
    )


def diagnostics(fps: float | None, temperature_c: float | None) -> bytes:
    """Return how the camera is; None: unknown."""
    return as_json({"fps": _rounded(fps, 1), "temperature_c": _rounded(temperature_c, 0)})


def visit(
    row: Mapping[str, str], camera: str, thresholds: Mapping[str, float], named: bool
) -> bytes | None:
    """Return a row of the visits file as a message; None for what is no such row.

    camera: its id. thresholds: of the attributes to send, 0..1. named: with the name of an
    enrolled person. The same row gives the same `id` at any time.
    """
    try:
        content: dict[str, Any] = {
            "id": visit_id(row, camera),
            "first_seen": row["first_seen"].rstrip("?"),
            "last_seen": row["last_seen"].rstrip("?"),
            "clock_set": not row["first_seen"].endswith("?"),
            "dwell_s": float(row["dwell_s"]),
            "frames_classified": int(row["frames_classified"]),
            "attributes": {name: float(row[name]) for name in thresholds if row.get(name)},
        }
    except (KeyError, ValueError):
        return None
    if SMILING in thresholds:
        content["mood"] = _mood(content["attributes"].get(SMILING), thresholds[SMILING])
    if named:
        name = row.get("person", "")
        content["person"] = None if name in ("", UNKNOWN) else name
    return as_json(content)


COUNTED = ("end", "start", "source", "kind", "name", "value", "visits")  # columns of counts


def counts(row: Mapping[str, str], camera: str) -> bytes | None:
    """Return a row of the counts file as a message; None for what is no such row.

    camera: its id. visits is null for a group that was withheld. The same row gives the same `id`.
    """
    try:
        fields = {name: row[name] for name in COUNTED}
        visits = int(fields["visits"]) if fields["visits"] else None
    except (KeyError, ValueError):
        return None
    text = "\n".join((camera, *fields.values()))
    identity = hashlib.sha256(text.encode()).hexdigest()[:16]
    return as_json({"id": identity, **fields, "visits": visits})


def _mood(smiling: float | None, threshold: float) -> str:
    if smiling is None:
        return UNCLEAR
    return SMILES if smiling >= threshold else SERIOUS


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def as_json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
