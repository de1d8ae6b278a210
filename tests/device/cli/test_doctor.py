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


def by_check(done) -> dict[str, dict]:
    """Return the results of --json by the name of the check."""
    return {result.pop("check"): result for result in json.loads(done.stdout)}


@pytest.fixture
def good(tmp_path):
    """Settings that no check here finds fault with, whichever cameras are connected."""
    file = tmp_path / "facet.toml"
    file.write_text(f"[outputs]\nheadless = true\nlog = '{tmp_path}/faces.csv'\n")
    return file


def test_a_line_for_each_check(good):
    done = doctor("--config", good, command=("-c", LOADED))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       Python        3.")
    assert f"ok       settings      {good}" in lines
    assert "ok       screen        not needed: headless" in lines
    assert "\033" not in done.stdout and "Traceback" not in done.stderr
    assert list(good.parent.iterdir()) == [good]  # nothing is stored


def test_json_and_a_snapshot(good, tmp_path):
    done = doctor("--json", "--camera", "demo", "--config", good, "--snapshot", tmp_path / "p.jpg")
    assert done.returncode == 0, done.stdout
    for result in json.loads(done.stdout):
        assert list(result) == ["check", "status", "message", "fix"]
        assert bool(result["fix"]) == (result["status"] != "ok")
    assert by_check(done)["snapshot"]["message"] == f"{tmp_path / 'p.jpg'}: demo, 1 face"
    assert (tmp_path / "p.jpg").read_bytes().startswith(b"\xff\xd8")


def test_every_fault_has_its_line_and_the_exit_code_is_1(good, tmp_path):
    good.write_text("[camera]\nwdith = 320\n")
    done = doctor("--json", "--config", good, "--camera", tmp_path / "no.mp4")
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
    results = by_check(done)
    failed = {name for name, result in results.items() if result["status"] == "failure"}
    assert failed == {"settings", "source"}
    assert "unknown setting wdith" in results["settings"]["message"]
    assert results["settings"]["fix"] == "width"


def test_opencv_that_does_not_load(tmp_path, good):
    """As on a Pi without libgl1: the checks that need it fail, the others run."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object')")
    done = doctor("--json", "--config", good, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    rows = by_check(done)
    assert rows["packages"]["message"] == "OpenCV: libGL.so.1: cannot open shared object"
    assert rows["packages"]["fix"] == "sudo apt install libgl1 libglib2.0-0"
    for name in ("Python", "settings", "disk", "temperature", "power", "service"):
        assert rows[name]["status"] == "ok", name


@pytest.mark.parametrize("flags", [("--snapshot", "picture.gif"), ("--colour",), ("--snapshot",)])
def test_wrong_usage(flags):
    done = doctor(*flags)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("facet: ")
