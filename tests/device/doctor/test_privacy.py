"""The doctor says what may be written about people, and what does not go with it."""

import pytest

from device.config import merge
from device.doctor.checks import privacy
from device.errors import UsageError
from device.settings import Settings


def checked(**tables):
    return privacy.level(merge(Settings(), tables, "test"))


def test_the_level_in_words():
    assert checked().message.startswith("faces: a row of text for each face and second")
    found = checked(privacy="counts", counts={"file": "counts.csv"})
    assert (found.status, found.message) == (
        "ok",
        "counts: numbers of visits in groups, nothing about one person",
    )


@pytest.mark.parametrize(
    "tables, words, fix",
    [
        ({"privacy": "counts"}, "nothing is kept", "--counts FILE"),
        ({"counts": {"file": "c.csv"}}, "more would be permitted", 'privacy = "counts"'),
        (
            {"privacy": "counts", "counts": {"file": "c.csv", "attributes": ["Male"]}},
            "Male is the sex, as annotators saw it: counting by it is biometric categorisation",
            "read docs/PRIVACY.md",
        ),
        (
            {"privacy": "counts", "counts": {"file": "c.csv"}, "lines": [{"name": "door"}]},
            "[[lines]] are counted",
            'privacy = "visits"',
        ),
        ({"outputs": {"log": "f.csv"}}, "never deleted", "keep_days = 30"),
        ({"outputs": {"events": "v.csv"}}, "never deleted", "keep_days = 30"),
        ({"store": {"file": "f.db", "keep_days": 0}}, "never deleted", "keep_days = 30"),
        ({"outputs": {"readable_by": "everyone"}}, "every user", 'readable_by = "group"'),
    ],
)
def test_what_does_not_go_together_is_a_warning(tables, words, fix):
    found = checked(**tables)
    assert found.status == "warning" and words in found.message and fix in found.fix


def test_what_contradicts_the_level_is_an_error_of_the_file():
    with pytest.raises(UsageError, match="--log writes a row per face"):
        checked(privacy="counts", outputs={"log": "faces.csv"})
