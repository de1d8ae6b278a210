"""One switch decides what is written, shown and sent; what contradicts it is refused."""

from pathlib import Path

import pytest

from device.config import arrays_of, merge, settings_of, tables_of
from device.errors import UsageError
from device.privacy import LEVELS, Permits, refuse_picture
from device.settings import Settings

RULE = {"when": "Smiling", "do": "command", "argv": ["true"]}
LINE = {"name": "door"}


def settings(privacy, **tables):
    return merge(Settings(), {"privacy": privacy, **tables}, "facet.toml")


def test_what_each_level_permits():
    found = {
        level: [
            name
            for name in ("face_rows", "pictures", "visit_rows", "people_in_view", "rules")
            if getattr(Permits(level), name)
        ]
        for level in LEVELS
    }
    assert found == {
        "counts": [],
        "visits": ["visit_rows", "people_in_view", "rules"],
        "faces": ["face_rows", "pictures", "visit_rows", "people_in_view", "rules"],
    }


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


def test_a_level_is_one_of_three():
    with pytest.raises(UsageError, match=r"'count' is unknown\. Try: counts"):
        settings("count")


# Files that settings name: read, without people, or by a level that `check_privacy` asks for. A new
# one is written into one of these, and if it is about people into device/privacy.py.
READ = (
    *("camera.password_file", "camera.ca_file", "faces.yunet", "attributes.model", "people.file"),
    *("web.cert", "web.key", "mqtt.password_file", "mqtt.ca_file"),
    *("rules.secret_file", "rules.addresses_file"),
)
ABOUT_NOBODY = ("counts.file", "metrics.file")
BY_LEVEL = (
    *("outputs.log", "outputs.events", "outputs.crossings", "outputs.record", "rules.folder"),
    "store.file",
)


def test_each_file_among_the_settings_was_thought_of():
    found = [
        f"{table}.{key}"
        for table, part in (tables_of(Settings) | arrays_of(Settings)).items()
        for key, setting in settings_of(part).items()
        if setting.type is Path
    ]
    assert sorted(found) == sorted((*READ, *ABOUT_NOBODY, *BY_LEVEL))
