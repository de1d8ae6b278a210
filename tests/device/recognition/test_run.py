"""Enrolled people named by device.run."""

import csv
import subprocess
import sys

import pytest

from device.types import UNKNOWN
from tests.conftest import ROOT
from tests.device.recognition.made_up import HEADLESS, command


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run(tmp_path, file, *arguments):
    settings = tmp_path / "facet.toml"
    settings.write_text(f'[people]\nfile = "{file}"\n')
    return command("device.run", "--headless", "--config", settings, *arguments)


def test_the_demo_names_who_is_enrolled_and_nobody_else(enrolled, tmp_path):
    out, events = tmp_path / "a.csv", tmp_path / "v.csv"
    options = ["--log", out, "--log-every", 0, "--events", events]
    done = run(tmp_path, enrolled, "--camera", "demo", "--people", *options)
    assert done.returncode == 0, done.stderr
    assert "1 enrolled person in" in done.stderr
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


@pytest.mark.slow
def test_each_photo_is_named_by_itself(enrolled, photos, tmp_path):
    out = tmp_path / "a.csv"
    done = run(tmp_path, enrolled, "--camera", photos, "--people", "--log", out)
    assert done.returncode == 0, done.stderr
    got = {(row["source"], row["track"]): row for row in rows(out)}
    assert got["astronaut.png", "1"]["person"] == got["mirrored.png", "1"]["person"] == "Eileen"
    assert got["admiral.png", "1"]["person"] == UNKNOWN
    assert [got["both.png", n]["person"] for n in "12"] == ["Eileen", UNKNOWN]
    assert got["blurred.png", "1"]["person"] == got["blurred.png", "1"]["person_score"] == ""


def test_a_file_that_is_missing_is_no_fault(dlib, tmp_path):
    out = tmp_path / "a.csv"
    none = tmp_path / "none.json"
    options = ["--camera", "demo", "--people", "--max-frames", 5, "--log", out]
    done = run(tmp_path, none, *options)
    assert (
        done.returncode == 0
        and "every face is unknown. Try: python -m device.people add" in done.stderr
    )
    assert rows(out)[0]["person"] == UNKNOWN and rows(out)[0]["person_score"] == ""


def test_without_the_flag_the_package_is_not_imported(enrolled, tmp_path):
    out = tmp_path / "a.csv"
    code = (
        "import sys, device.run as r\n"
        f"r.main(['--camera', 'demo', '--max-frames', '4', '--log', {str(out)!r}])\n"
        "loaded = [name for name in sys.modules if 'recognition' in name or 'dlib' in name]\n"
        "sys.exit(', '.join(loaded) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=HEADLESS, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "person" not in rows(out)[0]


def test_a_damaged_file_stops_the_run_with_4(tmp_path):
    file = tmp_path / "people.json"
    file.write_text("torn")
    done = run(tmp_path, file, "--camera", "demo", "--people", "--max-frames", 2)
    assert done.returncode == 4 and "is damaged or not a file of enrolled people" in done.stderr
    assert file.read_text() == "torn"
