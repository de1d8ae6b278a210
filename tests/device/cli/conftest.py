"""The command `device.run` in this process."""

import signal
from typing import NamedTuple

import pytest

from device.cli.command import exit_with
from device.run import main

STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Done(NamedTuple):
    """How a command ended."""

    code: int
    stderr: str


@pytest.fixture
def facet(tmp_path, monkeypatch, capsys):
    """Run the command in this process, in an empty folder and without a screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    handlers = {number: signal.getsignal(number) for number in STOPPED_BY}

    def facet(*arguments):
        with pytest.raises(SystemExit) as left:
            exit_with(lambda: main([str(argument) for argument in arguments]))
        return Done(left.value.code, capsys.readouterr().err)

    yield facet
    for number, handler in handlers.items():
        signal.signal(number, handler)
