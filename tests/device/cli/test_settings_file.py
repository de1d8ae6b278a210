"""The settings file that the service gets: complete, and true."""

import dataclasses
import re
import subprocess
import sys
import tomllib

import pytest

from device.cli.settings_file import EXAMPLES, SERVICE, settings_file
from device.settings import RANGES, Settings, merge
from tests.conftest import ROOT

SETTINGS = [
    (table.name, one.name)
    for table in dataclasses.fields(Settings)
    for one in dataclasses.fields(getattr(Settings(), table.name))
]


@pytest.mark.parametrize("chosen", [Settings(), SERVICE], ids=["plain", "service"])
def test_read_again_it_is_what_was_written(chosen):
    assert merge(Settings(), tomllib.loads(settings_file(chosen)), "f.toml") == chosen


def test_a_setting_without_its_hash_has_its_default():
    text = re.sub(r"^#(\w+ = )", r"\1", settings_file(Settings()), flags=re.MULTILINE)
    tables = tomllib.loads(text)
    assert [(table, key) for table, keys in tables.items() for key in keys] == SETTINGS
    for key, example in EXAMPLES.items():  # those without a value by default
        assert tables["outputs"].pop(key) == example
    assert merge(Settings(), tables, "f.toml") == Settings()


def test_each_says_what_it_means_its_default_and_its_limits():
    blocks = settings_file(Settings()).split("\n\n")[1:]
    assert len(blocks) == len(SETTINGS)
    limits = {(table, key): (lowest, highest) for table, key, lowest, highest in RANGES}
    for (table, key), block in zip(SETTINGS, blocks, strict=True):
        *meaning, default, setting = block.removeprefix(f"[{table}]\n").splitlines()
        assert setting.startswith(f"#{key} = ") and default.startswith("# Default ")
        assert meaning and all(len(line) > len("# ") for line in meaning), key
        if (table, key) in limits:
            assert default.endswith("from {} to {}.".format(*limits[table, key]))


def test_a_service_looks_at_a_camera_and_keeps_a_month_of_rows():
    assert SERVICE.outputs.headless and str(SERVICE.outputs.log) == "/var/lib/facet/faces.csv"
    assert SERVICE.outputs.record is None
    log = SERVICE.log
    assert (log.daily, log.compress, log.keep_days, log.sync_s) == (True, True, 30, 5.0)
    assert SERVICE.camera.source == "0"
    assert not SERVICE.people.enabled and SERVICE.people.file.parent == SERVICE.outputs.log.parent


def test_the_command_prints_it():
    command = [sys.executable, "-m", "device.settings_file", "--service"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == settings_file(SERVICE)
