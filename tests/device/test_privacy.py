"""One switch decides what is written, shown and sent; what contradicts it is refused."""

import pytest

from device.config import arrays_of, merge, settings_of, tables_of
from device.errors import UsageError
from device.privacy import (
    LEVELS,
    Permits,
    refuse_face_rows,
    refuse_picture,
    refuse_recognition,
)
from device.settings import Settings

RULE = {"when": "Smiling", "do": "command", "argv": ["true"]}
LINE = {"name": "door"}


def settings(privacy, **tables):
    return merge(Settings(), {"privacy": privacy, **tables}, "facet.toml")


def test_what_each_level_permits():
    names = {name for name, value in vars(Permits).items() if isinstance(value, property)}
    found = {level: {name for name in names if getattr(Permits(level), name)} for level in LEVELS}
    faces_only = {"face_rows", "measurements", "pictures"}
    assert found == {"counts": set(), "visits": names - faces_only, "faces": names}


def test_without_the_setting_all_is_as_it_was():
    assert Settings().privacy == "faces"


# What is asked for, what the message names, and the level that permits it
ASKED = [
    ({"outputs": {"log": "faces.csv"}}, "--log", "faces"),
    ({"outputs": {"record": "film.mp4"}}, "--record", "faces"),
    ({"mqtt": {"host": "broker", "snapshot": True}}, "snapshot in [mqtt]", "faces"),
    ({"rules": [RULE | {"do": "snapshot", "folder": "x"}]}, 'do = "snapshot" in', "faces"),
    ({"outputs": {"events": "visits.csv"}}, "--events", "visits"),
    ({"outputs": {"crossings": "c.csv"}, "lines": [LINE]}, "--crossings", "visits"),
    ({"store": {"file": "facet.db"}}, "file in [store]", "visits"),
    ({"mqtt": {"host": "broker", "attributes": ["Smiling"]}}, "attributes in [mqtt]", "visits"),
    ({"people": {"enabled": True}}, "--people", "visits"),
    ({"rules": [RULE]}, "[[rules]]", "visits"),
]


@pytest.mark.parametrize("tables, named, needed", ASKED)
@pytest.mark.parametrize("level", LEVELS)
def test_what_a_level_excludes_is_refused_with_the_remedy(level, tables, named, needed):
    if LEVELS.index(level) >= LEVELS.index(needed):
        assert settings(level, **tables).privacy == level
        return
    with pytest.raises(UsageError) as refused:
        settings(level, **tables)
    assert named in refused.value.message and f'privacy = "{level}"' in refused.value.message
    assert refused.value.hint.startswith(f'privacy = "{needed}"')


def test_counts_are_permitted_at_every_level():
    for level in LEVELS:
        settings(level, counts={"file": "counts.csv"})


def test_a_flag_may_not_get_around_the_file():
    with pytest.raises(UsageError, match="command line: --log writes a row per face"):
        merge(settings("counts"), {"outputs": {"log": "faces.csv"}}, "command line")


@pytest.mark.parametrize("level", ["counts", "visits"])
def test_a_picture_is_refused(level):
    with pytest.raises(UsageError, match="a snapshot shows people"):
        refuse_picture(settings(level), "a snapshot")
    refuse_picture(settings("faces"), "a snapshot")


@pytest.mark.parametrize("level", LEVELS)
def test_a_command_that_keeps_what_the_level_excludes_is_refused(level):
    for refuse, needed in ((refuse_face_rows, "faces"), (refuse_recognition, "visits")):
        if LEVELS.index(level) >= LEVELS.index(needed):
            refuse(settings(level), "a command")
            continue
        with pytest.raises(UsageError, match=f'a command .* privacy = "{level}"') as refused:
            refuse(settings(level), "a command")
        assert refused.value.hint.startswith(f'privacy = "{needed}"')


def test_a_level_is_one_of_three():
    with pytest.raises(UsageError, match=r"'count' is unknown\. Try: counts"):
        settings("count")


# Every setting of what is written, shown, sent or kept. One that is added stands either among those
# that say nothing about people, or among those that ask for a level, which `check_privacy` refuses.
ABOUT_NOBODY = {
    "outputs": "headless log_every log_no_face readable_by max_frames status_every",
    "counts": "file minutes min_group attributes crossed hold",
    "store": "keep_days",
    "metrics": "listen file file_every_s",
    "web": "address password hosts cert key blur embed fps quality width max_viewers",
    "mqtt": "host port user password_file tls ca_file id name discovery resend_s hold_s numbers_s",
    "people": "file min_score min_face",
}
ABOUT_PEOPLE = {
    "outputs": "log events crossings record",
    "store": "file",
    "mqtt": "attributes snapshot",
    "people": "enabled",
}
NOT_SENT = {"mqtt": "visits people"}  # on by default: what they send depends on the level
ANALYSIS = {"camera", "faces", "tracks", "attributes", "runtime", "rotation", "lines"}
RULES = "rules"  # refused as a whole


def test_each_setting_was_thought_of():
    found = tables_of(Settings) | arrays_of(Settings)
    assert set(found) == {*ABOUT_NOBODY, *ABOUT_PEOPLE, *ANALYSIS, RULES}
    for table, part in found.items():
        if table not in (*ANALYSIS, RULES):
            known = " ".join(some.get(table, "") for some in (ABOUT_NOBODY, ABOUT_PEOPLE, NOT_SENT))
            assert sorted(settings_of(part)) == sorted(known.split()), table


def test_each_action_of_a_rule_was_thought_of():
    """At the level of visits only those that keep no picture are permitted."""
    actions = settings_of(arrays_of(Settings)[RULES])["do"].choices
    assert set(filter(None, actions)) == {
        *("webhook", "gpio", "command", "mqtt", "push", "snapshot")
    }


def test_each_setting_about_people_is_refused_at_the_level_of_counts():
    asked = {
        (table, key)
        for tables, _, _ in ASKED
        for table, part in tables.items()
        if isinstance(part, dict)
        for key in part
    }
    about = {(table, key) for table, keys in ABOUT_PEOPLE.items() for key in keys.split()}
    assert about == asked - {("mqtt", "host")}


def test_each_field_of_the_settings_was_thought_of():
    """A field outside the tables, such as `privacy` itself, would be none of the above."""
    assert set(Settings.__struct_fields__) == {
        *("privacy", *ABOUT_NOBODY, *ABOUT_PEOPLE, *ANALYSIS, RULES)
    }
