"""Show the annotated picture on the screen: q or Esc quits, s saves a snapshot, space pauses."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from ..log import log
from ..types import Face, Frame, Track
from . import Result
from .overlay import annotate

TITLE = "Facet"
PATIENCE_S = 10.0  # for the pipeline to end, once the window is closed
LONGEST_S = 0.5  # for which a face is taken to move on as it did
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
    """One window, shown by the main thread while the pipeline works in another.

    fps: films are shown at their own pace; None for photos and cameras. stills: each photo stays
    until a key is pressed. newest: gives a live camera's newest frame, which is shown with what was
    last found, so that the picture moves at the camera's rate however slow the models are; None for
    films and photos, whose every frame is shown with its own results. snapshots: folder for what
    `s` saves. stop: closes the window where it is set, and is set when the window was closed.
    paint: draws into the picture.
    """

    def __init__(
        self,
        fps: float | None,
        stills: bool,
        snapshots: Path,
        stop: threading.Event,
        newest: Callable[[], Frame | None] | None = None,
        paint: Callable[[np.ndarray, list[Track], list[list[str]], str], None] = annotate,
    ):
        self._period_s = 1 / fps if fps else 0.0
        self._stills, self._snapshots, self._stop = stills, snapshots, stop
        self._newest, self._paint = newest, paint
        self._results: queue.Queue[Result] = queue.Queue(1)
        self._last: Result | None = None
        self._shown_index = -1
        self.shown = 0  # pictures so far
        self._closed = threading.Event()
        self._due = time.monotonic()
        self._paused = False
        self._picture: np.ndarray | None = None
        self._opened = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._closed.set()
        if self._opened:
            cv2.destroyAllWindows()
            cv2.waitKey(1)  # Qt closes the window in its event loop only

    def write(self, result: Result) -> bool:
        """Take a result from the pipeline's thread; False once the window was closed.

        A film waits here until there is room for its frame, a live camera does not.
        """
        if self._newest:
            self._last = result
        while not self._newest and not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._results.put(result, timeout=0.05)
                break
        return not self._closed.is_set()

    def show(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread and show what it writes, until it ends or the window is closed.

        Call it from the main thread, to which windows belong. Raises what `work` raises.
        """
        fault: list[BaseException] = []

        def working() -> None:
            try:
                work()
            except BaseException as error:  # handed to the main thread
                fault.append(error)

        thread = threading.Thread(target=working, name="models", daemon=True)
        thread.start()
        # The last photo stays until a key, a paused film until it goes on.
        while thread.is_alive() or not self._results.empty() or self._paused:
            if not self._turn():
                break
        self._closed.set()
        self._stop.set()
        thread.join(PATIENCE_S)
        if fault:
            raise fault[0]

    def _turn(self) -> bool:
        """Show the next picture if there is one and it is due, and mind the keys."""
        if not self._paused and time.monotonic() >= self._due and self._draw_next():
            self._due = max(self._due + self._period_s, time.monotonic())
            self._paused = self._stills
        if not self._opened:
            time.sleep(0.002)
            return not self._stop.is_set()
        key = self._key()
        if key in QUIT or self._stop.is_set() or not self._visible():
            return False
        if key == SNAPSHOT:
            self._save()
        elif key == PAUSE and not self._stills:
            self._paused = not self._paused
        elif key != NO_KEY and self._stills:
            self._paused = False
        return True

    def _draw_next(self) -> bool:
        if not self._newest:
            with contextlib.suppress(queue.Empty):
                result = self._results.get_nowait()
                self._draw(result.frame, result.tracks, result)
                return True
            return False
        frame, result = self._newest(), self._last
        if frame is None or result is None or frame.index == self._shown_index:
            return False
        self._shown_index = frame.index
        passed_s = frame.at_s - result.frame.at_s
        self._draw(frame, [_moved(track, passed_s) for track in result.tracks], result)
        return True

    def _draw(self, frame: Frame, tracks: list[Track], result: Result) -> None:
        if self._picture is None or self._picture.shape != frame.bgr.shape:
            self._picture = np.empty_like(frame.bgr)
        np.copyto(self._picture, frame.bgr)
        count = len(tracks)
        status = f"{count} face{'' if count == 1 else 's'}"
        if not self._stills:
            status = f"{result.fps:.0f} frames/s  {status}"
        if self._newest:
            status += f"  {1000 * (time.monotonic() - result.frame.at_s):.0f} ms old"
        self._paint(self._picture, tracks, result.labels, status)
        if not self._opened:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            height, width = self._picture.shape[:2]
            scale = min(max(1.0, 480 / height), 1280 / width, 720 / height)
            cv2.resizeWindow(TITLE, max(1, round(width * scale)), max(1, round(height * scale)))
            self._opened = True
        cv2.imshow(TITLE, self._picture)
        self.shown += 1

    def _key(self) -> int:
        # A live picture or a film that is late has its next frame soon; a still one has time.
        left_ms = 50 if self._paused else round((self._due - time.monotonic()) * 1000)
        return cv2.waitKey(max(1, min(left_ms, 50))) & 0xFF

    def _visible(self) -> bool:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) > 0

    def _save(self) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self._snapshots / f"facet-{moment}Z.png"
        _, encoded = cv2.imencode(".png", self._picture)
        try:
            path.write_bytes(encoded.tobytes())
            log.info(f"saved {path}")
        except OSError as error:
            log.info(f"cannot save {path}: {error.strerror}")


def _moved(track: Track, passed_s: float) -> Track:
    """Return the track where its face should be so much later."""
    ahead_s = min(max(passed_s, 0.0), LONGEST_S)
    (x, y, w, h), face = track.face.box, track.face
    dx, dy = (ahead_s * speed for speed in track.motion)
    return replace(
        track, face=Face((x + dx, y + dy, w, h), face.score, face.landmarks + np.array((dx, dy)))
    )
