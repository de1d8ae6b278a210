"""The file of enrolled people: atomic, private, and rejected if damaged or incompatible."""

import json
import os
import stat
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.errors import ModelError, SourceError, UsageError
from device.recognition.embedding import MODEL, VERSION
from device.recognition.gallery import Gallery
from device.recognition.store import (
    clean_name,
    file_lock,
    find_all,
    find_person,
    name_key,
    read_people,
    to_record,
    write_people,
)
from device.types import UNKNOWN
from tests.conftest import ROOT
from tests.device.recognition.made_up import NOON, ada, templates


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "people.json"
    assert read_people(path) == ()
    write_people(path, [ada("Zoë", 3), ada("Ada Lovelace", 1, 5)])
    first, second = read_people(path)
    assert (first.name, first.agreed, second.name) == ("Zoë", NOON, "Ada Lovelace")
    np.testing.assert_allclose(first.templates, templates(3), atol=1e-6)


def test_only_its_owner_may_read_it_whatever_the_mode_was(tmp_path):
    path = tmp_path / "people.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_people(path, [ada()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [
        "people.json"
    ]  # no temporary file is left


def test_a_file_that_others_may_read_is_warned_of(tmp_path, capsys):
    path = tmp_path / "people.json"
    write_people(path, [ada()])
    read_people(path)
    assert capsys.readouterr().err == ""
    path.chmod(0o640)
    read_people(path)
    assert f"other users may read {path}" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write for another user")
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_root_writes_stays_its_owners(tmp_path, exists):
    """A service's user must be able to read what `sudo ... add` writes."""
    path = tmp_path / "people.json"
    if exists:
        path.touch()
    os.chown(path if exists else tmp_path, 1234, 1234)
    write_people(path, [ada()])
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1234)


def links_to(victim, folder):
    """Prepare every name that root might open, as the owner of the folder could."""
    for name in ("people.json", "people.json.part"):
        (folder / name).symlink_to(victim)
    return folder / "people.json"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is tempted")
def test_root_neither_overwrites_nor_gives_away_what_a_link_leads_to(tmp_path):
    victim, folder = tmp_path / "shadow", tmp_path / "hostile"
    folder.mkdir(mode=0o700)
    write_people(victim, [ada("Eve")])
    before = victim.read_bytes(), victim.stat()
    path = links_to(victim, folder)
    os.chown(folder, 1234, 1234)
    with pytest.raises(SourceError):
        read_people(path)  # else an `add` would copy Eve's templates into the folder
    write_people(path, [ada()])
    assert (victim.read_bytes(), victim.stat().st_uid) == (before[0], 0)
    assert victim.stat().st_mode == before[1].st_mode
    assert not path.is_symlink() and path.stat().st_uid == 1234
    path.unlink()
    path.symlink_to(victim)
    write_people(path, [])
    assert not os.path.lexists(path) and victim.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is tempted")
def test_a_hard_link_does_not_choose_the_owner(tmp_path):
    path = tmp_path / "people.json"
    path.touch()
    os.chown(path, 1234, 1234)
    os.link(path, tmp_path / "other")
    write_people(path, [ada()])
    assert path.stat().st_uid == os.stat(tmp_path).st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is tempted")
def test_in_a_folder_of_everybody_the_file_is_roots(tmp_path):
    tmp_path.chmod(0o1777)
    path = tmp_path / "people.json"
    path.touch()
    os.chown(path, 1234, 1234)
    write_people(path, [ada()])
    assert path.stat().st_uid == 0 and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_people_there_is_no_file(tmp_path):
    path = tmp_path / "people.json"
    write_people(path, [ada()])
    write_people(path, [])
    assert not path.exists()


def test_a_failed_write_leaves_what_was_there(tmp_path, disk):
    path = disk / "people.json"
    write_people(path, [ada()])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="No space left"):
        write_people(path, [ada(count=500)])
    assert path.read_bytes() == before and list(disk.iterdir()) == [path]


def altered(change) -> str:
    record = to_record([ada()])
    change(record)
    return json.dumps(record)


