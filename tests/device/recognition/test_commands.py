"""Enrolled, listed, exported, removed, as a user does it; these need dlib."""

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from device.recognition.embedding import MODEL, NUMBERS, VERSION
from device.recognition.enrollment import Enroller, RefusedError
from device.recognition.store import (
    read_people,
)
from device.settings import FacesSettings, Settings
from tests.conftest import ROOT
from tests.device.recognition.made_up import HEADLESS, command, people


def test_a_persons_way_through_all_commands(dlib, photos, tmp_path):
    file = tmp_path / "people.json"
    done = people("list", file=file)
    assert (
        done.returncode == 0 and "nobody is known. Run: python -m device.people add" in done.stderr
    )
    done = people("add", "Zoë Q", photos / "astronaut.png", "--yes-they-agree", file=file)
    assert done.returncode == 0, done.stderr
    assert f"Zoë Q is known by 1 picture in {file}" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = people("add", "zoë q", photos / "mirrored.png", "--yes-they-agree", file=file)
    assert done.returncode == 2 and "'zoë q' is already taken. Give another name" in done.stderr
    done = people("add", "Zoë Q", photos / "mirrored.png", "--more", "--yes-they-agree", file=file)
    assert done.returncode == 0 and "known by 2 pictures" in done.stderr
    assert "warning" not in done.stderr
    done = people("add", "Grace", photos / "admiral.png", "--yes-they-agree", file=file)
    assert done.returncode == 0 and "warning" not in done.stderr
    lines = people("list", file=file).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "Grace", "Zoë"]
    record = json.loads(people("export", "Zoë Q", file=file).stdout)
    (one,) = record["people"]
    assert one["name"] == "Zoë Q" and np.array(one["templates"]).shape == (2, NUMBERS)
    assert record["model"] == {"name": MODEL, "version": VERSION}
    out = tmp_path / "mine.json"
    assert people("export", "--out", out, file=file).returncode == 0
    assert len(json.loads(out.read_text())["people"]) == 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert people("remove", "Zoë Q", file=file).returncode == 0
    assert "Zoë" not in file.read_text()
    assert people("remove", "Grace", file=file).returncode == 0
    assert not file.exists()


@pytest.mark.parametrize(
    "photo, message",
    [
        ("small", "the face is too small. Hint: come closer"),
        ("both", "2 faces. Hint: only who is enrolled may be in the picture"),
        ("blurred", "the face is blurred. Hint: hold still"),
        ("wall", "no face. Hint: nobody is in the picture"),
    ],
)
def test_a_poor_photo_is_refused_and_the_reason_told(dlib, photos, tmp_path, photo, message):
    file = tmp_path / "people.json"
    done = people("add", "Ada", photos / f"{photo}.png", "--yes-they-agree", file=file)
    assert done.returncode == 1 and f"refused: {photo}.png: {message}" in done.stderr
    assert "no photo shows the face clearly" in done.stderr and not file.exists()


def test_a_face_turned_away_is_refused(dlib, astronaut):
    """Portraits look ahead: the limit is lowered to theirs."""
    strict = Enroller(Settings(faces=FacesSettings(max_turn=0.01)))
    with pytest.raises(RefusedError, match=r"the face is turned away\. Hint: look into the camera"):
        strict.embed(astronaut)


def test_of_several_photos_the_good_ones_are_taken(dlib, photos, tmp_path):
    file = tmp_path / "people.json"
    some = [photos / f"{name}.png" for name in ("wall", "astronaut", "both")]
    done = people("add", "Ada", *some, "--yes-they-agree", file=file)
    assert done.returncode == 0 and done.stderr.count("refused: ") == 2
    assert "known by 1 picture " in done.stderr


def test_two_who_look_alike_and_photos_of_two_people_are_told(known, photos, tmp_path):
    file = tmp_path / "people.json"
    file.write_bytes(known.read_bytes())
    file.chmod(0o600)
    some = [photos / "mirrored.png", photos / "admiral.png"]
    done = people("add", "Twin", photos / "mirrored.png", "--yes-they-agree", file=file)
    assert done.returncode == 0 and "warning: Twin looks like Eileen to the model" in done.stderr
    done = people("add", "Mix", *some, "--yes-they-agree", file=file)
    assert "warning: mirrored.png and admiral.png do not look like one person" in done.stderr


