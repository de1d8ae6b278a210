"""Notice that a frame shows another scene than the last: a film's cut, a camera that turns."""

import cv2
import numpy as np

from ..types import Image

SMALL_WH = (16, 12)  # px of the picture that is compared
SAMPLED = 24, 32  # rows and columns of the frame, about, that it is made of
# Mean difference of two such pictures, grey levels, from which they are two scenes: moving people
# make up to 6, two photos by chance 27 and more.
LEAST_CHANGE = 12.0
LEAST_RATIO = 4.0  # and it is so many times the usual change: not a camera that shakes
EMA_ALPHA = 0.2  # weight of the newest change in the usual one


class SceneChange:
    """Compares each frame with the one before; use it from one thread."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._usual = 0.0

    def is_new(self, frame_bgr: Image) -> bool:
        """Whether a uint8 (H, W, 3) picture begins another scene; the first one does."""
        small, last = _small(frame_bgr), self._last
        self._last = small
        if last is None:
            return True
        change = _difference(small, last)
        is_new = change >= max(LEAST_CHANGE, LEAST_RATIO * self._usual)
        self._usual += EMA_ALPHA * (change - self._usual)
        return is_new


def _small(frame_bgr: Image) -> np.ndarray:
    """Return a picture shrunk to int16 (12, 16), of its green parts."""
    height, width = frame_bgr.shape[:2]
    down, across = max(1, height // SAMPLED[0]), max(1, width // SAMPLED[1])
    # A copy of some of the pixels costs a hundredth of shrinking them all.
    green = np.ascontiguousarray(frame_bgr[down // 2 :: down, across // 2 :: across, 1])
    return cv2.resize(green, SMALL_WH, interpolation=cv2.INTER_AREA).astype(np.int16)


def _difference(now: np.ndarray, before: np.ndarray) -> float:
    """Return the mean difference of two small pictures, grey levels, whatever their light."""
    difference = now - before
    light = round(int(difference.sum()) / difference.size)
    return cv2.norm(difference - light, cv2.NORM_L1) / difference.size
