"""Show the annotated picture on the screen: q or Esc quits, s saves a snapshot, space pauses."""

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from device.outputs import Result
from device.outputs.draw import annotate

TITLE = "Facet"
QUIT, SNAPSHOT, PAUSE, NO_KEY = (ord("q"), 27), ord("s"), ord(" "), 255


def has_screen() -> bool:
    """Whether an X server answers where DISPLAY says. Qt aborts the process if none does."""
    display = os.environ.get("DISPLAY", "")
    host, colon, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not colon or not number.isdigit():
        return False
    host = host.removeprefix("unix")
    if host:
        return _answers(socket.AF_INET, (host, 6000 + int(number)))
    path = f"/tmp/.X11-unix/X{number}"
    # An X server may listen at the abstract name (leading zero byte) alone.
    return _answers(socket.AF_UNIX, path) or _answers(socket.AF_UNIX, "\0" + path)


def _answers(family: int, address) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


class Window:
    """One window. fps: films are shown at their own pace; None for cameras, which set it.

    stills: each photo stays until a key is pressed. snapshots: folder for what `s` saves.
    """

    def __init__(self, fps: float | None, stills: bool, snapshots: Path):
        self._period_s = 1 / fps if fps else 0.0
        self._stills, self._snapshots = stills, snapshots
        self._due = time.monotonic()
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
            if key in QUIT or not self._visible():
                return False
            if key == SNAPSHOT:
                print(f"saved {self._save()}", flush=True)
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
        status = f"{result.fps:.0f} frames/s  {count} face{'' if count == 1 else 's'}"
        annotate(self._picture, result.tracks, result.labels, status)
        if not self._opened:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            height, width = self._picture.shape[:2]
            enlarge = max(1.0, 480 / height)
            cv2.resizeWindow(TITLE, round(width * enlarge), round(height * enlarge))
            self._opened = True
        cv2.imshow(TITLE, self._picture)

    def _key(self, paused: bool) -> int:
        left_ms = 50 if paused else round((self._due - time.monotonic()) * 1000)
        return cv2.waitKey(max(1, min(left_ms, 50))) & 0xFF

    def _visible(self) -> bool:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) > 0

    def _save(self) -> Path:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        path = self._snapshots / f"facet-{moment}Z.png"
        _, encoded = cv2.imencode(".png", self._picture)
        path.write_bytes(encoded.tobytes())
        return path
