"""What is looked at, in which order. Each check is a small function that returns a CheckResult."""

import contextlib
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

from ...settings import Settings
from ..check_result import Check, CheckResult
from ..system import System
from . import computer, software


def checks(machine: System, config: Path | None, settings: Settings) -> Iterator[Check]:
    """Yield the checks. config: the settings file; settings: what it says, with the flags.

    Those that need OpenCV load it when they are made: where it does not load, they say so.
    """
    yield Check("Python", partial(software.python, machine))
    yield Check("packages", partial(software.packages, machine))
    yield Check("runtime", partial(software.runtime, machine))
    yield Check("settings", partial(software.settings_file, config))
    yield Check("model", partial(_later, "models", "model", settings))
    yield Check("detector", partial(_later, "models", "detector", settings))
    if settings.people.enabled:
        yield Check("people", partial(_later, "people", "known", settings))
    yield Check("permission", partial(_later, "cameras", "permission", machine))
    yield Check("cameras", partial(_later, "cameras", "listed", machine))
    for name, source in _sources(machine, settings).items():
        yield Check(name, partial(_later, "cameras", "picture", machine, settings, source))
    yield Check("screen", partial(computer.screen, machine, settings))
    yield Check("disk", partial(computer.disk, machine, settings))
    yield Check("clock", partial(computer.clock, machine))
    yield Check("temperature", partial(computer.temperature, machine))
    yield Check("power", partial(computer.power, machine))
    yield Check("service", partial(_later, "service", "state", machine))
    yield Check("journal", partial(_later, "service", "journal", machine))
    yield Check("loaded model", partial(_later, "service", "model_in_use", machine, settings))


def _later(module: str, name: str, *arguments) -> CheckResult:
    return getattr(import_module(f"{__name__}.{module}"), name)(*arguments)


def _sources(machine: System, settings: Settings) -> dict[str, str]:
    with contextlib.suppress(Exception):  # the check of the list has told it
        from .cameras import sources

        return sources(machine, settings)
    return {}
