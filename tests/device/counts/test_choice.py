"""What may be counted by, and which settings of it are refused."""

import pytest

from device.config import merge
from device.counts.choice import check_choice, warnings_of
from device.errors import UsageError
from device.settings import Settings


@pytest.mark.parametrize(
    "values, message",
    [
        ({"minutes": 7}, "minutes = 7, need 15 to 1440"),
        ({"minutes": 50}, r"minutes = 50 is no part of a day\. Try: minutes = 15, 30 or 60"),
        ({"min_group": 2}, "min_group = 2, need 3 to 1000"),
        ({"attributes": ["A", "B", "C", "D"]}, r"4 attributes.*Try: attributes = \[\"A\"\]"),
        ({"attributes": ["A", "A"]}, "named twice"),
        ({"hold": 301.0}, "hold = 301.0, need 0 to 300"),
    ],
)
def test_settings_that_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        merge(Settings(), {"counts": values}, "f.toml")


@pytest.mark.parametrize("minutes", [15, 20, 30, 60, 90, 120, 480, 1440])
def test_parts_of_a_day(minutes):
    assert merge(Settings(), {"counts": {"minutes": minutes}}, "f").counts.minutes == minutes


def test_an_attribute_must_be_computed():
    check_choice(("Smiling",), ("Bald", "Smiling"))
    with pytest.raises(UsageError, match="Try: Smiling"):
        check_choice(("Smilling",), ("Bald", "Smiling"))


@pytest.mark.parametrize("name", ["Male", "Young", "Gray_Hair", "Pale_Skin", "Attractive"])
def test_a_sensitive_attribute_has_a_warning(name):
    assert len(warnings_of((name, "Eyeglasses"))) == 1
    assert name in warnings_of((name,))[0]


def test_what_is_worn_or_done_has_none():
    assert warnings_of(("Smiling", "Eyeglasses", "Wearing_Hat")) == []
