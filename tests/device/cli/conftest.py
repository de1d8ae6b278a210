"""The command `device.run` in this process."""

from typing import NamedTuple

import pytest

from device.cli.command import exit_with
from device.run import main


class Done(NamedTuple):
    """How a command ended."""

    code: int
    stderr: str


@pytest.fixture
def facet(tmp_path, monkeypatch, capsys):
    """Run the command in this process, in an empty folder and without a screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)

    def facet(*arguments):
        with pytest.raises(SystemExit) as left:
            exit_with(lambda: main([str(argument) for argument in arguments]))
        return Done(left.value.code, capsys.readouterr().err)

    return facet
