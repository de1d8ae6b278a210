"""Feed a window between results: at a live camera's own rate, and often enough to answer keys."""

from __future__ import annotations

import queue
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from .camera.prefetch import closing
from .faces.motion import move
from .types import Frame, Result
from .worker import Worker

if TYPE_CHECKING:
    from .camera import LiveCamera

POLL_S = 0.004  # between two checks for a newer frame
IDLE_S = 0.05  # without a newer frame the last is repeated, so that a window answers its keys
JOIN_S = 10.0


def with_previews(results: Iterable[Result], camera: LiveCamera) -> Iterator[Result]:
    """Yield a live pipeline's results, and previews between them.

    The pipeline runs in a thread of its own. A preview is the camera's newest frame with the faces
    of the last analyzed one moved on at their velocity; its `analyzed` is False. Raises what the
    pipeline raises.
    """
    last: Result | None = None
    shown_index, shown_s = -1, 0.0
    with closing(_polled(results, POLL_S)) as polled:
        for result in polled:
            if result is not None:
                last = result
                yield last
                continue
            frame = camera.newest
            if last is None or frame is None:
                continue
            if frame.index > shown_index or time.monotonic() - shown_s > IDLE_S:
                shown_index, shown_s = frame.index, time.monotonic()
                yield _preview(last, frame)


def with_repeats(results: Iterable[Result]) -> Iterator[Result]:
    """Yield results, and the last one again, not `analyzed`, for each IDLE_S without a new one.

    What yields them runs in a thread of its own; what it raises is raised here.
    """
    last: Result | None = None
    with closing(_polled(results, IDLE_S)) as polled:
        for result in polled:
            if result is not None:
                last = result
                yield last
            elif last is not None:
                yield replace(last, analyzed=False, crossings=())


def _polled(results: Iterable[Result], poll_s: float) -> Generator[Result | None, None, None]:
    """Yield the results of a thread of its own, and None whenever none came within `poll_s`."""
    analyzed: queue.Queue[Result] = queue.Queue(1)

    def analyze(worker: Worker) -> None:
        with closing(results) as source:
            for result in source:
                while not worker.stopping.is_set():
                    try:
                        analyzed.put(result, timeout=0.05)
                        break
                    except queue.Full:
                        continue
                if worker.stopping.is_set():
                    return

    with Worker("pipeline", analyze, JOIN_S) as worker:
        while not (worker.done.is_set() and analyzed.empty()):
            try:
                yield analyzed.get(timeout=poll_s)
            except queue.Empty:
                yield None
        worker.check()


def _preview(last: Result, frame: Frame) -> Result:
    elapsed_s = frame.at_s - last.frame.at_s
    faces = [move(face, elapsed_s) for face in last.faces]
    age_s = time.monotonic() - last.frame.at_s
    return replace(last, frame=frame, faces=faces, age_s=age_s, analyzed=False, crossings=())
