"""Commands that are printed can be pasted: no path is printed in one without quotes."""

import json
import re
import shlex
from pathlib import Path

import pytest

from device.errors import UsageError
from device.text import path_from_here
from tests.conftest import ROOT
from train.report import conversion
from train.report.run import read_run
from train.training.run_dir import read_record

ODD = ("my runs/a", "Laeufe é", "it's", "a;b", "$HOME", "-x", "a&b", "(1)")
UNQUOTED = re.compile(r"python -m (?:train|device)\.[^\",{]* \{(?!quote|shlex)")


def test_no_source_writes_a_path_into_a_command_without_quotes():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for package in ("train", "device")
        for path in sorted((ROOT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNQUOTED.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_the_command_for_an_incomplete_run_can_be_pasted(tmp_path, name):
    run = tmp_path / name
    run.mkdir(parents=True)
    (run / "settings.json").write_text(json.dumps({"settings": {}, "data": name}))
    assert read_record(run)["data"] == name
    with pytest.raises(UsageError) as error:
        read_run(run)
    words = shlex.split(error.value.hint)
    assert words[3:] == ["--data", name, "--out", str(run), "--resume"]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_the_command_to_convert_a_run_can_be_pasted(tmp_path, name):
    run = type("Run", (), {"folder": Path(name)})()
    section = conversion.int8(None, None, run, Path("my data"), tmp_path)
    assert shlex.split(section.command)[2:] == ["train.convert", name, "--data", "my data"]


def test_the_path_of_a_hint_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_from_here(tmp_path / "a b" / "c.json") == "'a b/c.json'"
    assert path_from_here(Path("/else where")) == "'/else where'"
