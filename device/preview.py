"""Show a live camera's picture at its own rate, however slow the models are."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Iterator
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
        last: Result | None = None
        shown_index, shown_s = -1, 0.0
        while not (worker.done.is_set() and analyzed.empty()):
            try:
                last = analyzed.get(timeout=POLL_S)
                yield last
            except queue.Empty:
                frame = camera.newest
                if last is None or frame is None:
                    continue
                if frame.index > shown_index or time.monotonic() - shown_s > IDLE_S:
                    shown_index, shown_s = frame.index, time.monotonic()
                    yield _preview(last, frame)
        worker.check()


def _preview(last: Result, frame: Frame) -> Result:
    elapsed_s = frame.at_s - last.frame.at_s
    faces = [move(face, elapsed_s) for face in last.faces]
    age_s = time.monotonic() - last.frame.at_s
    return replace(last, frame=frame, faces=faces, age_s=age_s, analyzed=False, crossings=())
