"""Open what the settings connect a run with: web page, MQTT, metrics, rules.

Each is entered on the stack. What is off is not imported, and without any there is no live state.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..settings import Settings

if TYPE_CHECKING:
    from ..attributes.model_card import ModelCard
    from ..camera import Camera
    from ..outputs import Output
    from ..outputs.live import LiveRun
    from ..stopwatch import Stopwatch
    from .outputs import Files


def build_connections(
    settings: Settings,
    camera: Camera,
    card: ModelCard,
    shown: tuple[str, ...],
    files: Files,
    stopwatch: Stopwatch,
    stack: contextlib.ExitStack,
) -> list[Output]:
    """Return the output that the connections read from, entered on the stack; [] without any."""
    if not _connected(settings):
        return []
    from ..camera import is_live
    from ..outputs.live import LiveRun, LiveState

    thresholds = dict(zip(card.names, card.values("threshold").tolist(), strict=True))
    live = LiveRun(
        settings,
        LiveState(thresholds, settings.tracks.max_lost_s),
        card,
        shown,
        camera.name,
        files.log,
        files.visits,
        stopwatch,
        lambda: camera.dropped if is_live(camera) else 0,
        lambda: is_live(camera) and camera.reconnecting,
    )
    # Entered last, so left first: its end is what ends the connections' threads.
    _open(live, stack)
    return [stack.enter_context(live.state)]


def _connected(settings: Settings) -> bool:
    """Return whether the settings enable any connection."""
    return bool(settings.mqtt.host)


def _open(live: LiveRun, stack: contextlib.ExitStack) -> None:
    """Enter each connection that the settings enable on the stack."""
    if live.settings.mqtt.host:
        from ..mqtt.start import open_mqtt

        stack.enter_context(open_mqtt(live))
