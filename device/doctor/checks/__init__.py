"""The checks, in their order. Each is a small function that returns a CheckResult."""

import contextlib
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

from ...settings import Settings
from ..check_result import Check, CheckResult
from ..system import System
from . import computer, privacy, software


def checks(system: System, config: Path | None, settings: Settings) -> Iterator[Check]:
    """Yield the checks. config: the settings file. settings: from it and the flags.

    Modules that need OpenCV are imported when their check runs, which then reports a failed import.
    """
    yield Check("Python", partial(software.python, system))
    yield Check("packages", partial(software.packages, system))
    yield Check("runtime", partial(software.runtime, system))
    yield Check("encryption", partial(software.encryption, system))
    yield Check("settings", partial(software.settings_file, config))
    yield Check("privacy", partial(privacy.level, settings))
    yield Check("model", partial(_lazy, "models", "model", settings))
    yield Check("detector", partial(_lazy, "models", "detector", settings))
    if settings.people.enabled:
        yield Check("people", partial(_lazy, "people", "enrolled", settings))
    yield Check("permission", partial(_lazy, "cameras", "permission", system))
    yield Check("cameras", partial(_lazy, "cameras", "listed", system))
    for name, source in _sources(system, settings).items():
        yield Check(name, partial(_lazy, "cameras", "picture", system, settings, source))
    yield Check("screen", partial(computer.screen, system, settings))
    yield Check("disk", partial(computer.disk, system, settings))
    if settings.store.file:
        yield Check("store", partial(_lazy, "store", "database", system, settings))
    yield Check("clock", partial(computer.clock, system))
    yield Check("temperature", partial(computer.temperature, system))
    yield Check("power", partial(computer.power, system))
    yield Check("service", partial(_lazy, "service", "state", system))
    yield Check("journal", partial(_lazy, "service", "journal", system))
    yield Check("loaded model", partial(_lazy, "service", "model_in_use", system, settings))


def _lazy(module: str, name: str, *arguments: object) -> CheckResult:
    """Run a check function of a module of this package, which is imported now."""
    return getattr(import_module(f"{__name__}.{module}"), name)(*arguments)


def _sources(system: System, settings: Settings) -> dict[str, str]:
    """Return {check's name: --camera} of the cameras to open."""
    with contextlib.suppress(Exception):  # reported by the check "cameras"
        from .cameras import sources

        return sources(system, settings)
    return {}
