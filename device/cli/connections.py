"""Open what the settings connect a run with: web page, MQTT, metrics, rules, store.

Each is entered on the stack. What is off is not imported, and without any there is no live state.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..log import log
from ..settings import Settings
from .command import readable_by

if TYPE_CHECKING:
    from ..attributes.model_card import ModelCard
    from ..camera import Camera
    from ..outputs import Output
    from ..outputs.live import LiveRun
    from ..rowlog import RowCounts
    from ..stopwatch import Stopwatch
    from .outputs import Files


def check_connections(settings: Settings, card: ModelCard, shown: Sequence[str]) -> None:
    """Raise UsageError for counts, page, MQTT and rules that cannot be, before a camera opens."""
    if settings.counts.file:
        from ..counts.choice import check_choice, warnings_of

        check_choice(settings.counts.attributes, card.names)
        for sentence in warnings_of(settings.counts.attributes):
            log.warning("%s. Try: docs/PRIVACY.md before you count by it", sentence)
    if settings.web.address:
        from ..web import check_web

        check_web(settings.web)
    if settings.mqtt.host:
        from ..mqtt.start import check_mqtt

        check_mqtt(settings, card, shown, settings.outputs.events)
    if settings.rules:
        from ..rules.build import check_rules

        check_rules(settings, card)
    if settings.store.file:
        from ..store.writer import check_store

        with readable_by(settings.outputs.readable_by):
            check_store(settings)


def build_connections(
    settings: Settings,
    camera: Camera,
    card: ModelCard,
    shown: tuple[str, ...],
    files: Files,
    stopwatch: Stopwatch,
    stack: contextlib.ExitStack,
    outputs: Sequence[Output] = (),
) -> list[Output]:
    """Return the output that the connections read from, entered on the stack; [] without any.

    outputs: those that write files, whose rows and queues are reported. Raises UsageError for
    rules on photos.
    """
    if not _connected(settings):
        return []
    from ..camera import is_live
    from ..camera.photos import Photos
    from ..outputs.live import LiveRun, LiveState

    if settings.store.file and isinstance(camera, Photos):
        raise UsageError("[store] stores visits, and photos have none", "--log FILE.csv")
    if settings.rules and isinstance(camera, Photos):
        raise UsageError("rules need a video or a camera, not photos", "--camera clip.mp4")
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
        *_measured(outputs),
        files.counts,
    )
    # Entered last, so left first: its end is what ends the connections' threads.
    _open(live, stack)
    return [stack.enter_context(live.state)]


def _measured(
    outputs: Sequence[Output],
) -> tuple[dict[str, Callable[[], RowCounts]], dict[str, Callable[[], int]]]:
    """Return what counts the rows of the outputs' logs, and the lengths of their queues."""
    from ..outputs.background import BackgroundOutput
    from ..outputs.counts_log import CountsLog
    from ..outputs.csv_log import CsvLog
    from ..outputs.visit_log import VisitLog

    rows: dict[str, Callable[[], RowCounts]] = {}
    waiting: dict[str, Callable[[], int]] = {}
    for output in outputs:
        if isinstance(output, CsvLog | VisitLog | CountsLog):
            names = {CsvLog: "faces", VisitLog: "visits", CountsLog: "counts"}
            rows[names[type(output)]] = partial(getattr, output, "counts")
        elif isinstance(output, BackgroundOutput):
            waiting["recording"] = partial(getattr, output, "waiting")
    return rows, waiting


def _connected(settings: Settings) -> bool:
    """Return whether the settings enable any connection."""
    return bool(
        settings.web.address
        or settings.mqtt.host
        or settings.metrics.enabled
        or settings.rules
        or settings.store.file
    )


def _open(live: LiveRun, stack: contextlib.ExitStack) -> None:
    """Enter each connection that the settings enable on the stack."""
    if live.settings.web.address:
        from ..web import open_web

        stack.enter_context(open_web(live))
    publish = None  # before the rules, which are left first: their last messages are sent
    if live.settings.mqtt.host:
        from ..mqtt.start import open_mqtt

        publish = stack.enter_context(open_mqtt(live))
    if live.settings.rules:
        from ..rules.runner import open_rules

        rules = open_rules(live, stack, publish)
        live = replace(live, waiting={**live.waiting, "rules": lambda: rules.waiting})
    if live.settings.store.file:
        from ..store.writer import open_writer

        writer = open_writer(live, stack)
        live = replace(live, waiting={**live.waiting, "store": lambda: writer.waiting})
    if live.settings.metrics.enabled:  # last, to report the queues of the others
        from ..metrics.exporter import open_metrics

        open_metrics(live, stack)
