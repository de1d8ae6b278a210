"""A run that tests make by hand, for what connects to it."""

import time

from device.attributes.model_card import read_card
from device.outputs.live import LiveRun, LiveState
from device.settings import Settings
from device.stopwatch import Stopwatch
from tests.conftest import CARD


def live_run(settings: Settings | None = None, **changed) -> LiveRun:
    """Return a live run of a film in which nothing has happened yet."""
    given = {
        "settings": settings or Settings(),
        "state": LiveState({"Bald": 0.5, "Smiling": 0.2}, 1.0),
        "card": read_card(CARD),
        "shown": ("Smiling",),
        "camera": "film",
        "log": None,
        "visits": None,
        "stopwatch": Stopwatch(),
        "dropped": lambda: 0,
        "reconnecting": lambda: False,
    }
    return LiveRun(**given | changed)


def eventually(check, limit_s=20.0):
    """Wait until a check holds."""
    until_s = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until_s
        time.sleep(0.02)
