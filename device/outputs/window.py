"""Show the annotated picture on the screen: q or Esc quits, s saves a snapshot, space pauses."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from device.command import note
from device.outputs import Result
from device.outputs.draw import annotate
from device.types import Track

TITLE = "Facet"
QUIT, SNAPSHOT, PAUSE, NO_KEY = (ord("q"), 27), ord("s"), ord(" "), 255


def has_screen() -> bool:
    """Whether OpenCV can open a window here, tried in a process of its own.

    Qt aborts the process where no X server answers, or one that refuses us (sudo, ssh).
    """
    if not os.environ.get("DISPLAY"):
        return False
    trial = [sys.executable, "-c", "import cv2; cv2.namedWindow('.', cv2.WINDOW_NORMAL)"]
    try:
        return subprocess.run(trial, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Window:
    """One window. fps: films are shown at their own pace; None for cameras, which set it.

    stills: each photo stays until a key is pressed. snapshots: folder for what `s` saves.
    stopping: asked while a picture stands still, whether to close. paint: draws into the picture.
    """

    def __init__(
        self,
        fps: float | None,
        stills: bool,
        snapshots: Path,
        stopping: Callable[[], bool],
        paint: Callable[[np.ndarray, list[Track], list[list[str]], str], None] = annotate,
    ):
        self._period_s = 1 / fps if fps else 0.0
        self._stills, self._snapshots, self._stopping = stills, snapshots, stopping
        self._due = time.monotonic()
        self._paint = paint
        self._picture: np.ndarray | None = None
        self._opened = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self._opened:
            cv2.destroyAllWindows()
            cv2.waitKey(1)  # Qt closes the window in its event loop only

    def write(self, result: Result) -> bool:
        self._draw(result)
        self._due = max(self._due + self._period_s, time.monotonic())
        paused = self._stills
        while True:
            key = self._key(paused)
            if key in QUIT or self._stopping() or not self._visible():
                return False
            if key == SNAPSHOT:
                self._save()
            elif key == PAUSE:
                paused = not paused
                if not paused:
                    return True
            elif key != NO_KEY and self._stills:
                return True
            if not paused and time.monotonic() >= self._due:
                return True

    def _draw(self, result: Result) -> None:
        if self._picture is None or self._picture.shape != result.frame.bgr.shape:
            self._picture = np.empty_like(result.frame.bgr)
        np.copyto(self._picture, result.frame.bgr)
        count = len(result.tracks)
        status = f"{count} face{'' if count == 1 else 's'}"
        if not self._stills:
            status = f"{result.fps:.0f} frames/s  {status}"
        if result.age_s is not None:
            status += f"  {1000 * result.age_s:.0f} ms old"
        self._paint(self._picture, result.tracks, result.labels, status)
        if not self._opened:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            height, width = self._picture.shape[:2]
            scale = min(max(1.0, 480 / height), 1280 / width, 720 / height)
            cv2.resizeWindow(TITLE, max(1, round(width * scale)), max(1, round(height * scale)))
            self._opened = True
        cv2.imshow(TITLE, self._picture)

    def _key(self, paused: bool) -> int:
        left_ms = 50 if paused else round((self._due - time.monotonic()) * 1000)
        return cv2.waitKey(max(1, min(left_ms, 50))) & 0xFF

    def _visible(self) -> bool:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) > 0

    def _save(self) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self._snapshots / f"facet-{moment}Z.png"
        _, encoded = cv2.imencode(".png", self._picture)
        try:
            path.write_bytes(encoded.tobytes())
            note(f"saved {path}")
        except OSError as error:
            note(f"cannot save {path}: {error.strerror}")
