"""What installing packages shows: progress, no warnings, and pip's whole output if it fails."""

import subprocess
import sys

import pytest

from scripts.pip_install import step
from tests.conftest import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "scripts" / "pip_install.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "output, expected",
    [
        ("", "starting pip"),
        (
            "Collecting numpy<2.6,>=2.2 (from -r requirements-pi.txt (line 16))",
            "collecting numpy<2.6,>=2.2",
        ),
        ("Collecting a\n  Downloading a-1.whl (16 MB)\n", "downloading a-1.whl (16 MB)"),
        (
            "Collecting a\nWARNING: Retrying (Retry(total=4))",
            "no answer from the package index, retrying",
        ),
        ("Installing collected packages: numpy, pillow", "unpacking 2 packages"),
    ],
)
def test_the_step_is_that_of_pips_last_line(output, expected):
    assert step(output) == expected


def test_success_prints_what_is_installed_and_nothing_of_pip():
    done = run("pip (1 second)", "pip", "--no-index", "--extra-index-url", "file:///nowhere/")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    first, last = done.stdout.splitlines()
    assert first == "facet: installing pip (1 second)"
    assert last.startswith("facet: installed in ")


def test_failure_prints_pips_output_and_keeps_its_exit_code(tmp_path):
    done = run(
        "a package (1 second)", "--no-index", "--find-links", str(tmp_path), "no-such-package"
    )
    assert done.returncode == 1
    assert "No matching distribution found for no-such-package" in done.stderr
    assert "pip could not install a package (1 second)" in done.stderr
