"""Show results on the screen: q or Esc quits, s saves a snapshot, space pauses.

A window belongs to the main thread; `write` draws, answers the keys, and returns at once for a live
camera, when the next frame is due for a video, and after a key for a photo.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from ..errors import one_line
from ..log import log
from ..text import counted
from ..types import Face, Image, Result
from .overlay import annotate

TITLE = "Facet"
QUIT, SNAPSHOT, PAUSE, NO_KEY = (ord("q"), 27), ord("s"), ord(" "), 255

Painter = Callable[[Image, Sequence[Face], str], None]


def has_screen() -> bool:
    """Whether OpenCV can open a window here, tried in a process of its own.

    Qt aborts the process if no X server answers, or one that refuses us (sudo, ssh).
    """
    if not os.environ.get("DISPLAY"):
        return False
    trial = [sys.executable, "-c", "import cv2; cv2.namedWindow('.', cv2.WINDOW_NORMAL)"]
    try:
        return subprocess.run(trial, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Window:
    """An output that shows a live camera's results as they come.

    snapshots: folder for what `s` saves. stop: set when the window is closed; the run ends then.
    paint: draws faces and a status line into a picture.
    """

    keys = "q quits, s saves a snapshot, space pauses"

    def __init__(self, snapshots: Path, stop: threading.Event, paint: Painter = annotate):
        self._snapshots, self._stop, self._paint = snapshots, stop, paint
        self._picture: Image | None = None
        self._shown_index = -1
        self._paused = False
        self._opened = False
        self.shown = 0  # pictures so far

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._opened:
            cv2.destroyAllWindows()
            cv2.waitKey(1)  # Qt closes the window in its event loop only

    def write(self, result: Result) -> None:
        """Draw the result, unless a newer frame is on the screen or the picture is paused."""
        if not self._paused and result.frame.index > self._shown_index:
            self.show(result)
        self.answer_key(1)

    def show(self, result: Result) -> None:
        """Draw the result on the screen."""
        bgr = result.frame.bgr
        if self._picture is None or self._picture.shape != bgr.shape:
            self._picture = np.empty_like(bgr)
        np.copyto(self._picture, bgr)
        self._paint(self._picture, result.faces, self.status(result))
        if not self._opened:
            self._open(self._picture)
        cv2.imshow(TITLE, self._picture)
        self._shown_index = result.frame.index
        self.shown += 1

    def status(self, result: Result) -> str:
        """Return the line at the top of the picture."""
        age = "" if result.age_s is None else f"  {1000 * result.age_s:.0f} ms old"
        return f"{result.fps:.0f} frames/s  {counted(len(result.faces), 'face')}{age}"

    def answer_key(self, wait_ms: int) -> int:
        """Wait up to `wait_ms` for a key and do what it asks for; return it."""
        if not self._opened:
            return NO_KEY
        key = cv2.waitKey(max(1, wait_ms)) & 0xFF
        if key in QUIT or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) <= 0:
            self._stop.set()
        elif key == SNAPSHOT:
            self._save()
        elif key == PAUSE:
            self._paused = not self._paused
        return key

    def _open(self, picture: Image) -> None:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        height, width = picture.shape[:2]
        scale = min(max(1.0, 480 / height), 1280 / width, 720 / height)
        cv2.resizeWindow(TITLE, max(1, round(width * scale)), max(1, round(height * scale)))
        self._opened = True

    def _save(self) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self._snapshots / f"facet-{moment}Z.png"
        if self._picture is None:
            return
        _, encoded = cv2.imencode(".png", self._picture)
        try:
            path.write_bytes(encoded.tobytes())
            log.info("saved %s", path)
        except OSError as error:
            log.warning("cannot save %s: %s", path, error.strerror or one_line(error))


class VideoWindow(Window):
    """A window that shows every frame of a video at its own rate; space pauses the video.

    fps: of the video, frames/s.
    """

    def __init__(
        self, snapshots: Path, stop: threading.Event, fps: float, paint: Painter = annotate
    ):
        super().__init__(snapshots, stop, paint)
        self._period_s = 1 / fps
        self._due_s = time.monotonic()

    def write(self, result: Result) -> None:
        """Draw the result, and return when the next frame is due."""
        self.show(result)
        self._due_s = max(self._due_s + self._period_s, time.monotonic())
        while not self._stop.is_set():
            left_ms = round((self._due_s - time.monotonic()) * 1000)
            self.answer_key(50 if self._paused else min(left_ms, 50))
            if not self._paused and time.monotonic() >= self._due_s:
                return


class PhotoWindow(Window):
    """A window that shows each photo until a key is pressed."""

    keys = "q quits, s saves a snapshot, any other key shows the next photo"

    def write(self, result: Result) -> None:
        """Draw the result, and return after a key."""
        self.show(result)
        while not self._stop.is_set():
            if self.answer_key(50) not in (NO_KEY, SNAPSHOT):
                return

    def status(self, result: Result) -> str:
        return counted(len(result.faces), "face")
