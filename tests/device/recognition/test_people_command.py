"""The command `device.people`: enroll, list, export and remove people, as a user does it."""

import json
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest

from device.recognition.embedding import EMBEDDING_SIZE, MODEL, VERSION
from device.recognition.store import read_people, write_people
from tests.conftest import CARD, ROOT
from tests.device.recognition.made_up import HEADLESS, ada, people


def test_one_person_through_all_commands(dlib, photos, tmp_path):
    file = tmp_path / "people.json"

    def run(*arguments):
        return people(*arguments, "--file", file)

    def add(name, photo, *flags):
        return run("add", name, photos / photo, "--yes-they-agree", *flags)

    done = run("list")
    assert done.returncode == 0
    assert f"no enrolled people in {file}. Try: python -m device.people add" in done.stderr
    done = add("Zoë Q", "astronaut.png")
    assert done.returncode == 0, done.stderr
    assert f"Zoë Q is enrolled with 1 picture in {file}" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = add("zoë q", "mirrored.png")
    assert done.returncode == 2 and "'zoë q' is already enrolled. Try: --more" in done.stderr
    done = add("Zoë Q", "mirrored.png", "--more")
    assert done.returncode == 0 and "enrolled with 2 pictures" in done.stderr
    assert "warning" not in done.stderr
    done = add("Grace", "admiral.png")
    assert done.returncode == 0 and "warning" not in done.stderr
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "Grace", "Zoë"]
    record = json.loads(run("export", "Zoë Q").stdout)
    (entry,) = record["people"]
    assert entry["name"] == "Zoë Q"
    assert np.array(entry["templates"]).shape == (2, EMBEDDING_SIZE)
    assert record["model"] == {"name": MODEL, "version": VERSION}
    assert run("remove", "Zoë Q").returncode == 0
    assert "Zoë" not in file.read_text()
    assert run("remove", "Grace").returncode == 0
    assert not file.exists()


def test_an_export_is_as_private_as_the_file(tmp_path):
    file, out = tmp_path / "people.json", tmp_path / "export.json"
    write_people(file, [ada("Ada"), ada("Bob")])
    assert people("export", "--out", out, "--file", file).returncode == 0
    assert len(json.loads(out.read_text())["people"]) == 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "photo, message",
    [
        ("small", "px wide, need 64. Try: come closer"),
        ("both", "2 faces. Try: only the person to enroll in the picture"),
        ("blurred", "the face is blurred. Try: hold still"),
        ("wall", "no face. Try: face the camera"),
    ],
)
def test_a_poor_photo_is_rejected_with_the_reason(dlib, photos, tmp_path, photo, message):
    file = tmp_path / "people.json"
    done = people("add", "Ada", photos / f"{photo}.png", "--yes-they-agree", "--file", file)
    assert done.returncode == 1
    assert f"rejected: {photo}.png: " in done.stderr and message in done.stderr
    assert "no photo shows the face clearly" in done.stderr and not file.exists()


def test_the_clear_photos_of_several_are_enrolled(dlib, photos, tmp_path):
    file = tmp_path / "people.json"
    paths = [photos / f"{name}.png" for name in ("wall", "astronaut", "both")]
    done = people("add", "Ada", *paths, "--yes-they-agree", "--file", file)
    assert done.returncode == 0 and done.stderr.count("rejected: ") == 2
    assert "enrolled with 1 picture " in done.stderr


def test_lookalikes_and_photos_of_two_people_are_warned_of(enrolled, photos, tmp_path):
    file = tmp_path / "people.json"
    file.write_bytes(enrolled.read_bytes())
    file.chmod(0o600)
    flags = ["--yes-they-agree", "--file", file]
    done = people("add", "Twin", photos / "mirrored.png", *flags)
    assert done.returncode == 0 and "warning: Twin looks like Eileen" in done.stderr
    done = people("add", "Mix", photos / "mirrored.png", photos / "admiral.png", *flags)
    assert "warning: mirrored.png and admiral.png do not look like one person" in done.stderr


def test_a_video_gives_shots(dlib, tmp_path):
    file = tmp_path / "people.json"
    done = people("add", "Ada", "--camera", "demo", "--yes-they-agree", "--file", file)
    assert done.returncode == 0 and "shot 5 of 5" in done.stderr
    assert len(read_people(file)[0].templates) == 5


@pytest.fixture
def config(tmp_path):
    """Settings of a service: its file, a card whose network is missing, and no sharp photo."""
    card, file = tmp_path / "card.json", tmp_path / "service" / "people.json"
    card.write_bytes(CARD.read_bytes())
    path = tmp_path / "facet.toml"
    path.write_text(
        f'[people]\nfile = "{file}"\nmin_score = 0.99\n[attributes]\nmodel = "{card}"\n'
        "[faces]\nmin_sharpness = 0.02\n"
    )
    return path


def test_enrolment_with_a_config_uses_its_thresholds_and_file(dlib, config, photos, tmp_path):
    add = ["add", "Ada", photos / "blurred.png", photos / "astronaut.png", "--yes-they-agree"]
    done = people(*add, "--config", config)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "service" / "people.json"
    # A lower min_sharpness accepts the blurred photo, and a higher min_score warns of the pair.
    assert f"enrolled with 2 pictures in {file}" in done.stderr
    assert "blurred.png and astronaut.png do not look like one person" in done.stderr
    assert "Ada" in people("list", "--config", config).stdout
    assert people("remove", "Ada", "--config", config).returncode == 0 and not file.exists()


