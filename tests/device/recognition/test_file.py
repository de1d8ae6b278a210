"""The file of known people: whole, private, and refused where it is damaged or foreign."""

import json
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
    alone,
    clean_name,
    find,
    key,
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


def test_only_its_owner_may_read_it_whatever_was_there_before(tmp_path):
    path = tmp_path / "people.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_people(path, [ada()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["people.json"]  # no part of it is left


def test_a_file_that_others_may_read_is_told(tmp_path, capsys):
    path = tmp_path / "people.json"
    write_people(path, [ada()])
    read_people(path)
    assert capsys.readouterr().err == ""
    path.chmod(0o640)
    read_people(path)
    assert f"Run: chmod 600 {path}" in capsys.readouterr().err


def test_with_the_last_one_the_file_goes(tmp_path):
    path = tmp_path / "people.json"
    write_people(path, [ada()])
    write_people(path, [])
    assert not path.exists()


def test_a_write_that_fails_leaves_what_was_there(tmp_path, disk):
    path = disk / "people.json"
    write_people(path, [ada()])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="No space left"):
        write_people(path, [ada(count=500)])
    assert path.read_bytes() == before and [one.name for one in disk.iterdir()] == [path.name]


def altered(change) -> str:
    record = to_record([ada()])
    change(record)
    return json.dumps(record)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is damaged or no file of known people"),
        ("[1, 2]", "is damaged or no file of known people"),
        ('{"faces": []}', "is damaged or no file of known people (KeyError: 'model')"),
        (altered(lambda one: one.update(format=2)), "its format is 2, not 1"),
        (altered(lambda one: one["people"][0].pop("agreed")), "KeyError: 'agreed'"),
        (altered(lambda one: one["people"][0]["templates"][0].pop()), "need (photos, 128)"),
        (altered(lambda one: one["people"][0].update(templates=[])), "need (photos, 128)"),
        (altered(lambda one: one["people"][0].update(templates=[[np.nan] * 128])), "are none"),
        (altered(lambda one: one["people"][0].update(name="a\0b")), "is no name"),
        (to_record([ada()]).__repr__(), "is damaged or no file of known people"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_and_left(tmp_path, content, message):
    path = tmp_path / "people.json"
    path.write_text(content)
    with pytest.raises(ModelError) as error:
        read_people(path)
    assert message in str(error.value) and "remove --all" in str(error.value)
    assert path.read_text() == content


def test_another_models_templates_ask_to_enrol_again(tmp_path):
    path = tmp_path / "people.json"
    path.write_text(altered(lambda one: one["model"].update(name="arcface", version=3)))
    with pytest.raises(ModelError) as error:
        read_people(path)
    assert "enrolled with arcface, version 3" in str(error.value)
    assert f"has {MODEL}, version {VERSION}. Enrol them again" in str(error.value)


def test_a_folder_in_the_files_place(tmp_path):
    with pytest.raises(SourceError, match="Is a directory"):
        read_people(tmp_path)


@given(st.text(max_size=70))
def test_a_name_is_clean_or_refused_and_clean_ones_stay(text):
    try:
        name = clean_name(text)
    except UsageError:
        return
    assert name.isprintable() and "\n" not in name and name == name.strip()
    assert clean_name(name) == name and key(name) != key(UNKNOWN)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "a\x1b[31m", "!?", "Unknown", "x" * 65])
def test_what_is_no_name(text):
    with pytest.raises(UsageError):
        clean_name(text)


@pytest.mark.parametrize("text", ["Zoë", "O'Neil, Jr.", "李小龙", "R2-D2", " Ada  Lovelace "])
def test_what_is_a_name(text):
    assert clean_name(text) == " ".join(text.split())


def test_a_name_is_one_however_it_is_written():
    known = [ada("Zoë"), ada("Straße")]
    assert find(known, "ZOE\u0308") is known[0] and find(known, "strasse") is known[1]
    with pytest.raises(UsageError, match=r"no known person is called 'Zoe'\. Known: Zoë, Str"):
        find(known, "Zoe")


def test_two_who_change_the_file_wait_for_each_other(tmp_path):
    path = tmp_path / "deep" / "people.json"
    code = (
        "import sys, pathlib\nfrom device.recognition.store import alone\n"
        f"with alone(pathlib.Path({str(path)!r})):\n print('in', flush=True); sys.stdin.read()\n"
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
    with alone(path):
        pass
