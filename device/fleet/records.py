"""What a message of a camera says, as a row; or why it is none. docs/schemas/ describes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import one_line
from ..store.rows import CountRow, VisitRow, iso, row_of_message

_TOPIC = re.compile(r"facet/([A-Za-z0-9_-]{1,64})/(\w+)")
KINDS = ("run", "visits", "refused", "attribute", "dwell")
MAX_COUNT = 1_000_000_000
MAX_TEXT = 1000  # characters
# What Python raises for content of another form than expected.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class CameraRow:
    """What a camera says of itself; None: not in this message."""

    camera: str
    online: bool | None = None
    version: str | None = None
    model: str | None = None
    fps: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is no row."""

    reason: str


Record = VisitRow | CountRow | CameraRow | Refusal


def record_of(topic: str, payload: bytes) -> Record:
    """Return the row of a message, or why it is none; any bytes may come."""
    found = _TOPIC.fullmatch(topic)
    if not found:
        return Refusal("not a topic of a camera")
    camera, kind = found.groups()
    if kind == "status":
        return CameraRow(camera, online=payload == b"online")
    try:
        content = json.loads(payload)
    except MALFORMED as error:
        return Refusal(f"not JSON: {one_line(error)}")
    reader = READERS.get(kind)
    if not reader:
        return Refusal("not a topic that is stored")
    if not isinstance(content, dict):
        return Refusal(f"not a {kind} message: no JSON object")
    try:
        return reader(content, camera)
    except MALFORMED as error:
        return Refusal(f"not a {kind} message: {type(error).__name__} {one_line(error)}".strip())


def _visit(content: Mapping[str, Any], camera: str) -> VisitRow:
    row = row_of_message(content, camera)
    if row.person is not None:
        _text(row.person)
    for name in row.attributes:
        _text(name)
    return row


def _counts(content: Mapping[str, Any], camera: str) -> CountRow:
    visits = content["visits"]
    if visits is not None and not (type(visits) is int and 0 <= visits <= MAX_COUNT):
        raise ValueError("visits")
    if content["kind"] not in KINDS:
        raise ValueError("kind")
    source, kind, name, value = map(_text, _of(content, ("source", "kind", "name", "value")))
    return CountRow(
        camera, _time(content["start"]), _time(content["end"]), source, kind, name, value, visits
    )


def _run(content: Mapping[str, Any], camera: str) -> CameraRow:
    # Cameras of older versions do not say which.
    version, model = (_text(content.get(name, "unknown")) for name in ("version", "model"))
    return CameraRow(camera, version=version, model=model)


def _diagnostics(content: Mapping[str, Any], camera: str) -> CameraRow:
    fps, temperature_c = map(_figure, _of(content, ("fps", "temperature_c")))
    return CameraRow(camera, fps=fps, temperature_c=temperature_c)


READERS: dict[str, Callable[[Mapping[str, Any], str], Record]] = {
    "visit": _visit,
    "counts": _counts,
    "run": _run,
    "diagnostics": _diagnostics,
}


def _of(content: Mapping[str, Any], names: Iterable[str]) -> Iterable[Any]:
    return (content[name] for name in names)


def _text(value: Any) -> str:
    """Return a text that PostgreSQL stores: valid Unicode without the character 0."""
    if not isinstance(value, str) or "\0" in value or len(value) > MAX_TEXT:
        raise ValueError("a text that is none")
    value.encode()
    return value


def _figure(value: Any) -> float | None:
    if value is None:
        return None
    if not -1e6 < float(value) < 1e6:
        raise ValueError("a figure out of range")
    return float(value)


def _time(text: str) -> str:
    moment = datetime.fromisoformat(text.removesuffix("?"))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return iso(moment)