def test_a_camera_that_counts_enrols_nobody(config, photos, tmp_path):
    config.write_text(f'privacy = "counts"\n{config.read_text()}')
    add = ["add", "Ada", photos / "astronaut.png", "--yes-they-agree", "--config", config]
    done = people(*add)
    assert done.returncode == 2
    assert 'device.people add is for naming people, and privacy = "counts"' in done.stderr
    assert not (tmp_path / "service").exists()
    assert "no enrolled people" in people("list", "--config", config).stderr  # may still be asked


def test_the_detector_of_a_config_is_used(dlib, config, photos):
    with config.open("a") as file:
        file.write('detector = "yunet"\nyunet = "missing.onnx"\n')
    done = people("add", "Ada", photos / "astronaut.png", "--yes-they-agree", "--config", config)
    assert done.returncode == 4 and "missing.onnx" in done.stderr


def test_a_file_flag_precedes_the_config(config, tmp_path):
    file = tmp_path / "mine.json"
    write_people(file, [ada()])
    assert "Ada" in people("list", "--config", config, "--file", file).stdout
    assert people("list", "--config", config).stdout == ""


def test_a_misspelt_setting_in_the_config(config):
    with config.open("a") as file:
        file.write("min_sharpnes = 0.1\n")
    done = people("list", "--config", config)
    assert done.returncode == 2 and "unknown setting min_sharpnes" in done.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["add", "Ada"], "need either photos or --camera. Try: --camera 0"),
        (["add", "a\x1bb", "x.jpg", "--yes-they-agree"], "is not a valid name. Try: letters"),
        (["add", "Ada\ufe0f", "x.jpg", "--yes-they-agree"], "is not a valid name. Try: letters"),
        (["add", "\u3164", "x.jpg", "--yes-they-agree"], "is not a valid name. Try: letters"),
        (["add", "Ada\u200b", "x.jpg", "--yes-they-agree"], "is not a valid name. Try: letters"),
        (["add", "unknown", "x.jpg", "--yes-they-agree"], "the name 'unknown' is reserved"),
        (["add", "Ada", "x.jpg"], "cannot ask for consent without a terminal"),
        (["add", "Ada", "x.jpg", "--more", "--yes-they-agree"], "no enrolled person is called"),
        (["remove"], "need either NAME or --all"),
        (["remove", "Ada"], "no enrolled person is called 'Ada'. Try: python -m device.people add"),
        (["export", "Ada"], "no enrolled person is called 'Ada'"),
        (["export", "--out", "/proc/none/a.json"], "cannot write /proc/none/a.json"),
        (["forget", "Ada"], "unknown 'forget'. Try: export"),
        ([], "the following arguments are required"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, message):
    flags = ["--file", tmp_path / "people.json"] if arguments and arguments[0] != "forget" else []
    done = people(*arguments, *flags)
    assert done.returncode == 2 and message in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("facet: ")


@pytest.mark.parametrize("photo, message", [("x.jpg", "x.jpg"), (__file__, "is not a video")])
def test_a_photo_that_cannot_be_read(dlib, tmp_path, photo, message):
    done = people("add", "Ada", photo, "--yes-they-agree", "--file", tmp_path / "p.json")
    assert done.returncode == 3 and message in done.stderr


def test_a_damaged_file_stops_all_but_its_removal(tmp_path):
    file = tmp_path / "people.json"
    file.write_text("torn")
    for arguments in (["list"], ["export"], ["remove", "Ada"]):
        done = people(*arguments, "--file", file)
        assert done.returncode == 4
        assert "is damaged or not a file of enrolled people" in done.stderr
    assert file.read_text() == "torn"
    done = people("remove", "--all", "--file", file)
    assert done.returncode == 0 and not file.exists()


def test_a_name_that_is_in_the_file_twice_is_removed_as_a_whole(tmp_path):
    file = tmp_path / "people.json"
    write_people(file, [ada("Ada"), ada("ADA"), ada("Bob")])
    done = people("remove", "ada", "--file", file)
    assert done.returncode == 0 and "stored about Ada, 2 entries" in done.stderr
    assert [person.name for person in read_people(file)] == ["Bob"]


def test_without_dlib_the_error_names_the_command_that_installs_it(tmp_path, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)  # as if it were not installed
    photo = photos / "astronaut.png"
    done = people("add", "Ada", photo, "--yes-they-agree", "--file", tmp_path / "p.json")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    hint = r"needs dlib, which is not installed\. Try: \S+ -m pip install -r requirements-people"
    assert re.search(hint, done.stderr)


@pytest.mark.parametrize("answer", ["no", ""])
def test_consent_is_asked_for_and_no_is_no(tmp_path, photos, answer):
    """In a terminal of its own, as a user has it."""
    import pty

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
        text = process.stderr.read()
    os.close(ours), os.close(theirs)
    assert process.returncode == 2 and "no consent, nothing is stored" in text
    assert "biometric data" in text and "remove Ada" in text and "agreed? Type yes" in text
    assert not (tmp_path / "p.json").exists()
