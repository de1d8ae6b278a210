"""The loop of every command that shows or logs a camera: results to outputs, until it stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..outputs import Output
from ..types import Result

if TYPE_CHECKING:
    from ..camera import Camera
    from ..pipeline import Pipeline


def run(results: Iterable[Result], outputs: Sequence[Output], stop: threading.Event) -> None:
    """Write every result to every output, until the results end or `stop` is set."""
    for result in results:
        for output in outputs:
            output.write(result)
        if stop.is_set():
            break


def windowed_results(pipeline: Pipeline, camera: Camera) -> Iterable[Result]:
    """Return the pipeline's results for a window, analyzed in a thread of their own."""
    from ..camera import is_live
    from ..camera.prefetch import prefetch
    from ..preview import with_previews

    return with_previews(pipeline, camera) if is_live(camera) else prefetch(pipeline, 1)


def stop_at_signals() -> threading.Event:
    """Return an event that SIGINT, SIGTERM and SIGHUP set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop
