"""Which of two Facets with one id goes on: the one that came last.

The broker ends an older connection of the same name, and not every broker says why (Mosquitto
2.0.11 does not). So each run leaves its number, one above the one it found: who comes back to a
higher number was replaced meanwhile. A number may not be older than it says: a broker that was
killed may come back with messages of an earlier run, which are lower.
"""

import json
import secrets
from dataclasses import dataclass

from .messages import as_json

MAX_NUMBER = 2**53


@dataclass(frozen=True, order=True)
class Run:
    """A run of Facet, as the topic `run` names it; the later one is greater."""

    number: int
    token: str
    """Tells two runs apart that began at the same moment."""

    def payload(self, version: str, model: str) -> bytes:
        """Return the message; version: of Facet. model: which of attributes, by its SHA-256."""
        content = {"number": self.number, "token": self.token}
        return as_json(content | {"version": version, "model": model})


def run_of(payload: bytes) -> Run | None:
    """Return the run that a message names; None for any other message."""
    try:
        content = json.loads(payload)
        number, token = content["number"], content["token"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fits = type(number) is int and 0 < number < MAX_NUMBER and isinstance(token, str)
    return Run(number, token) if fits else None


def next_run(found: Run | None) -> Run:
    """Return a new run, which replaces the one that was found."""
    return Run((found.number if found else 0) + 1, secrets.token_hex(4))
