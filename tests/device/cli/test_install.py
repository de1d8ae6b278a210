"""systemd/: the unit as systemd judges it, and the installer on a system that is not running."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from device.cli.settings_file import SERVICE
from device.config import merge
from device.resources import SERVICE as SERVICE_KIND
from device.resources import install_hint, reinstall_hint
from device.settings import Settings
from tests.conftest import ROOT
from tests.device.cli.test_run import rows

UNIT = ROOT / "systemd" / "facet.service"
INSTALL = ROOT / "systemd" / "install.sh"
PYTHON = "/opt/facet/.venv/bin/python"

needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="needs systemd-analyze (apt install systemd)"
)


@needs_analyze
def test_the_service_is_locked_up():
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True)  # threshold: tenths
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@needs_analyze
@pytest.mark.parametrize("drop_in", [None, "network.conf"])
def test_systemd_understands_every_line(tmp_path, drop_in):
    unit = tmp_path / "facet.service"
    unit.write_text(UNIT.read_text().replace(PYTHON, sys.executable))
    if drop_in:
        (tmp_path / "facet.service.d").mkdir()
        shutil.copy(ROOT / "systemd" / drop_in, tmp_path / "facet.service.d")
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    # Complaints about units of this computer are not ours.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "facet" in line]
    assert (done.returncode, said) == (0, [])


def test_the_unit_starts_what_the_installer_puts_there():
    (started,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert started == f"{PYTHON} -m device.run --config /etc/facet.toml"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
def test_the_installer_is_good_bash():
    done = subprocess.run(["shellcheck", INSTALL], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def install(*arguments, root=None):
    """Run the installer; what it would download is in this Python's folder already."""
    env = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "DESTDIR")}
    env |= {
        "PYTHON": sys.executable,
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
    }
    if root:
        env["DESTDIR"] = str(root)
    return subprocess.run(
        [INSTALL, *arguments], env=env, capture_output=True, text=True, timeout=300
    )


def test_a_dry_run_says_all_and_does_nothing(tmp_path):
    done = install("--dry-run", root=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("-r", "requirements-pi.txt", "requirements-files.txt", "facet.service", "venv"):
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == [] and "nothing was changed" in done.stderr


def test_a_dry_run_on_this_computer_names_its_steps():
    done = install("--dry-run")
    assert done.returncode == 0, done.stderr
    for words in (f"{PYTHON} -m compileall", "systemctl enable facet"):
        assert words in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--uninstal"], "unknown --uninstal. Try: "),
        (["--purge"], "--purge needs --uninstall"),
    ],
)
def test_a_slip_of_the_finger_is_one_line(arguments, message):
    done = install(*arguments)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_help_shows_every_flag():
    done = install("--help")
    assert done.returncode == 0
    for flag in ("--uninstall", "--purge", "--dry-run", "DESTDIR", "PYTHON="):
        assert flag in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may install")
def test_who_is_not_root_is_told():
    done = install()
    assert done.returncode == 2 and "Try: sudo" in done.stderr


def hinted_files():
    """Return the files that the hints of an installed service name."""
    hints = [install_hint(extra, SERVICE_KIND) for extra in ("pi", "files", "people", "emoji")]
    words = " ".join([*hints, reinstall_hint(SERVICE_KIND)]).split()
    return [Path(word) for word in words if word.endswith(".txt")]


def test_installed_run_upgraded_removed(tmp_path):
    root = tmp_path / "root"
    done = install(root=root)
    assert done.returncode == 0, done.stderr
    unit = root / "etc" / "systemd" / "system" / "facet.service"
    assert unit.read_text() == UNIT.read_text()
    settings = root / "etc" / "facet.toml"
    assert merge(Settings(), tomllib.loads(settings.read_text()), "facet.toml") == SERVICE
    assert str(root) not in settings.read_text()

    for name in ("LICENSE", "NOTICE", "models/LICENSE.md"):
        assert (root / "opt" / "facet" / name).is_file(), name
    for path in hinted_files():
        assert (root / path.relative_to("/")).is_file(), path

    app, log = root / "opt" / "facet", tmp_path / "faces.csv"
    command = [app / ".venv" / "bin" / "python", "-m", "device.run", "--config", settings]
    ran = subprocess.run(
        [*command, "--camera", "demo", "--log", log, "--max-frames", "20"],
        cwd=app,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": sysconfig.get_path("purelib")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and len(rows(log)) == 1, ran.stderr

    settings.write_text("[camera]\nsource = 1\n")
    state = root / "var" / "lib" / "facet" / "faces.csv"
    state.parent.mkdir(parents=True)
    state.write_text("rows\n")
    (app / "device" / "of_an_older_version.py").touch()
    again = install(root=root)
    assert again.returncode == 0 and "facet.toml is kept" in again.stderr
    assert settings.read_text() == "[camera]\nsource = 1\n" and state.read_text() == "rows\n"
    assert not (app / "device" / "of_an_older_version.py").exists()

    assert install("--uninstall", root=root).returncode == 0
    assert not app.exists() and not unit.exists() and settings.exists() and state.exists()
    assert install("--uninstall", "--purge", root=root).returncode == 0
    assert not settings.exists() and not state.parent.exists()
    assert install("--uninstall", root=root).returncode == 0  # once more is no fault
