"""Whose face it is, or nobody's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.recognition.embedding import NUMBERS
from device.recognition.gallery import SPREAD, Gallery, Match, score, template
from device.types import UNKNOWN
from tests.device.recognition.made_up import ada, templates


def test_nobody_is_known():
    match = Gallery([], 0.5).match(templates())
    assert (match.name, match.score) == (UNKNOWN, 0.0)


def test_unknown_is_the_answer_unless_somebody_is_similar_enough():
    known = [ada("Ada", 1, 1), ada("Bob", 1, 2)]
    (a,), (b,) = known[0].templates, known[1].templates
    apart = np.linalg.norm(a - b)  # about 2
    gallery = Gallery(known, 0.6)
    assert gallery.match(a[None]) == Match("Ada", 1.0) and gallery.match(b[None]) == Match(
        "Bob", 1.0
    )
    near, far = (a[None] + (b - a) * away / apart for away in (0.39, 0.41))
    assert gallery.match(near) == Match("Ada", pytest.approx(0.61, abs=1e-5))
    assert gallery.match(far) == Match(UNKNOWN, pytest.approx(0.59, abs=1e-5))
    assert gallery.match((a + b)[None] / 2) == Match(UNKNOWN, pytest.approx(max(0, 1 - apart / 2)))


def test_pictures_that_differ_as_a_persons_do_count_by_their_mean_and_its_gain():
    (middle,) = templates()
    off = np.zeros(NUMBERS, np.float32)
    off[0] = 0.2  # two pictures 0.4 apart
    one = template(np.array([middle + off, middle - off]))
    np.testing.assert_allclose(one.mean, middle, atol=1e-6)
    assert one.spread == pytest.approx(0.04)
    # A stranger's face is as far from the two together as from each.
    far = middle.copy()
    far[1] += 0.5
    single = score(template(far[None]), template((middle + off)[None]))
    assert score(template(far[None]), one) == pytest.approx(single, abs=1e-6)


@given(st.integers(1, 6), st.floats(0, 3))
def test_more_pictures_never_count_for_more_than_people_differ(count, apart):
    one = template(templates(count, 3) * apart)
    assert 0 <= one.spread <= SPREAD * (1 - 1 / count) + 1e-9
    assert score(one, one) == pytest.approx(1 - (2 * one.spread) ** 0.5, abs=1e-5)
