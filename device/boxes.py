"""Boxes: x, y, width, height in px of the frame."""

from .types import Box

SAME_IOU = 0.3  # two boxes that overlap more are one face
INSIDE = 0.5  # and so are two that share so much of the smaller one


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, 0..1."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    width = min(ax + aw, bx + bw) - max(ax, bx)
    height = min(ay + ah, by + bh) - max(ay, by)
    shared = max(0.0, width) * max(0.0, height)
    # Rounding may exceed 1 for boxes of a fraction of a px.
    return min(1.0, shared / max(aw * ah + bw * bh - shared, 1e-9))


def overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes as a share of the smaller one, 0..1."""
    area_a, area_b = a[2] * a[3], b[2] * b[3]
    shared = iou(a, b)
    return min(1.0, shared * (area_a + area_b) / (1 + shared) / max(min(area_a, area_b), 1e-9))


def is_same_face(a: Box, b: Box) -> bool:
    """Whether two boxes are of one face: they overlap, or one lies mostly in the other."""
    shared = iou(a, b)
    return shared >= SAME_IOU or (shared > 0 and overlap(a, b) >= INSIDE)


def clip(box: Box, size_wh: tuple[int, int]) -> Box | None:
    """Return the part of a box inside a picture; None if it is under 1 px wide or high."""
    x, y, w, h = box
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + w, float(size_wh[0])), min(y + h, float(size_wh[1]))
    # Also None for nan.
    if not (right - left >= 1 and bottom - top >= 1):
        return None
    return left, top, right - left, bottom - top


def clamp(box: Box, size_wh: tuple[int, int]) -> Box:
    """Return a box moved and cut into a picture, at least 1 px wide and high."""
    (x, y, w, h), (width, height) = box, size_wh
    if x >= 0 and y >= 0 and x + w <= width and y + h <= height:
        return box
    left, top = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    right, bottom = max(min(x + w, width), left + 1.0), max(min(y + h, height), top + 1.0)
    return left, top, right - left, bottom - top
