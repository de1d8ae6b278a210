"""Take a photo's small faces from the file at full size, where the frame was decoded smaller."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..types import CloseUp, Detection, Frame, FullSize, Region
from .align import AlignError, CropGeometry

CONTEXT_PX = 4  # of the crop, around it


def close_ups(
    frame: Frame,
    faces: Sequence[Detection],
    geometry: CropGeometry,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, CloseUp]]:
    """Yield (number of the face, its close-up), for the faces whose crop the frame would enlarge.

    A close-up has one to two px for a px of the crop. The frame itself is as good for other faces.
    Raises Stopped where `stopping` is true, OSError and others for a file that has changed.
    """
    full = frame.full_size
    if full is None:
        return
    numbers, regions, factors = [], [], []
    for number, face in enumerate(faces):
        try:
            matrix = geometry.matrix(face.landmarks)
        except AlignError:
            continue
        enlargement = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
        if enlargement > 1:
            numbers.append(number)
            regions.append(_region(matrix, geometry, full))
            factors.append(_factor(full.scale / enlargement))
    if numbers:
        for index, close_up in full.close_ups(regions, factors, stopping):
            yield numbers[index], close_up


def _factor(px_of_file: float) -> int:
    """Return the largest factor that leaves a px for each px of the crop."""
    return next((factor for factor in (8, 4, 2) if factor <= px_of_file), 1)


def _region(matrix: np.ndarray, geometry: CropGeometry, full: FullSize) -> Region:
    """Return what a crop takes of the picture, px of the full size."""
    (width, height), edge = geometry.size_wh, CONTEXT_PX
    corners = np.array([(-edge, -edge), (width + edge, -edge), (width + edge, height + edge)])
    corners = np.vstack([corners, [(-edge, height + edge)]])
    points = full.scale * (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    limit = np.array(full.size_wh)
    left, top = np.clip(np.floor(points.min(0)).astype(int), 0, limit - 1).tolist()
    right, bottom = np.clip(np.ceil(points.max(0)).astype(int), 1, limit).tolist()
    return left, top, max(right, left + 1), max(bottom, top + 1)


def in_close_up(face: Detection, close_up: CloseUp) -> Detection:
    """Return a face of the frame as its close-up shows it."""
    part = close_up.scale / close_up.factor
    # Centres of pixels: of the frame's, of the file's, and of the close-up's.
    shift = (close_up.scale - close_up.factor) / 2 - np.array(close_up.left_top)
    shift = shift / close_up.factor
    x, y, w, h = face.box
    box = (part * x + shift[0], part * y + shift[1], part * w, part * h)
    return replace(face, box=box, landmarks=part * face.landmarks + shift)
