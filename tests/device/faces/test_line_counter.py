"""Tracks that cross lines, in a picture of 1024 x 512 px."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.faces.line_counter import MARGIN, MIN_MARGIN_PX, LineCounter, signed_distance
from device.types import IN, OUT, Crossing, Face, Frame, Line, LineCount

WIDTH, HEIGHT = 1024, 512
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
DOOR = Line("door", (0.5, 1.0), (0.5, 0.0))  # upwards at x = 512 px: in is to the right
FACE_PX = 80
MARGIN_PX = MARGIN * FACE_PX  # 12


def frame(index, at_s):
    return Frame(PICTURE, index, NOON + timedelta(seconds=at_s), at_s, "film")


def face(point, hits, id=1, side=FACE_PX):
    x, y = point
    return Face(id, (x - side / 2, y - side / 2, side, side), 0.9, np.zeros((4, 2)), hits=hits)


def crossings(points, lines=(DOOR,), step_s=0.1, max_lost_s=1.0, side=FACE_PX):
    """Return the crossings of one face at these points, one a frame; None: not in view."""
    counter, found, hits = LineCounter(lines, max_lost_s), [], 0
    for index, point in enumerate(points):
        hits += point is not None
        faces = [] if point is None else [face(point, hits, side=side)]
        found += counter.add(frame(index, index * step_s), faces)
    return found


def directions(points, **options):
    return [crossing.direction for crossing in crossings(points, **options)]


def across(*xs, y=256.0):
    return [None if x is None else (float(x), y) for x in xs]


def test_nothing_is_counted_without_faces_or_without_lines():
    counter = LineCounter([DOOR], 1.0)
    assert counter.add(frame(0, 0.0), []) == ()
    assert counter.counts == (LineCount(DOOR, 0, 0),)
    assert crossings(across(100, 900), lines=()) == []


def test_a_crossing_has_the_time_at_which_the_track_is_past_the_margin():
    (crossing,) = crossings(across(480, 500, 515, 524, 530))
    # 524 px is 12 px past the line, the margin; 530 px is more.
    assert crossing == Crossing(NOON + timedelta(seconds=0.4), 1, "door", IN)


@pytest.mark.parametrize(
    "line, points, direction",
    [
        (((0.5, 1.0), (0.5, 0.0)), across(400, 600), IN),
        (((0.5, 1.0), (0.5, 0.0)), across(600, 400), OUT),
        (((0.5, 0.0), (0.5, 1.0)), across(600, 400), IN),
        (((0.0, 0.5), (1.0, 0.5)), [(500.0, 100.0), (500.0, 400.0)], IN),  # down
        (((0.0, 0.5), (1.0, 0.5)), [(500.0, 400.0), (500.0, 100.0)], OUT),
        (((0.0, 0.0), (1.0, 1.0)), [(800.0, 100.0), (200.0, 400.0)], IN),
    ],
)
def test_in_is_from_left_to_right_for_a_viewer_from_the_first_end(line, points, direction):
    assert directions(points, lines=[Line("line", *line)]) == [direction]


def test_a_passage_and_its_way_back_are_two_crossings():
    assert directions(across(400, 600, 400, 600)) == [IN, OUT, IN]


def test_a_face_that_turns_back_at_the_line_has_not_crossed_it():
    assert directions(across(400, 500, 520, 524, 500, 400)) == []


def test_a_track_that_begins_at_the_line_has_not_crossed_it():
    assert directions(across(510, 515, 600)) == []
    assert directions(across(510, 515, 600, 400)) == [OUT]


def test_the_margin_of_a_small_face_is_4_px():
    assert MARGIN * 20 < MIN_MARGIN_PX == 4
    assert directions(across(500, 516), side=20) == []
    assert directions(across(500, 516.5), side=20) == [IN]


def test_a_walk_past_the_end_of_the_line_does_not_count():
    half = Line("half", (0.5, 1.0), (0.5, 0.5))  # from y = 512 to 256 px
    assert directions(across(400, 600, y=255.0), lines=[half]) == []
    assert directions(across(400, 600, y=257.0), lines=[half]) == [IN]


def test_a_walk_along_the_line_past_its_end_does_not_count():
    half = Line("half", (0.5, 1.0), (0.5, 0.5))
    points = [(400.0, 400.0), (508.0, 400.0), (508.0, 100.0), (520.0, 100.0), (600.0, 400.0)]
    assert directions(points, lines=[half]) == []


def test_a_track_that_is_lost_at_the_line_and_found_behind_it_has_crossed_it():
    assert directions(across(400, 480, None, None, None, 560, 600)) == [IN]


def test_a_track_that_is_gone_is_forgotten():
    assert directions(across(400, *[None] * 15, 600)) == []


def test_a_predicted_position_does_not_count():
    counter = LineCounter([DOOR], 1.0)
    for index, (x, hits) in enumerate([(400, 1), (480, 2), (560, 2), (480, 3)]):
        assert counter.add(frame(index, index / 10), [face((x, 256), hits)]) == ()


def test_tracks_and_lines_are_counted_apart():
    lines = [DOOR, Line("gate", (0.25, 0.0), (0.25, 1.0))]  # downwards: in is to the left
    counter = LineCounter(lines, 1.0)
    walks = {1: across(100, 400, 900), 2: across(900, 600, 400)}
    for index in range(3):
        faces = [face(walk[index], index + 1, id=id) for id, walk in walks.items()]
        found = counter.add(frame(index, index / 10), faces)
    assert [(one.track, one.line, one.direction) for one in found] == [
        (1, "door", IN),
        (2, "door", OUT),
    ]
    assert counter.counts == (LineCount(lines[0], 1, 1), LineCount(lines[1], 0, 1))


def test_distances_are_positive_on_the_right():
    upwards = ((512.0, 512.0), (512.0, 0.0))
    assert signed_distance((532.0, 100.0), upwards) == 20
    assert signed_distance((492.0, 100.0), upwards) == -20


# In 8ths of the picture and whole px, all sums of the mirrored walks are exact.
ends = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda xy: (xy[0] / 8, xy[1] / 8))
lines = st.tuples(ends, ends).filter(lambda pair: pair[0] != pair[1])
points = st.tuples(st.integers(0, WIDTH), st.integers(0, HEIGHT))
steps = st.floats(0.005, 5.0)  # s between frames: 200 to 0.2 frames/s


def in_px(pair):
    return tuple((x * WIDTH, y * HEIGHT) for x, y in pair)


inside, outside = st.floats(0.02, 0.98), st.floats(-1, -0.02) | st.floats(1.02, 2)
before, behind = st.floats(30, 600), st.floats(30, 600)  # px from the line; the margin is 12

slanted, upright = st.floats(-3, 3), st.just(0.0)  # px along the line per px across it


@st.composite
def walks(draw, shares=inside, slants=slanted):
    """Return a line's ends, and begin and end of a straight walk that meets it at a share of it.

    The walk goes in.
    """
    pair, share, slant = draw(lines), draw(shares), draw(slants)
    first, last = map(np.array, in_px(pair))
    along = (last - first) / np.linalg.norm(last - first)
    way = np.array((-along[1], along[0])) + slant * along
    met = first + share * (last - first)
    return pair, met - draw(before) * way, met + draw(behind) * way


def straight(start, end, count):
    return [tuple(start + (end - start) * n / (count - 1)) for n in range(count)]


@given(walks(), st.integers(2, 300), steps)
def test_a_straight_walk_across_counts_once_at_any_speed_and_frame_rate(walk, count, step_s):
    pair, start, end = walk
    options = {"lines": [Line("line", *pair)], "step_s": step_s}
    assert directions(straight(start, end, count), **options) == [IN]
    assert directions(straight(end, start, count), **options) == [OUT]


@given(walks(outside), st.integers(2, 300), steps)
def test_a_straight_walk_past_the_ends_counts_nothing(walk, count, step_s):
    pair, start, end = walk
    options = {"lines": [Line("line", *pair)], "step_s": step_s}
    assert directions(straight(start, end, count), **options) == []


@given(walks(slants=upright), st.integers(1, 30), st.integers(1, 8))
def test_a_walk_with_a_short_loss_counts_once(walk, begin, lost):
    # Up to 0.8 s of 4 s; the track is kept for 1 s.
    pair, start, end = walk
    seen = straight(start, end, 40)
    holed = [None if begin <= n < begin + lost else point for n, point in enumerate(seen)]
    assert directions(holed, lines=[Line("line", *pair)]) == [IN]


jitter = st.lists(
    st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=60, max_size=60
)  # px, of which 11.4 across the line at most; the margin is 12


@given(lines, jitter)
def test_jitter_at_the_line_counts_nothing(pair, steps_xy):
    (x0, y0), (x1, y1) = in_px(pair)
    middle = np.array(((x0 + x1) / 2, (y0 + y1) / 2))
    walk = [tuple(middle + step) for step in steps_xy]
    assert directions(walk, lines=[Line("line", *pair)]) == []


@given(walks(st.floats(0.4, 0.6), upright), jitter)
def test_a_walk_with_jitter_counts_once(walk, steps_xy):
    pair, start, end = walk
    seen = [
        tuple(np.array(point) + step)
        for point, step in zip(straight(start, end, 60), steps_xy, strict=True)
    ]
    assert directions(seen, lines=[Line("line", *pair)]) == [IN]


@given(lines, st.lists(points, max_size=30))
def test_a_mirrored_picture_swaps_in_and_out(pair, walk):
    mirrored = [(1 - x, y) for x, y in pair]
    plain = crossings(walk, lines=[Line("line", *pair)])
    turned = crossings([(WIDTH - x, y) for x, y in walk], lines=[Line("line", *mirrored)])
    swapped = {IN: OUT, OUT: IN}
    assert turned == [replace(one, direction=swapped[one.direction]) for one in plain]


@given(lines, st.lists(points, max_size=30))
def test_a_line_the_other_way_round_swaps_in_and_out(pair, walk):
    plain = directions(walk, lines=[Line("line", *pair)])
    turned = directions(walk, lines=[Line("line", *pair[::-1])])
    assert [one == IN for one in turned] == [one == OUT for one in plain]


@given(lines, st.lists(points, max_size=60), steps)
def test_directions_alternate_along_a_line_that_has_no_ends(pair, walk, step_s):
    (x0, y0), (x1, y1) = pair
    far = 99 * (x1 - x0), 99 * (y1 - y0)
    long = Line("long", (x0 - far[0], y0 - far[1]), (x1 + far[0], y1 + far[1]))
    found = directions(walk, lines=[long], step_s=step_s)
    assert all(one != other for one, other in pairwise(found))


def test_an_hour_of_tracks_takes_no_memory():
    counter = LineCounter([DOOR], 1.0)
    for index in range(20_000):
        counter.add(frame(index, index / 5), [face((400 + index % 2 * 200, 9), 1, id=index)])
    assert len(counter._tracks) < 10
