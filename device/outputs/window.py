"""Show results on the screen: q or Esc quits, s saves a snapshot, space pauses.

`write` draws, answers the keys, and returns at once for a live camera, when the next frame is due
for a video, and after a key for a photo. The screen is another process's: what it is too slow for
is not shown, and the loop outlives it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from ..errors import FacetError, os_reason
from ..files import write_atomic
from ..log import log
from ..text import counted
from ..types import Face, Image, Result
from .overlay import annotate, draw_lines
from .window_process import WindowProcess

QUIT, SNAPSHOT, PAUSE, NO_KEY = (ord("q"), 27), ord("s"), ord(" "), 255

Painter = Callable[[Image, Sequence[Face], str], None]


class Window:
    """An output that shows a live camera's results as they come.

    screen: where they are shown; closed with the window. snapshots: folder for what `s` saves.
    stop: set when the window is closed; the run ends then. paint: draws faces and a status line
    into a picture. needed: nothing else uses the results. If the screen is lost, `write` raises
    FacetError then, else it logs a line and returns at once from then on.
    """

    keys = "q quits, s saves a snapshot, space pauses"

    def __init__(
        self,
        screen: WindowProcess,
        snapshots: Path,
        stop: threading.Event,
        paint: Painter = annotate,
        needed: bool = False,
    ):
        self._screen, self._snapshots, self._stop = screen, snapshots, stop
        self._paint, self._needed = paint, needed
        self._picture: Image | None = None
        self._shown_index = -1
        self._paused = self._lost = False
        self.shown = 0  # pictures so far

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._screen.close()

    def write(self, result: Result) -> None:
        """Draw the result, unless a newer frame is on the screen or the picture is paused."""
        if not self._paused and result.frame.index > self._shown_index:
            self.show(result)
        self.answer_key(1)

    def show(self, result: Result) -> None:
        """Draw the result on the screen, if it has shown the one before."""
        if not self._is_ready():
            return
        bgr = result.frame.bgr
        self._picture = self._screen.canvas(bgr.shape)
        np.copyto(self._picture, bgr)
        draw_lines(self._picture, result.lines)
        self._paint(self._picture, result.faces, self.status(result))
        self._screen.show(bgr.shape)
        self._shown_index = result.frame.index
        self.shown += 1

    def status(self, result: Result) -> str:
        """Return the line at the top of the picture."""
        age = "" if result.age_s is None else f"  {1000 * result.age_s:.0f} ms old"
        return f"{result.fps:.0f} frames/s  {counted(len(result.faces), 'face')}{age}"

    def answer_key(self, wait_ms: int) -> int:
        """Wait up to `wait_ms` for a key and do what it asks for; return it."""
        if self._lost:
            return NO_KEY
        if not self._screen.keys:
            self._screen.poll(max(1, wait_ms) / 1000)
        key = self._screen.keys.popleft() if self._screen.keys else NO_KEY
        if key in QUIT or self._screen.closed:
            self._stop.set()
        elif key == SNAPSHOT:
            self._save()
        elif key == PAUSE:
            self._paused = not self._paused
        if self._screen.lost:
            self._lose()
        return key

    def _is_ready(self) -> bool:
        self._screen.poll()
        return self._screen.ready and not (self._screen.lost or self._screen.closed)

    def _lose(self) -> None:
        self._lost, self._paused = True, False
        message = f"the window is gone: {self._screen.lost}"
        if self._needed:
            raise FacetError(message, "--headless --log FILE.csv, which needs no screen")
        log.warning("%s; running on without it", message)

    def _save(self) -> None:
        if self._picture is None:
            return
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self._snapshots / f"facet-{moment}Z.png"
        _, encoded = cv2.imencode(".png", self._picture)
        try:
            write_atomic(path, encoded.tobytes())
            log.info("saved %s", path)
        except OSError as error:
            log.warning("cannot save %s: %s", path, os_reason(error))


class VideoWindow(Window):
    """A window that shows a video at its own rate; space pauses the video.

    fps: of the video, frames/s.
    """

    def __init__(
        self,
        screen: WindowProcess,
        snapshots: Path,
        stop: threading.Event,
        fps: float,
        paint: Painter = annotate,
        needed: bool = False,
    ):
        super().__init__(screen, snapshots, stop, paint, needed)
        self._period_s = 1 / fps
        self._due_s = time.monotonic()

    def write(self, result: Result) -> None:
        """Draw the result, and return when the next frame is due."""
        self.show(result)
        self._due_s = max(self._due_s + self._period_s, time.monotonic())
        while not (self._stop.is_set() or self._lost):
            left_ms = round((self._due_s - time.monotonic()) * 1000)
            self.answer_key(50 if self._paused else min(left_ms, 50))
            if not self._paused and time.monotonic() >= self._due_s:
                return


class PhotoWindow(Window):
    """A window that shows each photo until a key is pressed."""

    keys = "q quits, s saves a snapshot, any other key shows the next photo"

    def write(self, result: Result) -> None:
        """Draw the result, and return after a key."""
        while not (self._is_ready() or self._stop.is_set() or self._lost):
            self.answer_key(50)
        self.show(result)
        while not (self._stop.is_set() or self._lost):
            if self.answer_key(50) not in (NO_KEY, SNAPSHOT):
                return

    def status(self, result: Result) -> str:
        return counted(len(result.faces), "face")
