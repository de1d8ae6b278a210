"""Levels: on while a condition is fulfilled or after a crossing, with hysteresis and hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.conditions.evaluate import Facts, evaluate
from device.conditions.level import ConditionLevel, CrossingLevel, is_fulfilled, relaxed
from device.conditions.parser import parse
from device.conditions.tree import Comparison, text_of
from device.types import Line, LineCount, Result
from tests.device.conditions.trees import NAMES, PEOPLE_NAMES, trees
from tests.device.outputs.made_up import face, result

THRESHOLDS = dict.fromkeys(NAMES, 0.5)


def smile(probability, at_s):
    faces = () if probability is None else (face(values=(0.0, probability)),)
    return result(*faces, seconds=at_s)


def test_the_level_has_a_hysteresis_and_is_held():
    level = ConditionLevel(Comparison("Smiling", ">=", 0.6), {}, 0.5)
    # Off below 0.476: log-odds 0.405 - 0.5.
    steps = [(0.59, 0.0), (0.6, 1.0), (0.48, 2.0), (0.47, 2.4), (0.47, 2.6), (0.59, 3.0)]
    assert [level.update(smile(*step)) for step in steps] == [False, True, True, True, False, False]


@given(st.floats(0.05, 0.95), st.lists(st.floats(0, 1), max_size=40))
def test_without_hold_the_level_follows_the_threshold_on_its_way_up(threshold, probabilities):
    level, was_on = ConditionLevel(Comparison("Smiling", ">=", threshold), {}, 0.0), False
    for at_s, given_probability in enumerate(probabilities):
        made = smile(given_probability, float(at_s))
        probability = made.faces[0]["Smiling"]  # float32
        is_on = level.update(made)
        assert is_on or probability < threshold
        assert was_on or is_on == (probability >= threshold)
        was_on = is_on


def test_one_face_must_fulfil_all_of_a_condition():
    both = parse("Smiling > 0.8 and Bald", NAMES)
    smiles, bald = face(1, values=(0.1, 0.9)), face(2, values=(0.9, 0.1))
    assert not is_fulfilled(both, result(smiles, bald), THRESHOLDS)
    assert is_fulfilled(both, result(smiles, face(3, values=(0.9, 0.9))), THRESHOLDS)


@pytest.mark.parametrize("when, fulfilled", [("people == 0", True), ("not Smiling", False)])
def test_without_faces_only_the_picture_fulfils_a_condition(when, fulfilled):
    assert is_fulfilled(parse(when, NAMES), result(), THRESHOLDS) is fulfilled


def test_a_relaxed_condition_moves_each_probability_towards_fulfilment():
    condition = parse("Smiling > 0.6 and not Eyeglasses or Smiling < 0.5 and people > 2", NAMES)
    relaxed_text = text_of(relaxed(condition, THRESHOLDS))
    numbers = [float(word.strip("()")) for word in relaxed_text.split() if word[0].isdigit()]
    assert numbers == pytest.approx([0.476, 0.622, 0.622, 2], abs=0.001)


@given(
    trees(),
    st.fixed_dictionaries(dict.fromkeys(NAMES, st.floats(0, 1))),
    st.sampled_from(["", *PEOPLE_NAMES]),
    st.integers(0, 4),
)
def test_what_fulfils_a_condition_fulfils_the_relaxed_one(condition, probabilities, person, people):
    facts = Facts(probabilities, person, people)
    if evaluate(condition, facts, THRESHOLDS):
        assert evaluate(relaxed(condition, THRESHOLDS), facts, THRESHOLDS)


def crossed(ins, outs, at_s):
    seen = result(seconds=at_s)
    door = Line("door", (0.5, 1.0), (0.5, 0.0))
    return Result(seen.frame, (), lines=(LineCount(door, ins, outs),))


@pytest.mark.parametrize(
    "direction, expected",
    [
        ("", [False, True, True, False, True, True]),
        ("in", [False, True, True, False, False, False]),
        ("out", [False, False, False, False, True, True]),
    ],
)
def test_a_crossing_is_held_and_results_that_were_skipped_lose_none(direction, expected):
    level = CrossingLevel("door", direction, 0.5)
    steps = [(4, 7, 0.0), (6, 7, 1.0), (6, 7, 1.4), (6, 7, 1.6), (6, 8, 2.0), (6, 8, 2.4)]
    assert [level.update(crossed(*step)) for step in steps] == expected
