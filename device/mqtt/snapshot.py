"""Pictures for whom the settings allow them: one when a person comes into view."""

import cv2
import numpy as np

from ..types import Result

MAX_SIDE = 1280  # px; a message of more than 250 kB helps nobody
QUALITY = 80  # of the JPEG, 0..100


class Snapshots:
    """Takes a picture when more people are in view than before, at most one in every_s seconds."""

    def __init__(self, every_s: float):
        self._every_s, self._last_s, self._people = every_s, -float("inf"), 0

    def take(self, result: Result, people: int, now_s: float) -> bytes | None:
        """Return a JPEG if one is due; people: in view."""
        before = self._people
        if people > before and now_s - self._last_s < self._every_s:
            return None  # due as soon as the time has passed
        self._people = people
        if people <= before:
            return None
        self._last_s = now_s
        return encoded(result.frame.bgr)


def encoded(frame_bgr: np.ndarray) -> bytes | None:
    """Return a picture as JPEG, its longer side at most MAX_SIDE px."""
    height, width = frame_bgr.shape[:2]
    factor = MAX_SIDE / max(height, width)
    if factor < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        frame_bgr = cv2.resize(frame_bgr, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", frame_bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes() if done else None
