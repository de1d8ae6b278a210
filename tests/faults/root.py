"""What root does in folders that others may write, and the installer among hostile modules."""

import os
import sys
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.device.cli.test_install import (
    hostile_folder,
    install,
    python_with_packages,
    versions,
)
from tests.device.recognition import test_store as store
from tests.device.recognition.made_up import ada, people
from tests.faults.fault import Bench, Missing, Outcome

LEFT = "the installed version is unchanged"
WITHOUT_PIP = f"""#!/bin/bash
case " $* " in *" -m venv "*) exec {sys.executable} "$@" --without-pip ;; esac
exec {sys.executable} "$@"
"""


def commands_at_a_link(folder: Path) -> None:
    """Let the commands read and write where the file's name is a link to another's file."""
    victim, hostile = folder / "shadow", folder / "hostile"
    store.write_people(victim, [ada("Eve")])
    hostile.mkdir(mode=0o700)
    path = store.links_to(victim, hostile)
    os.chown(hostile, 1234, 1234)
    before = victim.read_bytes(), victim.stat().st_uid
    for command in (["list"], ["export"], ["remove", "Eve"], ["remove", "--all"]):
        done = people(*command, "--file", path)
        assert "Eve" not in done.stdout and "internal error" not in done.stderr
    assert (victim.read_bytes(), victim.stat().st_uid) == before


WAYS: list[Callable[[Path], None]] = [
    store.test_root_neither_overwrites_nor_gives_away_what_a_link_leads_to,
    commands_at_a_link,
    store.test_a_hard_link_does_not_choose_the_owner,
    store.test_in_a_folder_of_everybody_the_file_is_roots,
    lambda folder: store.test_a_file_that_root_writes_stays_its_owners(folder, True),
    lambda folder: store.test_a_file_that_root_writes_stays_its_owners(folder, False),
]


def people_file(bench: Bench) -> Outcome:
    """Enroll and remove people as root in folders whose owner prepares links."""
    try:
        if os.geteuid() != 0:
            raise PermissionError
        os.chown(bench.folder, 1234, 1234)
    except OSError:
        raise Missing("needs root") from None
    os.chown(bench.folder, 0, 0)
    bad = 0
    for trial, way in enumerate(islice(cycle(WAYS), bench.trials)):
        folder = bench.folder / str(trial)
        folder.mkdir()
        try:
            way(folder)
        except (Exception, pytest.fail.Exception):
            bad += 1
    return Outcome(
        "no file of root is read, overwritten or given away",
        f"{bad} of {bench.trials} times",
        not bad,
    )


def installer(bench: Bench) -> Outcome:
    """Install in a folder, and with a PYTHONPATH, full of modules that leave a trace if imported.

    Without pip the installation fails half way, with all packages it is complete, in turn.
    """
    complete = python_with_packages(bench.folder / "python3")
    without_pip = bench.folder / "python3-without-pip"
    without_pip.write_text(WITHOUT_PIP)
    without_pip.chmod(0o755)
    hits = bad = 0
    for trial in range(bench.trials):
        folder = bench.folder / f"a {trial}"
        folder.mkdir()
        hostile, root = hostile_folder(folder / "hostile"), folder / "root"
        more = {"PYTHONPATH": str(hostile), "PIP_TARGET": str(hostile), "PIP_USER": "1"}
        if trial % 2:
            done = install(root=root, cwd=hostile, python=complete, **more)
            bad += done.returncode != 0 or len(versions(root)) != 1
        else:
            done = install(root=root, cwd=hostile, python=without_pip, **more)
            left = list((root / "opt" / "facet-versions").iterdir())
            bad += done.returncode != 1 or LEFT not in done.stderr or bool(left)
        hits += (hostile / "HIT").exists()
    return Outcome(
        "no module of the folder is imported; installed whole, or nothing left",
        f"{hits} of {bench.trials} times imported, {bad} times neither whole nor unchanged",
        not (hits or bad),
    )
