"""The doctor as a user runs it, on this computer."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

LOADED = """
import runpy, sys
try:
    runpy.run_module("device.doctor", run_name="__main__", alter_sys=True)
except SystemExit as end:
    sys.exit(9 if "tensorflow" in sys.modules else end.code)
"""


def doctor(*flags, command=("-m", "device.doctor"), **environ):
    """Run it without a screen, and return the finished process."""
    kept = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return subprocess.run(
        [sys.executable, *command, *map(str, flags)],
        cwd=ROOT,
        env=kept | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def told(done) -> dict[str, dict]:
    """Return what --json says, by check."""
    return {one.pop("check"): one for one in json.loads(done.stdout)}


@pytest.fixture
def good(tmp_path):
    """Settings of which nothing here can fail, whatever is plugged in."""
    file = tmp_path / "facet.toml"
    file.write_text(f"[outputs]\nheadless = true\nlog = '{tmp_path}/faces.csv'\n")
    return file


def test_lines_for_people(good):
    done = doctor("--config", good, command=("-c", LOADED))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       Python        3.")
    assert f"ok       settings      {good}" in lines
    assert "ok       screen        not wanted: headless" in lines
    assert "\033" not in done.stdout and "Traceback" not in done.stderr
    assert list(good.parent.iterdir()) == [good]  # nothing is stored


def test_json_for_programs_and_a_picture(good, tmp_path):
    done = doctor("--json", "--camera", "demo", "--config", good, "--snapshot", tmp_path / "p.jpg")
    assert done.returncode == 0, done.stdout
    for one in json.loads(done.stdout):
        assert list(one) == ["check", "status", "message", "fix"]
        assert bool(one["fix"]) == (one["status"] != "ok")
    assert told(done)["snapshot"]["message"] == f"{tmp_path / 'p.jpg'}: demo, 1 face"
    assert (tmp_path / "p.jpg").read_bytes().startswith(b"\xff\xd8")


def test_every_fault_has_its_line_and_the_exit_code_is_1(good, tmp_path):
    good.write_text("[camera]\nwdith = 320\n")
    done = doctor("--json", "--config", good, "--camera", tmp_path / "no.mp4")
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
    failed = {name: one for name, one in told(done).items() if one["status"] == "failure"}
    assert set(failed) == {"settings", "source"}
    assert "unknown setting wdith" in failed["settings"]["message"]
    assert failed["settings"]["fix"] == "width"


def test_opencv_that_does_not_load(tmp_path, good):
    """As on a Pi without libgl1: what needs it says so, and the rest is looked at."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object')")
    done = doctor("--json", "--config", good, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    rows = told(done)
    assert rows["packages"]["message"] == "OpenCV: libGL.so.1: cannot open shared object"
    assert rows["packages"]["fix"] == "Run: sudo apt install libgl1 libglib2.0-0"
    for name in ("Python", "settings", "disk", "temperature", "power", "service"):
        assert rows[name]["status"] == "ok", name


@pytest.mark.parametrize("flags", [("--snapshot", "picture.gif"), ("--colour",), ("--snapshot",)])
def test_wrong_usage(flags):
    done = doctor(*flags)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("facet: ")
