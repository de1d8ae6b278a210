"""Which enrolled person a face matches, or none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.recognition.embedding import EMBEDDING_SIZE
from device.recognition.gallery import MAX_SPREAD, Gallery, Match, score, template
from device.types import UNKNOWN
from tests.device.recognition.made_up import ada, templates


def test_an_empty_gallery():
    match = Gallery([], 0.5).match(templates())
    assert (match.name, match.score) == (UNKNOWN, 0.0)


def test_unknown_unless_one_person_is_similar_enough():
    people = [ada("Ada", 1, 1), ada("Bob", 1, 2)]
    (a,), (b,) = people[0].templates, people[1].templates
    apart = np.linalg.norm(a - b)  # about 2
    gallery = Gallery(people, 0.6)
    assert gallery.match(a[None]) == Match("Ada", 1.0) and gallery.match(b[None]) == Match(
        "Bob", 1.0
    )
    near, far = (a[None] + (b - a) * away / apart for away in (0.39, 0.41))
    assert gallery.match(near) == Match("Ada", pytest.approx(0.61, abs=1e-5))
    assert gallery.match(far) == Match(UNKNOWN, pytest.approx(0.59, abs=1e-5))
    assert gallery.match((a + b)[None] / 2) == Match(UNKNOWN, pytest.approx(max(0, 1 - apart / 2)))


def test_several_pictures_score_as_one_picture_does():
    (middle,) = templates()
    offset = np.zeros(EMBEDDING_SIZE, np.float32)
    offset[0] = 0.2  # two pictures 0.4 apart
    both = template(np.array([middle + offset, middle - offset]))
    np.testing.assert_allclose(both.mean, middle, atol=1e-6)
    assert both.spread == pytest.approx(0.04)
    # Another person's face is as far from the two together as from each.
    far = middle.copy()
    far[1] += 0.5
    single = score(template(far[None]), template((middle + offset)[None]))
    assert score(template(far[None]), both) == pytest.approx(single, abs=1e-6)


@given(st.integers(1, 6), st.floats(0, 3))
def test_the_spread_is_limited(count, apart):
    enrolled = template(templates(count, 3) * apart)
    assert 0 <= enrolled.spread <= MAX_SPREAD * (1 - 1 / count) + 1e-9
    assert score(enrolled, enrolled) == pytest.approx(1 - (2 * enrolled.spread) ** 0.5, abs=1e-5)
