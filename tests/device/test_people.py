"""Known people as a user meets them: enrolled, listed, named, exported, removed."""

import csv
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import ModelError, SourceError, UsageError
from device.people.embedding import MODEL, NUMBERS, VERSION
from device.people.enrol import Enroller, RefusedError
from device.people.file import (
    Known,
    alone,
    clean_name,
    find,
    key,
    read_people,
    to_record,
    write_people,
)
from device.people.match import SPREAD, Gallery, Match, score, template
from device.settings import FacesSettings, Settings
from device.types import UNKNOWN
from tests.conftest import ROOT

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def templates(count=1, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.13, (count, NUMBERS)).astype(np.float32)


def ada(name="Ada", count=1, seed=0) -> Known:
    return Known(name, NOON, templates(count, seed))


def command(module, *arguments, stdin=None, **options):
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=HEADLESS,
        timeout=120,
        stdin=subprocess.DEVNULL,
        **options,
    )


def people(verb, *arguments, file):
    return command("device.people", verb, *arguments, "--file", file)


# The file


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
        "import sys, pathlib\nfrom device.people.file import alone\n"
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


# Whose


def test_nobody_is_known():
    match = Gallery([], 0.5).match(templates())
    assert (match.name, match.score) == (UNKNOWN, 0.0)


def test_unknown_is_the_answer_unless_somebody_is_similar_enough():
    known = [ada("Ada", 1, 1), ada("Bob", 1, 2)]
    (a,), (b,) = known[0].templates, known[1].templates
    apart = np.linalg.norm(a - b)  # about 2
    gallery = Gallery(known, 0.6)
    assert gallery.match(a[None]) == Match("Ada", 1.0) and gallery.match(b[None]) == Match(
        "Bob", 1.0
    )
    near, far = (a[None] + (b - a) * away / apart for away in (0.39, 0.41))
    assert gallery.match(near) == Match("Ada", pytest.approx(0.61, abs=1e-5))
    assert gallery.match(far) == Match(UNKNOWN, pytest.approx(0.59, abs=1e-5))
    assert gallery.match((a + b)[None] / 2) == Match(UNKNOWN, pytest.approx(max(0, 1 - apart / 2)))


def test_pictures_that_differ_as_a_persons_do_count_by_their_mean_and_its_gain():
    (middle,) = templates()
    off = np.zeros(NUMBERS, np.float32)
    off[0] = 0.2  # two pictures 0.4 apart
    one = template(np.array([middle + off, middle - off]))
    np.testing.assert_allclose(one.mean, middle, atol=1e-6)
    assert one.spread == pytest.approx(0.04)
    # A stranger's face is as far from the two together as from each.
    far = middle.copy()
    far[1] += 0.5
    single = score(template(far[None]), template((middle + off)[None]))
    assert score(template(far[None]), one) == pytest.approx(single, abs=1e-6)


@given(st.integers(1, 6), st.floats(0, 3))
def test_more_pictures_never_count_for_more_than_people_differ(count, apart):
    one = template(templates(count, 3) * apart)
    assert 0 <= one.spread <= SPREAD * (1 - 1 / count) + 1e-9
    assert score(one, one) == pytest.approx(1 - (2 * one.spread) ** 0.5, abs=1e-5)


# The commands; these need dlib


@pytest.fixture(scope="module")
def dlib():
    return pytest.importorskip("dlib", reason="no dlib: pip install -r requirements-people.txt")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut, admiral):
    """Photos of two people, and ones that no template is made of."""
    folder = tmp_path_factory.mktemp("photos")
    small = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = np.hstack([astronaut, cv2.resize(admiral, (512, 512))])
    pictures = {
        "astronaut": astronaut,
        "mirrored": astronaut[:, ::-1],
        "admiral": admiral,
        "small": small,
        "both": both,
        "blurred": cv2.GaussianBlur(astronaut, (0, 0), 4),
        "wall": np.full((300, 300, 3), 128, np.uint8),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def known(dlib, photos, tmp_path_factory):
    """A file in which the astronaut is."""
    file = tmp_path_factory.mktemp("known") / "people.json"
    added = people("add", "Eileen", photos / "astronaut.png", "--yes-they-agree", file=file)
    assert added.returncode == 0, added.stderr
    return file


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
        "from device.command import exit_with\nfrom device.people.__main__ import main\n"
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


# In the loop


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run(tmp_path, file, *arguments):
    settings = tmp_path / "facet.toml"
    settings.write_text(f'[people]\nfile = "{file}"\n')
    return command("device.run", "--headless", "--config", settings, *arguments)


def test_the_film_names_who_is_known_and_nobody_else(known, tmp_path):
    out, events = tmp_path / "a.csv", tmp_path / "v.csv"
    options = ["--log", out, "--log-every", 0, "--events", events]
    done = run(tmp_path, known, "--camera", "demo", "--people", *options)
    assert done.returncode == 0, done.stderr
    assert "1 known person in" in done.stderr
    got = rows(out)
    assert list(got[0])[-2:] == ["person", "person_score"]
    # The astronaut alone, the admiral alone, then both, the astronaut to the left.
    for row in got:
        if 200 <= int(row["frame"]) < 205:  # just after a cut the old track may linger
            continue
        frame, left = int(row["frame"]), float(row["x"]) < 300
        eileen = frame < 100 or (frame >= 200 and left)
        assert row["person"] == ("Eileen" if eileen else UNKNOWN), row
        assert 0 < float(row["person_score"]) <= 1
    assert sorted(row["person"] for row in rows(events)) == ["Eileen", "Eileen", UNKNOWN, UNKNOWN]


def test_photos_are_named_each_for_itself(known, photos, tmp_path):
    out = tmp_path / "a.csv"
    done = run(tmp_path, known, "--camera", photos, "--people", "--log", out)
    assert done.returncode == 0, done.stderr
    got = {(row["source"], row["track"]): row for row in rows(out)}
    assert got["astronaut.png", "1"]["person"] == got["mirrored.png", "1"]["person"] == "Eileen"
    assert got["admiral.png", "1"]["person"] == UNKNOWN
    assert [got["both.png", n]["person"] for n in "12"] == ["Eileen", UNKNOWN]
    assert got["blurred.png", "1"]["person"] == got["blurred.png", "1"]["person_score"] == ""


def test_nobody_known_is_no_fault(dlib, tmp_path):
    out = tmp_path / "a.csv"
    none = tmp_path / "none.json"
    options = ["--camera", "demo", "--people", "--max-frames", 5, "--log", out]
    done = run(tmp_path, none, *options)
    assert done.returncode == 0 and "nobody is known yet, so everybody is unknown" in done.stderr
    assert rows(out)[0]["person"] == UNKNOWN and rows(out)[0]["person_score"] == ""


def test_without_the_flag_nothing_of_it_is_loaded_or_logged(known, tmp_path):
    out = tmp_path / "a.csv"
    code = (
        "import sys, device.run as r\n"
        f"r.main(['--camera', 'demo', '--max-frames', '4', '--log', {str(out)!r}])\n"
        "sys.exit(', '.join(one for one in sys.modules if 'people' in one or 'dlib' in one) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=HEADLESS, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "person" not in rows(out)[0]


def test_a_damaged_file_stops_the_run_with_4(tmp_path):
    file = tmp_path / "people.json"
    file.write_text("torn")
    done = run(tmp_path, file, "--camera", "demo", "--people", "--max-frames", 2)
    assert done.returncode == 4 and "is damaged or no file of known people" in done.stderr
    assert file.read_text() == "torn"
