"""Visits as messages, for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any


def visit(number: int, end: datetime | None = None, **changes: Any) -> bytes:
    """Return a visit message that docs/schemas/visit.json describes."""
    end = end or datetime.now(UTC)
    content = {
        "id": f"{number:016x}",
        "first_seen": (end - timedelta(seconds=12.5)).isoformat(timespec="milliseconds"),
        "last_seen": end.isoformat(timespec="milliseconds"),
        "clock_set": True,
        "dwell_s": 12.5,
        "frames_classified": 60,
        "attributes": {"Smiling": 0.91},
        "mood": "smiling",
    }
    return json.dumps(content | changes).encode()


def counts(**changes: Any) -> bytes:
    """Return a message of counts that docs/schemas/counts.json describes."""
    content = {
        "id": "0123456789abcdef",
        "end": "2026-11-27T09:00:00Z",
        "start": "2026-11-27T08:00:00Z",
        "source": "cam0",
        "kind": "visits",
        "name": "",
        "value": "",
        "visits": 17,
    }
    return json.dumps(content | changes).encode()
