"""Random conditions."""

from hypothesis import strategies as st

from device.conditions.parser import OPERATORS
from device.conditions.tree import CROSSINGS, And, Comparison, Crosses, IsPerson, Not, Or, Present

NAMES = ("Smiling", "Eyeglasses", "5_o_Clock_Shadow", "Bald")
LINES = ("door", "front door", "O'Brien's", "☕")
PEOPLE_NAMES = ("Ada", "Grace Hopper", "unknown", "O'Brien", "☕")


def leaves():
    """Return a strategy of conditions of one name."""
    attributes, operators = st.sampled_from(NAMES), st.sampled_from(OPERATORS)
    numbers = st.floats(1e-9, 1) | st.sampled_from([0.0, 0.5, 1e-5, 1.0])
    return (
        st.builds(Comparison, attributes, operators, numbers)
        | st.builds(Comparison, st.just("people"), operators, st.integers(0, 9).map(float))
        | st.builds(Present, attributes)
        | st.builds(IsPerson, st.sampled_from(["==", "!="]), st.sampled_from(PEOPLE_NAMES))
        | st.builds(Crosses, st.sampled_from(CROSSINGS), st.sampled_from(LINES))
    )


def trees():
    """Return a strategy of conditions."""

    def inner(part):
        parts = st.lists(part, min_size=2, max_size=4).map(tuple)
        return st.builds(Not, part) | st.builds(And, parts) | st.builds(Or, parts)

    return st.recursive(leaves(), inner, max_leaves=12)
