"""A face knows the names of its attributes; a result unpacks as frame and faces."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from device.types import TOO_SMALL, Detection, Face, Frame, Probabilities, Result

NAMES = ("Bald", "Smiling", "Wearing_Hat")
VALUES = np.array([0.25, 0.75, 0.5], np.float32)


def face(probabilities, state="ok"):
    return Face(1, (1.0, 2.0, 3.0, 4.0), 0.9, np.zeros((4, 2)), state, (), probabilities)


CLASSIFIED = face(Probabilities(NAMES, VALUES))
REJECTED = face(Probabilities(NAMES, None), TOO_SMALL)


def test_an_attribute_by_its_name():
    assert CLASSIFIED["Smiling"] == 0.75 and type(CLASSIFIED["Smiling"]) is float
    assert dict(CLASSIFIED.probabilities) == {"Bald": 0.25, "Smiling": 0.75, "Wearing_Hat": 0.5}


def test_a_face_that_is_not_classified_has_none():
    assert REJECTED["Smiling"] is None and not REJECTED.probabilities
    assert face(Probabilities())["Smiling"] is None  # of an analyzer without a classifier


@pytest.mark.parametrize("of", [CLASSIFIED, REJECTED])
@pytest.mark.parametrize(
    "name, hint",
    [("Smilling", "Smiling"), ("wearing hat", "Wearing_Hat"), ("x", "one of Bald, Smiling, Wear")],
)
def test_an_unknown_attribute_names_the_nearest(of, name, hint):
    with pytest.raises(KeyError, match=f"unknown attribute '{name}'. Try: {hint}"):
        of[name]


def test_results_unpack_as_frame_and_faces():
    frame = Frame(np.zeros((2, 2, 3), np.uint8), 0, datetime.now(UTC), 0.0, "made")
    got, faces = Result(frame, [CLASSIFIED])
    assert got is frame and faces == [CLASSIFIED]
    assert Result(frame, []).analyzed


def test_what_travels_between_the_stages_is_frozen():
    with pytest.raises(FrozenInstanceError):
        CLASSIFIED.id = 2
    with pytest.raises(FrozenInstanceError):
        Detection((0.0, 0.0, 1.0, 1.0), 0.9, np.zeros((4, 2))).score = 1.0
    with pytest.raises(TypeError):
        CLASSIFIED.probabilities["Bald"] = 1.0


@given(
    st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=8).flatmap(
        lambda names: st.tuples(
            st.just(tuple(names)),
            st.none() | arrays(np.float32, len(names), elements=st.floats(0, 1, width=32)),
        )
    )
)
def test_probabilities_are_a_mapping_of_their_names(case):
    names, array = case
    probabilities = Probabilities(names, array)
    expected = {} if array is None else dict(zip(names, array.tolist(), strict=True))
    assert isinstance(probabilities, Mapping) and probabilities == expected
    assert list(probabilities) == list(expected) and len(probabilities) == len(expected)
    assert bool(probabilities) == (array is not None) and probabilities.names == names
    assert probabilities.get("not a name") is None and "not a name" not in probabilities
    assert repr(probabilities).startswith("{")
