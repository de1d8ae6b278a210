"""systemd/: the unit as systemd judges it, and the installer on a system that is not running."""

import fcntl
import os
import re
import shutil
import signal
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
@pytest.mark.parametrize("drop_in", [None, "network.conf", "web.conf"])
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


def lines_of(name):
    """Return the (key, value) of a unit's [Service], in their order."""
    service = (ROOT / "systemd" / name).read_text().split("[Service]\n")[1].split("\n[")[0]
    lines = [line for line in service.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split("=", 1)) for line in lines]


def test_the_page_gets_a_network_and_nothing_else():
    before, drop_in = dict(lines_of("facet.service")), dict(lines_of("web.conf"))
    assert (before["PrivateNetwork"], before["IPAddressDeny"]) == ("yes", "any")
    assert drop_in == {
        "PrivateNetwork": "no",
        "IPAddressDeny": "",  # takes "any" back
        "RestrictAddressFamilies": "AF_INET AF_INET6",  # beside those of the unit
    }


def test_the_unit_starts_what_the_installer_puts_there():
    (started,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert started == f"{PYTHON} -m device.run --config /etc/facet.toml"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
def test_the_installer_is_good_bash():
    done = subprocess.run(["shellcheck", INSTALL], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def python_with_packages(path):
    """Make a Python whose virtual environments have what the installer would download."""
    path.write_text(f"""#!/bin/bash
set -e
{sys.executable} "$@"
case " $* " in *" -m venv "*)
    for site in "${{@: -1}}"/lib/python*/site-packages; do
        echo {sysconfig.get_path("purelib")} >"$site/tests.pth"
    done ;;
esac
""")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    return python_with_packages(tmp_path_factory.mktemp("python") / "python3")


def install(*arguments, root=None, cwd=None, python=sys.executable, **more):
    """Run the installer; without `python` of the fixture it can only go as far as pip."""
    env = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "DESTDIR")}
    env |= {"PYTHON": str(python), "PIP_NO_INDEX": "1"} | more
    if root:
        env["DESTDIR"] = str(root)
    return subprocess.run(
        [INSTALL, *arguments], env=env, capture_output=True, text=True, timeout=300, cwd=cwd
    )


def test_a_dry_run_says_all_and_does_nothing(tmp_path):
    done = install("--dry-run", root=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("-r", "requirements-pi.txt", "requirements-files.txt", "facet.service", "venv"):
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == [] and "nothing was changed" in done.stderr


@pytest.mark.parametrize(
    "arguments, level",
    [([], "counts"), (["--privacy", "visits"], "visits"), (["--privacy=faces"], "faces")],
)
def test_a_first_installation_has_the_level_that_was_asked_for(tmp_path, arguments, level):
    done = install("--dry-run", *arguments, root=tmp_path)
    assert f"device.settings_file --service --privacy {level} > " in done.stdout


def test_a_person_at_a_terminal_is_asked_and_told_what_it_means(tmp_path):
    """With a Python that can make no environment, so that it ends after the question."""
    main, terminal = os.openpty()
    process = subprocess.Popen(
        [INSTALL],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"DESTDIR": str(tmp_path), "PYTHON": "/bin/false"},
        text=True,
    )
    os.write(main, b"everything\nvisits\n")
    _, said = process.communicate(timeout=60)
    os.close(main)
    os.close(terminal)
    assert process.returncode == 2 and "need Python 3.11" in said
    assert said.count("counts, visits or faces [counts]?") == 2
    assert "nothing about one person" in said and "a row for each face and second" in said


