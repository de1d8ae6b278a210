"""Commands that are printed can be pasted: no path is printed in one without quotes."""

import argparse
import json
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest

import train.celeba
from device.cli.command import pasteable
from device.errors import UsageError
from device.text import path_from_here
from tests.conftest import ROOT
from train import convert
from train.report import conversion
from train.report.run import read_run
from train.training.run_dir import free_run, read_record, saved_line

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


class Parsed(Exception):
    """A command has read its flags."""


def check_parses(command: str, monkeypatch) -> None:
    """Read a command line's flags with the parser of its own command; UsageError for wrong ones."""
    python, dash_m, module, *words = shlex.split(command)
    assert (dash_m, Path(python).resolve()) == ("-m", Path(sys.executable).resolve())
    parse = argparse.ArgumentParser.parse_args

    def stop(self, *given):
        parse(self, *given)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    imported = import_module(module)
    if hasattr(imported, "__path__"):
        imported = import_module(f"{module}.__main__")
    with pytest.raises(Parsed):
        imported.main(words)
    monkeypatch.undo()


def next_commands(printed: str) -> list[str]:
    """Return the command lines behind "next:", in its line or in those that follow."""
    line, *others = printed.partition("next:")[2].strip().splitlines()
    return [line, *(other for other in others if " -m " in other)]


@pytest.mark.parametrize("name", ("celeba", "my celeba", "it's"))
def test_what_a_command_names_next_can_be_pasted(celeba, tmp_path, monkeypatch, capsys, name):
    folder = celeba.rename(tmp_path / name)
    train.celeba.main(["--data", str(folder)])
    convert_lines = "\n".join(convert.next_lines(tmp_path / name, folder, tmp_path / "a b.json"))
    for printed in (capsys.readouterr().out, saved_line(tmp_path / name), convert_lines):
        commands = next_commands(printed)
        assert commands
        for command in commands:
            check_parses(command, monkeypatch)


def test_the_run_that_is_named_next_is_not_there_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert free_run(tmp_path / "a b") == Path("runs/a b")
    for name in ("a b", "a b-2"):
        run = Path("runs") / name
        run.mkdir(parents=True)
        (run / "settings.json").write_text("{}")
        (run / "history.csv").write_text("")
    assert free_run(tmp_path / "a b") == Path("runs/a b-3")


@pytest.mark.parametrize(
    "path, executable, in_venv, expected",
    [
        ("{here}/.venv/bin", "{here}/.venv/bin/python", True, "python"),  # activated
        ("/nowhere", "{here}/.venv/bin/python", True, ".venv/bin/python"),
        ("/nowhere", "/else where/bin/python3", True, "'/else where/bin/python3'"),
        ("{here}/.venv/bin", "{here}/.venv/bin/python3", False, "python"),  # one Python, no venv
    ],
    ids=range(4),
)
def test_a_command_starts_this_python(tmp_path, monkeypatch, path, executable, in_venv, expected):
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python3").write_text("")
    (bin_folder / "python3").chmod(0o755)
    (bin_folder / "python").symlink_to("python3")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path.format(here=tmp_path))
    monkeypatch.setattr(sys, "executable", executable.format(here=tmp_path))
    monkeypatch.setattr(sys, "prefix", "/venv" if in_venv else sys.base_prefix)
    assert pasteable("python -m train.fit, python -m a") == f"{expected} -m train.fit, python -m a"
    assert pasteable(".venv/bin/python -m train.fit") == ".venv/bin/python -m train.fit"
    pip = "pip install x" if expected == "python" else f"{expected} -m pip install x"
    assert pasteable("pip install x") == pip
    assert pasteable(".venv/bin/pip install x") == ".venv/bin/pip install x"


def test_the_path_of_a_hint_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_from_here(tmp_path / "a b" / "c.json") == "'a b/c.json'"
    assert path_from_here(Path("/else where")) == "'/else where'"
