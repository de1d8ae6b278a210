"""Notice which parts of a live picture have changed: by a person, not by light or a noisy sensor.

A picture is compared as 32x24 cells, each the mean of four of its pixels. A person far away, whose
face is just wide enough to be classified, covers several.
"""

import cv2
import numpy as np

from ..types import Image, Region

CELLS_WH = (32, 24)
SAMPLED_WH = (64, 48)  # pixels of the picture, about, that the cells are made of
# Difference of a cell, grey levels, from which it has changed: skin and a grey wall are 30 apart.
LEAST_CHANGE = 8.0
NOISE_FACTOR = 8.0  # and it is so many times the usual difference of two frames
MOST_CHANGE = 40.0  # which people who move make as well; from here on it is a change in any case
EMA_ALPHA = 0.1  # weight of the newest difference in the usual one


class ChangeWatch:
    """The cells of the newest frame; use it from one thread."""

    def __init__(self) -> None:
        self.cells = np.zeros((CELLS_WH[1], CELLS_WH[0]), np.int16)
        """The newest frame's, 0..255. Never written to: a copy of the reference is enough."""
        self._before: np.ndarray | None = None
        self._size_wh = CELLS_WH
        self._noise = 0.0

    def see(self, frame_bgr: Image) -> None:
        """Take a frame, uint8 (H, W, 3)."""
        size_wh = (frame_bgr.shape[1], frame_bgr.shape[0])
        self._before = self.cells if size_wh == self._size_wh else None
        self._size_wh, self.cells = size_wh, _cells(frame_bgr)

    def learn_noise(self) -> None:
        """Take what differs between the two newest frames for usual; now and then is enough."""
        if self._before is None:
            return
        usual = float(np.median(np.abs(_without_light(self.cells - self._before))))
        self._noise += EMA_ALPHA * (usual - self._noise)

    def changed(self, since: np.ndarray) -> np.ndarray:
        """Return which cells differ from earlier ones, bool (24, 32)."""
        limit = min(max(LEAST_CHANGE, NOISE_FACTOR * self._noise), MOST_CHANGE)
        return np.abs(_without_light(self.cells - since)) > limit

    def part(self, region: Region) -> tuple[slice, slice]:
        """Return the rows and columns of the cells that a region, px, touches."""
        (width, height), (columns, rows) = self._size_wh, CELLS_WH
        left, top, right, bottom = region
        x0, x1 = max(0, left * columns // width), -(-right * columns // width)
        y0, y1 = max(0, top * rows // height), -(-bottom * rows // height)
        return slice(y0, max(y1, y0)), slice(x0, max(x1, x0))


def _cells(frame_bgr: Image) -> np.ndarray:
    """Return a picture shrunk to int16 (24, 32), of its green parts."""
    height, width = frame_bgr.shape[:2]
    down, across = max(1, height // SAMPLED_WH[1]), max(1, width // SAMPLED_WH[0])
    green = np.ascontiguousarray(frame_bgr[down // 2 :: down, across // 2 :: across, 1])
    return cv2.resize(green, CELLS_WH, interpolation=cv2.INTER_AREA).astype(np.int16)


def _without_light(difference: np.ndarray) -> np.ndarray:
    """Return differences without their mean, which a cloud or the camera's exposure makes."""
    return difference - round(int(difference.sum()) / difference.size)
