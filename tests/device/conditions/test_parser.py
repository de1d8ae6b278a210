"""Conditions: text to tree and back, and errors that name the column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.conditions.parser import MAX_DEPTH, MAX_LENGTH, ConditionError, parse
from device.conditions.tree import (
    And,
    Comparison,
    Crosses,
    IsPerson,
    Not,
    Or,
    Present,
    attributes_in,
    names_crossing,
    names_person,
    text_of,
)
from tests.device.conditions.trees import LINES, NAMES, trees

SMILES, BALD = Comparison("Smiling", ">", 0.8), Present("Bald")


@pytest.mark.parametrize(
    "text, tree",
    [
        ("Smiling > 0.8", SMILES),
        ("Smiling>.8", SMILES),
        ("  Smiling\n>\t0.80 ", SMILES),
        ("Bald", BALD),
        ("5_o_Clock_Shadow <= 1", Comparison("5_o_Clock_Shadow", "<=", 1.0)),
        ("people >= 2", Comparison("people", ">=", 2.0)),
        ('person == "Ada"', IsPerson("==", "Ada")),
        ("person != 'O\"Hara'", IsPerson("!=", 'O"Hara')),
        ("not Bald", Not(BALD)),
        ("not not Bald", Not(Not(BALD))),
        ('crossed == "front door"', Crosses("crossed", "front door")),
        ("crossed_in=='door'", Crosses("crossed_in", "door")),
        ('crossed_out == "door" and Bald', And((Crosses("crossed_out", "door"), BALD))),
        ("Smiling > 0.8 and not Bald", And((SMILES, Not(BALD)))),
        ("not Bald and Smiling > 0.8", And((Not(BALD), SMILES))),
        ("Bald or Bald and Smiling > 0.8", Or((BALD, And((BALD, SMILES))))),
        ("(Bald or Bald) and Smiling > 0.8", And((Or((BALD, BALD)), SMILES))),
        ("Bald and Bald and Bald", And((BALD, BALD, BALD))),
        ("Bald and (Bald and Bald)", And((BALD, And((BALD, BALD))))),
        ("((Bald))", BALD),
        ("not(Bald)and(Bald)", And((Not(BALD), BALD))),
    ],
)
def test_a_condition_is_a_tree(text, tree):
    assert parse(text, NAMES, lines=LINES) == tree


@pytest.mark.parametrize(
    "text, column, message, hint",
    [
        ("Smilng > 0.8", 1, "unknown attribute 'Smilng'", "Smiling"),
        ("Bald and smiling", 10, "unknown attribute 'smiling'", "Smiling"),
        ("Bald AND Smiling", 6, "'AND' is not expected here", "and, or"),
        ("", 1, "the end, need the name of an attribute", "Smiling > 0.8 and not Eyeglasses"),
        ("Bald and", 9, "the end, need the name of an attribute", "Smiling > 0.8"),
        ("and Bald", 1, "'and', need the name of an attribute", "Smiling > 0.8"),
        ("Smiling >", 10, "the end, need a number of 0 to 1", "Smiling > 0.8"),
        ("Smiling > high", 11, "'high', need a number of 0 to 1", "Smiling > 0.8"),
        ("Smiling >= 80", 12, "'80', need a probability of 0 to 1", "Smiling >= 0.8"),
        ("Smiling > -0.5", 11, "'-' is not expected here", "Smiling > 0.8 and"),
        ("Smiling > 80%", 13, "'%' is not expected here", "a number of 0 to 1"),
        ("Smiling = 0.8", 9, "'=' is not expected here", "=="),
        ("Bald && Bald", 6, "'&' is not expected here", "and"),
        ("!Bald", 1, "'!' is not expected here", "not"),
        ("0.8 < Smiling", 1, "'0.8', need the name", "Smiling > 0.8"),
        ("Smiling > 0.2 < 0.8", 15, "'<' is not expected here", "two comparisons with and"),
        ("Bald Bald", 6, "'Bald' is not expected here", "and, or"),
        ("(Bald", 6, "the end, need )", "a ) for each ("),
        ("Bald)", 5, "')' is not expected here", "one ) less"),
        ("people", 7, "people needs a comparison", "people > 0"),
        ("people > many", 10, "'many', need a whole number", "people > 1"),
        ("people > 1.5", 10, "'1.5' people, need a whole number", "people > 0"),
        ("person", 7, "person needs == or !=", 'person == "Ada"'),
        ('person > "Ada"', 8, "person needs == or !=", 'person == "Ada"'),
        ("person == Ada", 11, "'Ada', need a name in quotes", 'person == "Ada"'),
        ('person == "Ada', 11, 'a " that is not closed', 'person == "Ada"'),
        ('Bald and crossed == "dor"', 21, "unknown line 'dor'", "door"),
        ('crossed_in == "Front Door"', 15, "unknown line 'Front Door'", "front door"),
        ('crosed == "door"', 1, "unknown attribute 'crosed'", "crossed"),
        ("crossed", 8, "crossed needs ==", 'crossed == "door"'),
        ('crossed_in != "door"', 12, "crossed_in needs ==", 'not crossed_in == "door"'),
        ("crossed == door", 12, "'door', need a line in quotes", 'crossed == "door"'),
        ("crossed == 1", 12, "'1', need a line in quotes", 'crossed == "door"'),
        ("Smiling > 1e-3", 13, "'-' is not expected", "Smiling > 0.8"),
        ("Smiling.__class__", 8, "'.' is not expected here", "Smiling > 0.8"),
        ("(" * 9999, MAX_LENGTH + 1, "more than 2000 characters", "a shorter condition"),
        ("(" * 999, MAX_DEPTH + 1, "nested too deeply", "fewer parentheses"),
        ("not " * 400 + "Bald", 4 * MAX_DEPTH + 1, "nested too deeply", "fewer"),
    ],
)
def test_an_error_names_the_column_and_what_to_write(text, column, message, hint):
    with pytest.raises(ConditionError) as caught:
        parse(text, NAMES, "[[rules]] 2: when", LINES)
    assert caught.value.column == column
    assert caught.value.message.startswith(f"[[rules]] 2: when, column {column}: {message}")
    assert caught.value.hint.startswith(hint)


@given(trees())
def test_a_printed_tree_is_parsed_to_the_same_tree(tree):
    assert parse(text_of(tree), NAMES, lines=LINES) == tree


@given(trees())
def test_outer_parentheses_and_spaces_change_nothing(tree):
    assert parse(f"( ({text_of(tree)} ) )", NAMES, lines=LINES) == tree


@given(st.text() | st.text(alphabet="Bald ()<>=!notadr\"'0.9"))
def test_any_text_is_a_tree_or_an_error_within_the_text(text):
    try:
        tree = parse(text, NAMES)
    except ConditionError as error:
        assert 1 <= error.column <= len(text) + 1 and error.hint
    else:
        assert parse(text_of(tree), NAMES) == tree


def test_what_a_tree_names():
    tree = parse("Bald and (people > 1 or not Smiling > 0.1) and Bald", NAMES)
    assert attributes_in(tree) == ("Bald", "Smiling") and not names_person(tree)
    assert names_person(parse('not person == "Ada"', NAMES)) and not names_crossing(tree)
    tree = parse('Bald or not crossed_in == "door"', NAMES, lines=LINES)
    assert names_crossing(tree) and attributes_in(tree) == ("Bald",)


def test_without_lines_a_crossing_names_what_is_missing():
    with pytest.raises(ConditionError, match=r"column 12: there is no line 'door'") as caught:
        parse('crossed == "door"', NAMES)
    assert caught.value.hint == '[[lines]] with name = "door"'