def test_a_film_gives_shots(dlib, tmp_path):
    file = tmp_path / "people.json"
    done = people("add", "Ada", "--camera", "demo", "--yes-they-agree", file=file)
    assert done.returncode == 0 and "5 of 5 taken" in done.stderr
    assert len(read_people(file)[0].templates) == 5


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["add", "Ada"], 2, "need photos or --camera, one of them"),
        (["add", "a\x1bb", "x.jpg", "--yes-they-agree"], 2, "is no name. Give letters"),
        (["add", "unknown", "x.jpg", "--yes-they-agree"], 2, "is what strangers are called"),
        (["add", "Ada", "x.jpg"], 2, "nobody can be asked here whether they agree"),
        (["add", "Ada", "x.jpg", "--more", "--yes-they-agree"], 2, "no known person is called"),
        (["remove"], 2, "need NAME or --all, one of them"),
        (["remove", "Ada"], 2, "no known person is called 'Ada'. Known: nobody"),
        (["export", "Ada"], 2, "no known person is called 'Ada'"),
        (["export", "--out", "/proc/none/a.json"], 2, "cannot write /proc/none/a.json"),
        (["forget", "Ada"], 2, "invalid choice: 'forget'"),
        ([], 2, "the following arguments are required"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(tmp_path, arguments, code, message):
    more = ["--file", tmp_path / "people.json"] if arguments and arguments[0] != "forget" else []
    done = command("device.people", *arguments, *more)
    assert done.returncode == code and message in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("facet: ")


def test_a_photo_that_is_not_there(dlib, tmp_path):
    done = people("add", "Ada", "x.jpg", "--yes-they-agree", file=tmp_path / "p.json")
    assert done.returncode == 3 and "x.jpg" in done.stderr
    done = people("add", "Ada", __file__, "--yes-they-agree", file=tmp_path / "p.json")
    assert done.returncode == 3 and "is not a video" in done.stderr


def test_a_damaged_file_stops_all_but_its_removal(tmp_path):
    file = tmp_path / "people.json"
    file.write_text("torn")
    for arguments in (["list"], ["export"], ["remove", "Ada"]):
        done = people(*arguments, file=file)
        assert done.returncode == 4 and "is damaged or no file of known people" in done.stderr
    assert file.read_text() == "torn"
    done = people("remove", "--all", file=file)
    assert done.returncode == 0 and not file.exists()


def test_without_dlib_the_mend_is_named(tmp_path, photos):
    """An empty module in dlib's place: it cannot be imported."""
    (tmp_path / "dlib.py").write_text("raise ImportError('no dlib')\n")
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n"
        "from device.cli.command import exit_with\nfrom device.people.__main__ import main\n"
        f"exit_with(lambda: main(['add', 'Ada', {str(photos / 'astronaut.png')!r}, "
        f"'--yes-they-agree', '--file', {str(tmp_path / 'p.json')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=HEADLESS
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert (
        "needs dlib, which is not installed. Run: pip install -r requirements-people" in done.stderr
    )


def test_consent_is_asked_in_words_and_no_is_no(tmp_path, photos):
    """In a terminal of its own, as a person sits before it."""
    import pty

    for answer in ("no", ""):
        ours, theirs = pty.openpty()
        arguments = ["add", "Ada", photos / "astronaut.png", "--file", tmp_path / "p.json"]
        with subprocess.Popen(
            [sys.executable, "-m", "device.people", *map(str, arguments)],
            stdin=theirs,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=HEADLESS,
            text=True,
        ) as process:
            os.write(ours, f"{answer}\n".encode())
            said = process.stderr.read()
        os.close(ours), os.close(theirs)
        assert process.returncode == 2 and "not agreed, nothing is stored" in said
        assert "biometric data" in said and "remove Ada" in said and "agreed? Type yes" in said
    assert not (tmp_path / "p.json").exists()