def test_a_dry_run_on_this_computer_names_its_steps():
    done = install("--dry-run")
    assert done.returncode == 0, done.stderr
    for words in ("-I -m compileall", "systemctl enable facet", "ln -sfn facet-versions/"):
        assert words in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--uninstal"], "unknown --uninstal. Try: "),
        (["--purge"], "--purge needs --uninstall"),
        (["--privacy"], "--privacy needs counts, visits or faces, got ''. Try: "),
        (["--privacy=all"], "--privacy needs counts, visits or faces, got 'all'. Try: "),
    ],
)
def test_a_slip_of_the_finger_is_one_line(arguments, message):
    done = install(*arguments)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_help_shows_every_flag():
    done = install("--help")
    assert done.returncode == 0
    for flag in ("--privacy", "--uninstall", "--purge", "--dry-run", "DESTDIR", "PYTHON="):
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


def versions(root):
    """Return the versions that are kept: the one in use and the one before."""
    links = [root / "opt" / name for name in ("facet", "facet-previous")]
    assert all(link.is_symlink() for link in links if link.exists())
    return [link.resolve().name for link in links if link.exists()]


def hostile_folder(path):
    """A folder whose modules, were they imported, would leave a file."""
    path.mkdir()
    for name in ("venv", "pip", "ensurepip", "sys", "json", "runpy", "compileall", "device", "cv2"):
        (path / f"{name}.py").write_text(f"open({str(path / 'HIT')!r}, 'a').write(__name__)\n")
    for name in ("sitecustomize", "usercustomize"):
        (path / f"{name}.py").write_text(f"open({str(path / 'HIT')!r}, 'a').write(__name__)\n")
    return path


