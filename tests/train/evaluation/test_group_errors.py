"""Groups in order, and the gap between them."""

import pytest

from train.evaluation.fairness_text import worst_groups
from train.evaluation.group_errors import group_error, largest_gap, worst_first


def row(group, wrong, people):
    return group_error(group, "Male", [True] * wrong + [False] * (people - wrong))


def test_no_people_have_no_error():
    empty = group_error("men", "Male", [])
    assert empty.people == 0 and empty.error != empty.error and empty.low != empty.low


def test_everyone_then_large_groups_then_small_the_worst_first():
    rows = [row("few", 3, 3), row("good", 1, 40), row("bad", 10, 20), row("all", 14, 63)]
    assert [error.group for error in worst_first(rows)] == ["all", "bad", "good", "few"]


def test_the_gap_is_between_large_groups():
    gap = largest_gap([row("a", 30, 100), row("b", 10, 100), row("few", 5, 5)])
    assert (gap.worst, gap.best, gap.difference) == ("a", "b", pytest.approx(0.2))
    # The standard error of the difference is 0.055.
    assert gap.low == pytest.approx(0.09, abs=0.02) and gap.high == pytest.approx(0.31, abs=0.02)
    # Two groups of 100 with an error of 0.2: 0.8 of the standard error of 0.057.
    assert gap.by_chance == pytest.approx(0.045, abs=0.004)


def test_one_group_has_no_gap():
    assert largest_gap([row("a", 30, 100), row("few", 5, 5)]) is None


def test_the_cards_table_starts_with_the_worst_group():
    names = ("group", "attribute", "people", "error", "low", "high")

    def record(*values):
        return dict(zip(names, values, strict=True))

    rows = [
        record("all", "Male", 100, 0.1, 0.05, 0.2),
        record("few", "Male", 3, 1.0, 0.4, 1.0),
        *(record(f"group {i}", "Male", 30, 0.01 * i, 0.0, 0.5) for i in range(7)),
        record("old", "Young", 20, 0.6, 0.5, 0.7),
    ]
    head, _, first, *male = worst_groups({"UTKFace": rows})
    assert head == "| data | attribute | group | people | error |"
    assert first == "| UTKFace | Young | old | 20 | 60.0 % (50.0 to 70.0) |"
    groups = [line.split(" | ")[2] for line in male]
    assert groups == [*(f"group {i}" for i in (6, 5, 4, 3, 2)), "all", "group 0"]
    assert worst_groups({}) == worst_groups({"UTKFace": rows[:2]}) == []