def _number(record, value) -> None:
    record["people"][0]["templates"][0] = [value] * 128


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is damaged or not a file of enrolled people"),
        ("[1, 2]", "is damaged or not a file of enrolled people"),
        ('{"faces": []}', "is damaged or not a file of enrolled people (KeyError: 'model')"),
        (altered(lambda record: record.update(format=2)), "its format is 2, not 1"),
        (altered(lambda record: record["people"][0].pop("agreed")), "KeyError: 'agreed'"),
        (altered(lambda record: record["people"][0]["templates"][0].pop()), "need (pictures, 128)"),
        (altered(lambda record: record["people"][0].update(templates=[])), "need (pictures, 128)"),
        (
            altered(lambda record: record["people"][0].update(templates=[[np.nan] * 128])),
            "contain NaN or infinity",
        ),
        (altered(lambda record: record["people"][0].update(name="a\0b")), "is not a valid name"),
        (altered(lambda record: _number(record, 10**400)), "is damaged"),
        (altered(lambda record: _number(record, 777)).replace("777", "1e400"), "NaN or infinity"),
        (altered(lambda record: _number(record, 1e38)), "contain numbers beyond 10"),
        (altered(lambda record: _number(record, 1e300)), "contain numbers beyond 10"),
        (altered(lambda record: _number(record, "x")), "is damaged"),
        (
            altered(lambda record: record["people"][0].update(agreed="0001-01-01T00:00:00+14:00")),
            "is damaged",
        ),
        (to_record([ada()]).__repr__(), "is damaged or not a file of enrolled people"),
    ],
)
def test_a_damaged_or_foreign_file_is_rejected_and_left(tmp_path, content, message):
    path = tmp_path / "people.json"
    path.write_text(content)
    with pytest.raises(ModelError) as error:
        read_people(path)
    assert message in str(error.value) and "remove --all" in str(error.value)
    assert path.read_text() == content


def test_templates_of_another_network_are_rejected(tmp_path):
    path = tmp_path / "people.json"
    path.write_text(altered(lambda record: record["model"].update(name="arcface", version=3)))
    with pytest.raises(ModelError) as error:
        read_people(path)
    assert "enrolled with arcface, version 3" in str(error.value)
    assert f"has {MODEL}, version {VERSION}. Try: " in str(error.value)
    assert f"remove --all --file {path}, then enroll them again" in error.value.hint


def test_a_folder_in_the_files_place(tmp_path):
    with pytest.raises(SourceError, match="Is a directory"):
        read_people(tmp_path)


@given(st.text(max_size=70))
def test_a_name_is_cleaned_once_or_rejected(text):
    try:
        name = clean_name(text)
    except UsageError:
        return
    assert name.isprintable() and "\n" not in name and name == name.strip()
    assert clean_name(name) == name and name_key(name) != name_key(UNKNOWN)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "a\x1b[31m", "!?", "Unknown", "x" * 65])
def test_invalid_names(text):
    with pytest.raises(UsageError):
        clean_name(text)


@pytest.mark.parametrize("text", ["Zoë", "O'Neil, Jr.", "李小龙", "R2-D2", " Ada  Lovelace "])
def test_valid_names(text):
    assert clean_name(text) == " ".join(text.split())


def test_a_person_is_found_however_the_name_is_written():
    people = [ada("Zoë"), ada("Straße")]
    assert find_person(people, "ZOE\u0308") is people[0]
    assert find_person(people, "strasse") is people[1]
    with pytest.raises(UsageError, match=r"no enrolled person is called 'Zoe'\. Try: Zoë$"):
        find_person(people, "Zoe")


def test_a_name_that_an_edited_file_has_twice(tmp_path):
    people = [ada("Ada"), ada("ADA"), ada("Bob")]
    assert find_all(people, "ada") == people[:2]
    with pytest.raises(UsageError, match=r"2 entries .* called .Ada.\. Try: .* remove Ada"):
        find_person(people, "ada")


VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([10**400, -(10**400), 1e39, [], {}, [[]], [[10**400] * 128], True]),
)
WAYS = st.sampled_from(
    [
        ("format",),
        ("model",),
        ("model", "name"),
        ("people",),
        ("people", 0),
        ("people", 0, "name"),
        ("people", 0, "agreed"),
        ("people", 0, "templates"),
        ("people", 0, "templates", 0),
        ("people", 0, "templates", 0, 5),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(WAYS, VALUES)
def test_any_value_anywhere_is_read_or_refused_as_a_whole(tmp_path, way, value):
    record = to_record([ada()])
    place = record
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    path = tmp_path / "people.json"
    path.write_bytes(json.dumps(record).encode("utf-8", "surrogatepass"))
    path.chmod(0o600)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            people = read_people(path)
        except ModelError:
            return
        to_record(people)
        assert all(np.isfinite(Gallery(people, 0.5).match(templates(1)).score) for _ in people)


def test_what_is_not_a_regular_file_does_not_hang(tmp_path):
    path = tmp_path / "people.json"
    os.mkfifo(path)
    with pytest.raises(SourceError, match="not a regular file"):
        read_people(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(SourceError):
        read_people(path)


def test_two_commands_wait_for_each_other(tmp_path):
    path = tmp_path / "deep" / "people.json"
    code = (
        "import sys, pathlib\nfrom device.recognition.store import file_lock\n"
        f"with file_lock(pathlib.Path({str(path)!r})):\n"
        "    print('in', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        assert other.stdout.readline() == b"in\n"
        with (
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
            ) as waiting,
        ):
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1.0)
            other.stdin.close()
            assert waiting.stdout.readline() == b"in\n"
            waiting.stdin.close()
    with file_lock(path):
        pass
