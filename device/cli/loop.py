"""Run a camera until it ends or is stopped: shared by several commands."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from ..log import log

if TYPE_CHECKING:
    from ..camera import Camera
    from ..pipeline import Pipeline
    from ..settings import Settings
    from ..types import Result


def for_page(camera: Camera, settings: Settings, stopping: Callable[[], bool]) -> Camera:
    """Return the demo clip without an end if there is a web page to show it; else the camera."""
    from ..camera.demo import Demo
    from ..camera.open import repeated

    if not (settings.web.address and isinstance(camera, Demo)):
        return camera
    log.info("the demo clip repeats at its own speed for the web page, until Ctrl-C")
    return repeated(lambda first: camera if first else Demo(), stopping)


def for_window(
    pipeline: Pipeline, camera: Camera, stopping: Callable[[], bool] = lambda: False
) -> Iterable[Result]:
    """Return the pipeline's results for a window, analyzed in a thread of their own."""
    from ..camera import is_live
    from ..camera.prefetch import prefetch
    from ..preview import with_previews

    if is_live(camera):
        return with_previews(pipeline, camera)
    return prefetch(pipeline, 1, stopping)


@contextlib.contextmanager
def until_stopped(
    results: Iterable[Result], stop: threading.Event
) -> Iterator[Generator[Result, None, None]]:
    """Return a context of the results that ends with `stop`; leaving it stops their threads.

    Faults of these threads are raised by the iteration or when the context is left; they do not
    replace what the block raised.
    """
    generator = _until_stopped(results, stop)
    try:
        yield generator
    except BaseException:
        with contextlib.suppress(Exception):
            generator.close()
        raise
    generator.close()


def _until_stopped(
    results: Iterable[Result], stop: threading.Event
) -> Generator[Result, None, None]:
    from ..camera.prefetch import closing

    with closing(results) as source:
        for result in source:
            yield result
            del result  # the next photo may need its memory
            if stop.is_set():
                return


def stop_at_signals() -> threading.Event:
    """Return an event that SIGINT, SIGTERM and SIGHUP set.

    A signal that the starter has ignored stays ignored: `nohup`, and `&` in a script.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    return stop
