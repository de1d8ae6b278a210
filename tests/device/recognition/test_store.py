"""The file of enrolled people: atomic, private, and rejected if damaged or incompatible."""

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import ModelError, SourceError, UsageError
from device.recognition.embedding import MODEL, VERSION
from device.recognition.store import (
    clean_name,
    file_lock,
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


def test_a_temporary_file_of_a_crash_does_not_make_it_public(tmp_path):
    path, part = tmp_path / "people.json", tmp_path / "people.json.part"
    part.touch(0o644)
    write_people(path, [ada()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and not part.exists()


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
