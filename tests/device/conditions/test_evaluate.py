"""What a condition says of a face: as Python says it, and unknown where a fact is missing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.conditions.evaluate import Facts, evaluate
from device.conditions.parser import parse
from device.conditions.tree import And, Comparison, Crosses, IsPerson, Not, Or, Present
from device.types import IN, OUT, Crossing
from tests.device.conditions.trees import LINES, NAMES, PEOPLE_NAMES, trees
from tests.device.outputs.made_up import NOON

THRESHOLDS = {"Smiling": 0.5, "Eyeglasses": 0.3, "5_o_Clock_Shadow": 0.25, "Bald": 0.75}
CROSSINGS = st.none() | st.builds(
    Crossing, st.just(NOON), st.just(1), st.sampled_from(LINES), st.sampled_from([IN, OUT])
)
PROBABILITIES = st.fixed_dictionaries({name: st.floats(0, 1) for name in NAMES})


def python(tree) -> str:
    """Return a condition as an expression of Python."""
    match tree:
        case Comparison("people", operator, value):
            return f"people {operator} {value!r}"
        case Comparison(name, operator, value):
            return f"p[{name!r}] {operator} {value!r}"
        case Present(name):
            return f"p[{name!r}] >= t[{name!r}]"
        case IsPerson(operator, person):
            return f"person {operator} {person!r}"
        case Crosses("crossed", line):
            return f"{line!r} in (ins, outs)"
        case Crosses(name, line):
            return f"{line!r} == {name.removeprefix('crossed_')}s"
        case Not(inner):
            return f"(not {python(inner)})"
        case And(parts):
            return "(" + " and ".join(map(python, parts)) + ")"
        case Or(parts):
            return "(" + " or ".join(map(python, parts)) + ")"


@given(trees(), PROBABILITIES, st.sampled_from(PEOPLE_NAMES), st.integers(0, 9), CROSSINGS)
def test_a_condition_is_what_python_says(tree, probabilities, person, people, crossing):
    known = {"p": probabilities, "t": THRESHOLDS, "person": person, "people": people}
    for direction, name in ((IN, "ins"), (OUT, "outs")):
        crosses = crossing and crossing.direction == direction
        known[name] = crossing.line if crosses else None
    expected = eval(python(tree), {"__builtins__": {}}, known)
    facts = Facts(probabilities, person, people, crossing)
    assert evaluate(tree, facts, THRESHOLDS) is expected


@given(trees(), PROBABILITIES, st.sampled_from(PEOPLE_NAMES), st.booleans(), st.booleans())
def test_what_is_certain_while_facts_are_missing_stays_so(tree, values, person, faced, named):
    """A condition that is true or false before a face is clear is the same afterwards."""
    early = evaluate(tree, Facts(values if faced else {}, person if named else "", 2), THRESHOLDS)
    late = evaluate(tree, Facts(values, person, 2), THRESHOLDS)
    assert late is not None and (early is None or early is late)


@pytest.mark.parametrize(
    "text, unclear, nobody",
    [
        ("Smiling > 0.8", None, None),
        ("not Smiling > 0.8", None, None),
        ("Smiling or not Smiling", None, None),
        ("people == 0", False, True),
        ("people == 0 or Smiling", None, True),
        ("people > 0 and Smiling", None, False),
        ('person == "Ada"', None, None),
        ('person != "Ada"', None, None),
    ],
)
def test_faces_that_are_not_classified_are_unknown(text, unclear, nobody):
    tree = parse(text, NAMES)
    assert evaluate(tree, Facts({}, "", 1), THRESHOLDS) is unclear
    assert evaluate(tree, Facts({}, "", 0), THRESHOLDS) is nobody


def test_kleenes_tables():
    truths = {"Smiling > 0": True, "Smiling < 0": False, "person == 'Ada'": None}
    facts = Facts({"Smiling": 0.5}, "", 1)
    for (a, x), (b, y) in itertools.product(truths.items(), repeat=2):
        both = evaluate(parse(f"{a} and {b}", NAMES), facts, THRESHOLDS)
        either = evaluate(parse(f"{a} or {b}", NAMES), facts, THRESHOLDS)
        rank = {False: 0, None: 1, True: 2}
        assert both is min(x, y, key=rank.__getitem__)
        assert either is max(x, y, key=rank.__getitem__)