def test_two_installations_at_once_are_refused(tmp_path):
    (tmp_path / "opt").mkdir()
    descriptor = os.open(tmp_path / "opt", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    done = install(root=tmp_path)
    os.close(descriptor)
    assert done.returncode == 2 and "another installation is running. Try: " in done.stderr
    assert list((tmp_path / "opt").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_half_way_leaves_no_new_version(tmp_path, number):
    """Its Python sends the signal in place of making the environment."""
    python = tmp_path / "python3"
    python.write_text(
        f'#!/bin/bash\ncase " $* " in *" -m venv "*) kill -{number.value} $PPID; exec sleep 0.2;; '
        f'esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    done = install(root=tmp_path / "a root", python=python)
    assert done.returncode == 1 and "stopped; the installed version is unchanged" in done.stderr
    assert list((tmp_path / "a root" / "opt" / "facet-versions").iterdir()) == []


def test_an_installation_is_rolled_back_and_removed(tmp_path):
    """Of two versions that are there; the whole way is slow."""
    opt, settings = tmp_path / "opt", tmp_path / "etc" / "facet.toml"
    state = tmp_path / "var" / "lib" / "facet" / "faces.csv"
    for name in ("new", "old"):
        (opt / "facet-versions" / name).mkdir(parents=True)
        shutil.copy(UNIT, opt / "facet-versions" / name)
    (opt / "facet").symlink_to("facet-versions/new")
    (opt / "facet-previous").symlink_to("facet-versions/old")
    for file in (settings, state):
        file.parent.mkdir(parents=True)
        file.touch()
    assert install("--rollback", root=tmp_path).returncode == 0
    assert versions(tmp_path) == ["old", "new"]
    unit = tmp_path / "etc" / "systemd" / "system" / "facet.service"
    assert unit.read_text() == UNIT.read_text()
    assert install("--uninstall", root=tmp_path).returncode == 0
    assert list(opt.iterdir()) == []
    assert not unit.exists() and settings.exists() and state.exists()
    assert install("--uninstall", "--purge", root=tmp_path).returncode == 0
    assert not settings.exists() and not state.parent.exists()


@pytest.mark.slow
def test_installed_run_upgraded_rolled_back_removed(tmp_path, python):
    root = tmp_path / "root"
    app = root / "opt" / "facet"
    app.mkdir(parents=True)
    (app / "of_an_installer_without_versions").touch()
    (root / "etc").mkdir()
    (root / "etc" / "group").write_text("root:x:0:\nfacet:x:987:\n")
    hostile = hostile_folder(tmp_path / "hostile")
    elsewhere = {"PIP_TARGET": str(hostile), "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    hostile_environment = {"PYTHONPATH": str(hostile)} | elsewhere
    done = install(root=root, python=python, cwd=hostile, **hostile_environment)
    assert done.returncode == 0, done.stderr
    assert not (hostile / "HIT").exists()
    unit = root / "etc" / "systemd" / "system" / "facet.service"
    assert unit.read_text() == UNIT.read_text()
    settings = root / "etc" / "facet.toml"
    assert merge(Settings(), tomllib.loads(settings.read_text()), "facet.toml") == SERVICE
    assert str(root) not in settings.read_text()
    assert settings.stat().st_mode & 0o777 == 0o640  # it may have a camera's password
    assert os.geteuid() != 0 or settings.stat().st_gid == 987

    for name in ("LICENSE", "NOTICE", "models/LICENSE.md"):
        assert (root / "opt" / "facet" / name).is_file(), name
    for path in hinted_files():
        assert (root / path.relative_to("/")).is_file(), path

    log, counts = tmp_path / "faces.csv", tmp_path / "counts.csv"
    command = [app / ".venv" / "bin" / "python", "-m", "device.run", "--config", settings]
    ran = subprocess.run(
        [
            *(*command, "--camera", "demo", "--max-frames", "20"),
            *("--counts", counts, "--privacy", "faces", "--log", log),
        ],
        cwd=app,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and len(rows(log)) == 1, ran.stderr
    assert [row["name"] for row in rows(counts) if row["kind"] == "run"] == ["begin", "end"]

    settings.write_text("[camera]\nsource = '1'\n")
    settings.chmod(0o644)
    state = root / "var" / "lib" / "facet" / "faces.csv"
    state.parent.mkdir(parents=True)
    state.write_text("rows\n")
    first, oldest = versions(root)
    assert (app.parent / "facet-previous" / "of_an_installer_without_versions").exists()
    (app / "device" / "of_an_older_version.py").touch()

    # An upgrade that fails half way leaves program and packages together.
    broken = install(root=root)
    assert broken.returncode == 1 and "the installed version is unchanged" in broken.stderr
    assert versions(root) == [first, oldest]
    assert {path.name for path in app.resolve().parent.iterdir()} == {first, oldest}
    settings.write_text("[camera]\nsorce = '1'\n")  # as of another version
    refused = install(root=root, python=python)
    assert refused.returncode == 1 and "settings: " in refused.stderr, refused.stderr
    assert "the doctor refuses this version" in refused.stderr
    assert versions(root) == [first, oldest]
    assert {path.name for path in app.resolve().parent.iterdir()} == {first, oldest}

    settings.write_text("[camera]\nsource = '1'\n")  # from before `privacy`: it keeps its level
    asked = install("--privacy", "counts", root=root, python=python)
    assert asked.returncode == 2 and "keeps what it says. Try: privacy" in asked.stderr
    again = install(root=root, python=python)
    assert again.returncode == 0 and "facet.toml is kept" in again.stderr
    assert settings.read_text() == "[camera]\nsource = '1'\n" and state.read_text() == "rows\n"
    assert settings.stat().st_mode & 0o777 == 0o640
    assert not (app / "device" / "of_an_older_version.py").exists()
    second = versions(root)[0]
    assert versions(root) == [second, first]
    assert {path.name for path in app.resolve().parent.iterdir()} == {first, second}
    assert install("--rollback", root=root).returncode == 0
    assert versions(root) == [first, second]
    assert (app / "device" / "of_an_older_version.py").exists()

    assert install("--uninstall", root=root).returncode == 0
    assert list(app.parent.iterdir()) == []
    assert not unit.exists() and settings.exists() and state.exists()
    assert install("--uninstall", "--purge", root=root).returncode == 0
    assert not settings.exists() and not state.parent.exists()
    assert install("--uninstall", root=root).returncode == 0  # once more is no fault
    none = install("--rollback", root=root)
    assert none.returncode == 2 and "no earlier version is kept" in none.stderr
