"""Boxes and labels drawn into pictures of any size and content."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.outputs.overlay import Text, annotate, draw_lines, fit_lines, place_label
from device.types import OK, TOO_SMALL, Line, LineCount
from tests.device.outputs.made_up import face

frames = st.tuples(st.integers(40, 900), st.integers(40, 900))
boxes = st.tuples(*[st.integers(0, 900)] * 4)


def drawn(*faces, status="", shape=(240, 320, 3), level=90):
    """Return a plain picture with faces drawn into it."""
    picture = np.full(shape, level, np.uint8)
    annotate(picture, faces, status)
    return picture


@given(boxes, st.tuples(st.integers(1, 40), st.integers(1, 40)), frames, st.lists(boxes))
def test_a_label_is_always_inside_the_picture(box, size, frame, taken):
    x, y = place_label(box, size, frame, taken)
    assert 0 <= x <= frame[0] - size[0] and 0 <= y <= frame[1] - size[1]


def test_a_label_stands_beside_its_box_not_on_it():
    box = (100, 50, 60, 60)
    assert place_label(box, (80, 100), (640, 480), [box]) == (164, 50)
    box = (560, 50, 60, 60)
    assert place_label(box, (80, 100), (640, 480), [box]) == (476, 50)


def test_nothing_to_draw_changes_nothing():
    assert (drawn() == 90).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_lettering_is_readable_on_any_background(level):
    labelled = face(box=(100.0, 100.0, 80.0, 80.0), labels=("smiling", "eyeglasses"))
    panel = drawn(labelled, shape=(480, 640, 3), level=level)[100:140, 186:290].astype(int)
    assert panel.max() > 230  # white letters
    assert np.median(panel) < 90  # on a dark panel


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 300, 3), (300, 20, 3), (1080, 1920, 3)])
def test_any_size_of_picture_can_be_drawn_on(shape):
    many = face(box=(0.0, 0.0, 1.0, 1.0), labels=[f"word {n}" for n in range(40)])
    none = face(2, box=(0.0, 0.0, shape[1], shape[0]), labels=())
    drawn(many, none, status="25 frames/s", shape=shape)


def test_labels_that_do_not_fit_are_counted():
    lines = fit_lines([f"w{n}" for n in range(40)], Text.fitting(480), (640, 480))
    shown = len(lines) - 1
    assert lines[-1] == f"+{40 - shown}" and shown > 10


def test_labels_too_wide_for_the_picture_are_counted_too():
    assert fit_lines(["ok", "w" * 200], Text.fitting(480), (640, 480)) == ["ok", "+1"]


@pytest.mark.parametrize("state, values", [(OK, (0.25, 0.75)), (TOO_SMALL, None)])
def test_the_person_is_drawn_whether_the_face_is_classified_or_not(state, values):
    nameless, accented, plain, foreign = (
        drawn(face(box=(60.0, 20.0, 60.0, 60.0), values=values, state=state, person=person))
        for person in ("", "Zoë", "Zoe", "李")
    )
    assert (nameless != accented).any() and (accented == plain).all()
    # "enrolled person", as the font lacks the letters.
    assert (foreign != nameless).any() and (foreign != accented).any()


def test_a_rejected_face_shows_its_state_instead_of_labels():
    small = face(state=TOO_SMALL, values=None, labels=())
    assert (drawn(small) != drawn(face(labels=()))).any()


DOOR = LineCount(Line("door", (0.5, 0.0), (0.5, 1.0)), 3, 1)


def with_lines(*counts, shape=(480, 640, 3), level=90):
    picture = np.full(shape, level, np.uint8)
    draw_lines(picture, counts)
    return picture


def test_no_line_changes_nothing():
    assert (with_lines() == 90).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_line_is_thin_and_visible_on_any_background(level):
    row = with_lines(DOOR, level=level)[300, 300:340].astype(int).mean(axis=1)
    changed = np.flatnonzero(np.abs(row - level) > 10)
    assert np.ptp(changed) < 8 and 20 in changed + 1
    assert np.ptp(row) > 200  # white within black


def test_the_arrow_points_to_where_in_leads():
    # Downwards: in is to the viewer's left.
    one, other = (with_lines(LineCount(Line("", *ends))) for ends in ENDS)
    left, right = np.s_[235:246, 306:314], np.s_[235:246, 326:334]
    assert (one[left] != 90).any() and (one[right] == 90).all()
    assert (other[right] != 90).any() and (other[left] == 90).all()


ENDS = (((0.5, 0.0), (0.5, 1.0)), ((0.5, 1.0), (0.5, 0.0)))


def test_the_sums_are_drawn():
    more = LineCount(DOOR.line, 4, 1)
    assert (with_lines(DOOR) != with_lines(more)).any()


@given(frames, st.tuples(*[st.floats(0, 1)] * 4), st.text(max_size=60), st.integers(0, 10**9))
def test_any_line_can_be_drawn_in_any_picture(size, ends, name, ins):
    line = Line(name, ends[:2], ends[2:], name, name)
    with_lines(LineCount(line, ins, 0), DOOR, shape=(*size, 3))


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 300, 3), (300, 20, 3), (1080, 1920, 3)])
def test_lines_fit_into_any_size_of_picture(shape):
    with_lines(DOOR, shape=shape)
