"""The Ansible role, run here against a root of its own, without a service."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .programs import FILES, ROOT

PLAYS = FILES / "ansible"
FAKE_HEALTH = "sh -c '! grep -q bad {root}/etc/facet.toml'"


@pytest.fixture
def ansible():
    """The folder of Ansible's programs."""
    beside = Path(sys.executable).parent / "ansible-playbook"
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not found:
        pytest.skip("needs Ansible: pip install ansible-core")
    return Path(found).parent


def play(ansible: Path, folder: Path, book: str, *words: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(PLAYS / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        [ansible / "ansible-playbook", "-i", folder / "inventory.yml", PLAYS / book, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


class Shops:
    """Cameras that are folders of this computer."""

    def __init__(self, folder: Path, secrets: Path, cameras: tuple[str, ...]):
        self._folder, self._secrets, self._cameras = folder, secrets, cameras
        for camera in cameras:
            app = self.root(camera) / "opt" / "facet"
            (app / ".venv" / "bin").mkdir(parents=True)
            (self.root(camera) / "etc").mkdir()
            python = app / ".venv" / "bin" / "python"  # the one that runs, with its packages
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
            (app / "device").symlink_to(ROOT / "device")
            (app / "models").symlink_to(ROOT / "models")

    def root(self, camera: str) -> Path:
        return self._folder / camera

    def settings(self, camera: str) -> str:
        return (self.root(camera) / "etc" / "facet.toml").read_text()

    def write(self, **changes: object) -> None:
        """Write the inventory."""
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "facet_become": False,
            "facet_service": False,
            "facet_broker": "broker.example.org",
            "facet_secrets": str(self._secrets),
            "facet_root": f"{self._folder}/{{{{ inventory_hostname }}}}",
            "facet_group": str(os.getegid()),
            "facet_health_command": FAKE_HEALTH.format(root="{{ facet_root }}"),
            "facet_privacy": "visits",
            "facet_settings": {"mqtt": {"attributes": ["Smiling"]}},
        }
        hosts = {camera: {} for camera in self._cameras}
        inventory = {"facet": {"hosts": hosts, "vars": common | changes}}
        (self._folder / "inventory.yml").write_text(yaml.safe_dump(inventory))


@pytest.fixture
def shops(tmp_path):
    secrets = tmp_path / "secrets"
    (secrets / "cameras").mkdir(parents=True)
    (secrets / "ca.crt").write_text("a certificate\n")
    cameras = ("shop-1", "shop-2")
    for camera in cameras:
        (secrets / "cameras" / f"{camera}.password").write_text(f"secret of {camera}\n")
    made = Shops(tmp_path, secrets, cameras)
    made.write()
    return made


def test_the_plays_are_valid(ansible, tmp_path):
    shutil.copy(PLAYS / "inventory.example.yml", tmp_path / "inventory.yml")
    for book in ("site.yml", "versions.yml"):
        done = play(ansible, tmp_path, book, "--syntax-check")
        assert done.returncode == 0, done.stdout + done.stderr
    hosts = subprocess.run(
        [ansible / "ansible-inventory", "-i", tmp_path / "inventory.yml", "--list"],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )
    assert len(json.loads(hosts.stdout)["_meta"]["hostvars"]) == 301


@pytest.mark.slow
def test_the_linter_finds_nothing(ansible, tmp_path):
    linter = ansible / "ansible-lint"
    if not linter.exists():
        pytest.skip("needs ansible-lint: pip install ansible-lint")
    copy = tmp_path / "ansible"
    shutil.copytree(PLAYS, copy)
    environment = {**os.environ, "PATH": f"{ansible}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment |= {"LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    done = subprocess.run(
        [linter, "--offline", "--nocolor"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_roll_out_writes_settings_and_is_repeatable(ansible, shops, tmp_path):
    done = play(ansible, tmp_path, "site.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    from device.settings import load_settings

    for camera in ("shop-1", "shop-2"):
        path = shops.root(camera) / "etc" / "facet.toml"
        mqtt = load_settings(path).mqtt
        assert (mqtt.id, mqtt.user, mqtt.host) == (camera, camera, "broker.example.org")
        assert (mqtt.resend_s, mqtt.attributes) == (120.0, ("Smiling",))
        assert path.stat().st_mode & 0o777 == 0o640
        password = shops.root(camera) / "etc" / "facet-mqtt.password"
        assert password.read_text() == f"secret of {camera}\n"
    again = play(ansible, tmp_path, "site.yml")
    assert again.returncode == 0 and again.stdout.count("changed=0") == 2, again.stdout
    assert "secret of" not in done.stdout + again.stdout


@pytest.mark.slow
def test_a_model_that_fails_is_rolled_back_and_ends_the_roll_out(ansible, shops, tmp_path):
    assert play(ansible, tmp_path, "site.yml").returncode == 0
    before = {camera: shops.settings(camera) for camera in ("shop-1", "shop-2")}
    for name in ("good-model", "bad-model"):
        model = tmp_path / "models" / name
        model.mkdir(parents=True)
        for file in ("attributes.json", "attributes.tflite"):
            shutil.copy(ROOT / "models" / file, model / file)
    shops.write(facet_model=str(tmp_path / "models" / "bad-model"))
    done = play(ansible, tmp_path, "site.yml")
    assert done.returncode != 0
    assert "shop-1 is as before" in done.stdout
    assert {camera: shops.settings(camera) for camera in before} == before
    # The second wave never began.
    assert not (shops.root("shop-2") / "opt" / "facet-models").exists()
    shops.write(facet_model=str(tmp_path / "models" / "good-model"))
    done = play(ansible, tmp_path, "site.yml")
    assert done.returncode == 0, done.stdout
    for camera in before:
        assert "/opt/facet-models/good-model/attributes.json" in shops.settings(camera)


@pytest.mark.slow
def test_a_camera_sends_anonymous_counts_unless_told_otherwise(ansible, shops, tmp_path):
    from device.settings import load_settings

    shops.write(facet_privacy="counts", facet_settings={})
    done = play(ansible, tmp_path, "site.yml", "--limit", "shop-1")
    assert done.returncode == 0, done.stdout + done.stderr
    settings = load_settings(shops.root("shop-1") / "etc" / "facet.toml")
    assert (settings.privacy, settings.outputs.events) == ("counts", None)
    assert settings.counts.file and settings.mqtt.host == "broker.example.org"


RELEASE = """#!/bin/sh
# Stands for systemd/install.sh, which takes minutes.
version=new
[ "$1" = --rollback ] && version=old
echo "$version" > "$DESTDIR/opt/facet/VERSION"
"""


@pytest.mark.slow
@pytest.mark.parametrize("healthy", [True, False])
def test_a_release_is_installed_and_goes_if_it_is_not_healthy(ansible, shops, tmp_path, healthy):
    source = tmp_path / "source" / "facet" / "systemd"
    source.mkdir(parents=True)
    (source / "install.sh").write_text(RELEASE)
    (source / "install.sh").chmod(0o755)
    shutil.copy(ROOT / "systemd" / "network.conf", source)
    release = tmp_path / "facet-0.2.0.tar.gz"
    subprocess.run(["tar", "-czf", release, "-C", tmp_path / "source", "facet"], check=True)
    root = shops.root("shop-1")
    shutil.copy(ROOT / "requirements-mqtt.txt", root / "opt" / "facet")
    shops.write(facet_release=str(release), facet_health_command="true" if healthy else "false")
    done = play(ansible, tmp_path, "site.yml", "--limit", "shop-1")
    assert (done.returncode == 0) is healthy, done.stdout
    version = (root / "opt" / "facet" / "VERSION").read_text().strip()
    assert version == ("new" if healthy else "old")
    assert (root / "etc" / "facet-release").exists() is healthy
    unit = root / "etc" / "systemd" / "system" / "facet.service.d" / "network.conf"
    assert unit.read_text() == (source / "network.conf").read_text()


@pytest.mark.slow
def test_settings_that_facet_refuses_are_not_written(ansible, shops, tmp_path):
    assert play(ansible, tmp_path, "site.yml").returncode == 0
    before = shops.settings("shop-1")
    shops.write(facet_settings={"mqtt": {"hold_s": -1}})
    done = play(ansible, tmp_path, "site.yml")
    assert done.returncode != 0 and shops.settings("shop-1") == before


@pytest.mark.slow
def test_versions_are_reported(ansible, shops, tmp_path):
    from device import __version__

    assert play(ansible, tmp_path, "site.yml", "--limit", "shop-1").returncode == 0
    report = tmp_path / "versions.csv"
    done = play(ansible, tmp_path, "versions.yml", "-e", f"facet_versions_file={report}")
    assert done.returncode == 0, done.stdout + done.stderr
    sha256 = json.loads((ROOT / "models" / "attributes.json").read_text())["sha256"]
    lines = report.read_text().splitlines()
    assert lines == [
        "camera,version,model",
        f"shop-1,{__version__},{sha256[:12]}",
        "shop-2,unknown,",
    ]
    assert f"{__version__},{sha256[:12]}: 1" in done.stdout
