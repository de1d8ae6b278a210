"""Non-maximum suppression: one face out of the detections that overlap."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.boxes import SAME_IOU, iou
from device.faces.suppression import merge


def box(x, y, side=100.0):
    return [x, y, side, side, *[0.0] * 12]


def test_merge_is_the_mean_weighted_by_score():
    # Two views of one face, 10 px apart and with scores 0.9 and 0.6, and another face far off.
    detections = [box(110, 100), box(100, 100), box(500, 100)]
    (face, score), (other, _) = merge(detections, [0.6, 0.9, 0.5])
    assert score == 0.9
    assert face[:4] == pytest.approx([104, 100, 100, 100])  # (100 * 0.9 + 110 * 0.6) / 1.5
    assert other[:2] == pytest.approx([500, 100])


def test_merge_of_nothing_is_nothing():
    assert merge([], []) == []


def test_detections_with_one_score_keep_their_order():
    first, second = merge([box(300, 0), box(0, 0)], [0.7, 0.7])
    assert (first[0][0], second[0][0]) == (300, 0)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.floats(0, 100), min_size=16, max_size=16), st.floats(0.5, 1)),
        min_size=1,
        max_size=30,
    )
)
def test_merge_keeps_the_best_and_means_lie_within_what_they_are_made_of(detections):
    points, scores = [list(p) for p, _ in detections], [score for _, score in detections]
    merged = merge(points, scores)
    assert 1 <= len(merged) <= len(points)
    assert merged[0][1] == max(scores)
    assert [s for _, s in merged] == sorted((s for _, s in merged), reverse=True)
    for place in range(16):
        values = [p[place] for p in points]
        assert all(min(values) - 1e-9 <= mean[place] <= max(values) + 1e-9 for mean, _ in merged)


@given(st.integers(0, 60), st.integers(40, 120))
def test_two_squares_are_one_face_from_the_limit_on(shift, side):
    a, b = (0.0, 0.0, side, side), (float(shift), 0.0, side, side)
    found = merge([box(0, 0, side), box(shift, 0, side)], [0.9, 0.8])
    assert (len(found) == 1) == (iou(a, b) > SAME_IOU)
