"""Boxes: overlap, and the part of one that lies in a picture."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.boxes import clamp, clip, iou, is_same_face, overlap

sides = st.floats(-2000, 2000)
lengths = st.floats(0, 2000)
boxes = st.tuples(sides, sides, lengths, lengths)
sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (20, 0, 10, 10), 0),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0),  # side by side
        ((0, 0, 10, 10), (5, 0, 10, 10), 1 / 3),  # 50 of 150 px
        ((0, 0, 10, 10), (0, 0, 5, 5), 1 / 4),
        ((3, 3, 0, 0), (3, 3, 0, 0), 0),  # nothing overlaps nothing
    ],
)
def test_overlaps_by_hand(a, b, expected):
    assert iou(a, b) == pytest.approx(expected)


@given(boxes, boxes)
def test_the_overlap_is_symmetric_and_a_share(a, b):
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1 + 1e-9


@given(boxes.filter(lambda box: box[2] > 0.01 and box[3] > 0.01))
def test_a_box_overlaps_itself_wholly(box):
    assert iou(box, box) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(
    "box, expected",
    [
        ((-5.0, 10.0, 20.0, 20.0), (0.0, 10.0, 15.0, 20.0)),
        ((90.0, 70.0, 20.0, 20.0), (90.0, 70.0, 10.0, 10.0)),
        ((99.5, 0.0, 20.0, 20.0), None),  # half a pixel is left
        ((200.0, 10.0, 20.0, 20.0), None),
        ((math.nan, 10.0, 20.0, 20.0), None),
        ((10.0, 10.0, math.nan, 20.0), None),
    ],
)
def test_clips_by_hand(box, expected):
    assert clip(box, (100, 80)) == expected


def _inside(box, size_wh):
    x, y, w, h = box
    slack = 1e-9 * max(size_wh)
    return min(x, y) >= 0 and x + w <= size_wh[0] + slack and y + h <= size_wh[1] + slack


@given(boxes, sizes)
def test_a_clipped_box_lies_in_the_picture_and_in_the_box(box, size_wh):
    clipped = clip(box, size_wh)
    if clipped is None:
        return
    assert _inside(clipped, size_wh) and min(clipped[2:]) >= 1
    assert clipped[0] >= box[0] and clipped[1] >= box[1]
    assert clipped[2] <= box[2] + 1e-9 and clipped[3] <= box[3] + 1e-9


@given(boxes, sizes)
def test_a_clamped_box_lies_in_the_picture_wherever_it_was(box, size_wh):
    assert _inside(clamp(box, size_wh), size_wh)


@given(st.tuples(st.floats(0, 40), st.floats(0, 40), st.floats(2, 60), st.floats(2, 40)))
def test_a_box_inside_the_picture_is_not_changed(box):
    assert clip(box, (100, 80)) == pytest.approx(box) and clamp(box, (100, 80)) == box


@pytest.mark.parametrize(
    "a, b, expected, same",
    [
        ((0, 0, 10, 10), (20, 0, 10, 10), 0, False),
        ((0, 0, 100, 100), (10, 10, 20, 20), 1, True),  # an eye in a face
        ((0, 0, 100, 100), (80, 0, 40, 40), 0.5, True),
        ((0, 0, 100, 100), (85, 0, 40, 40), 0.375, False),
        ((0, 0, 10, 10), (4, 0, 10, 10), 0.6, True),
        ((0, 0, 0, 10), (0, 0, 10, 10), 0, False),
    ],
)
def test_the_share_of_the_smaller_box_by_hand(a, b, expected, same):
    assert overlap(a, b) == overlap(b, a) == pytest.approx(expected)
    assert is_same_face(a, b) == is_same_face(b, a) == same
