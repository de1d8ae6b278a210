"""What the publisher knows of one connection, and its clocks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..outputs.status_log import hottest_c
from .connection import BrokerConnection

BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


@dataclass(frozen=True)
class Clocks:
    """What tells the time and chance; tests have their own."""

    now_s: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    backoff_s: tuple[float, ...] = BACKOFF_S
    temperature_c: Callable[[], float | None] = hottest_c


CLOCKS = Clocks()


@dataclass
class Session:
    """What belongs to one connection."""

    broker: BrokerConnection
    since_s: float
    sent: dict[str, bytes] = field(default_factory=dict)  # the last payload by topic
    crossing: int = 0  # number of the last that is known
    values_s: float = -1e9
    numbers_s: float = -1e9
    birth_s: float = -1e9
    born: bool = False  # Home Assistant has started, and was not answered yet
    received: int = 0  # when values were sent last
    flooded: bool = False
