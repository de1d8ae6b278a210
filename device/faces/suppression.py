"""Weighted non-maximum suppression: one face out of the detections that overlap.

Plain numbers instead of arrays: a face has a handful of detections, for which the calls of an array
library cost three times as much.
"""

from collections.abc import Sequence

from ..boxes import SAME_IOU, iou
from ..types import Box

Points = Sequence[float]  # x, y of a box's centre, its width and height, then x, y of landmarks


def merge(points: Sequence[Points], scores: Sequence[float]) -> list[tuple[list[float], float]]:
    """Return one (points, score) per face, by falling score.

    Each face is the mean of the detections that overlap its best one, weighted by score, and has
    the best one's score: steadier from frame to frame than the best one alone. Source: Bazarevsky
    et al. (2019), BlazeFace.
    """
    order = sorted(range(len(scores)), key=lambda n: -scores[n])
    left = [(_box(points[n]), points[n], scores[n]) for n in order]
    merged = []
    while left:
        box, _, score = left[0]
        is_same = [True, *(iou(box, other[0]) > SAME_IOU for other in left[1:])]
        merged.append((_mean([d for d, same in zip(left, is_same, strict=True) if same]), score))
        left = [d for d, same in zip(left, is_same, strict=True) if not same]
    return merged


def _box(points: Points) -> Box:
    x, y, w, h = points[:4]
    return x - w / 2, y - h / 2, w, h


def _mean(detections: Sequence[tuple[Box, Points, float]]) -> list[float]:
    """Return the mean of the detections' points, weighted by score."""
    weights = [score for _, _, score in detections]
    total = sum(weights)
    columns = zip(*(points for _, points, _ in detections), strict=True)
    return [
        sum(w * value for w, value in zip(weights, column, strict=True)) / total
        for column in columns
    ]
