"""Checks of what is installed: Python, packages, the TFLite runtime, the settings file."""

from collections.abc import Iterator
from pathlib import Path

from ...settings import Settings, load_settings
from ..check_result import CheckResult, failure, ok, warning
from ..system import System

REQUIREMENTS = Path(__file__).parents[3] / "requirements-pi.txt"
OLDEST, NEWEST = (3, 11), (3, 14)  # Python; beyond the newest there is no wheel of the runtime
INSTALL = "Run: pip install -r requirements-pi.txt"


def python(machine: System) -> CheckResult:
    """Whether this Python is one that Facet and its runtime are made for."""
    found = ".".join(map(str, machine.python))
    make = "Run: make clean && make setup PYTHON=python3.13"
    if machine.python[:2] < OLDEST:
        return failure(f"{found}, need 3.11 or later", make)
    if machine.python[:2] > NEWEST:
        return warning(f"{found}, newer than what Facet was tried on (3.11 to 3.14)", make)
    return ok(found)


def packages(machine: System) -> CheckResult:
    """Whether what requirements-pi.txt asks for is installed, and loads."""
    missing, other, there = [], [], []
    for wanted in _requirements():
        installed = machine.version(wanted.name)
        if installed is None:
            missing.append(wanted.name)
        elif wanted.specifier.contains(installed, prereleases=True):
            there.append(f"{wanted.name} {installed}")
        else:
            other.append(f"{wanted.name} {installed} (need {wanted.specifier})")
    if missing:
        return failure(f"not installed: {', '.join(missing)}", INSTALL)
    # What is installed may still not load: OpenCV needs libraries of the system.
    import cv2  # noqa: F401

    if other:
        return warning(f"not the tested versions: {', '.join(other)}", INSTALL)
    return ok(", ".join(there))


def _requirements() -> Iterator:
    """Yield the packages that this kind of computer needs."""
    from packaging.requirements import Requirement

    for line in REQUIREMENTS.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate():
                yield wanted


def runtime(machine: System) -> CheckResult:
    """Which TFLite runtime runs the networks, and whether NumPy is one that it stands."""
    numpy, litert = machine.version("numpy"), machine.version("ai-edge-litert")
    older = machine.version("tflite-runtime")
    if older and not litert and numpy and int(numpy.split(".")[0]) >= 2:
        return failure(
            f"tflite-runtime {older} crashes under NumPy {numpy}",
            "Run: pip install 'numpy>=1.26,<2', or where there is a wheel: pip install "
            "ai-edge-litert",
        )
    found = f"{machine.runtime()}, NumPy {numpy}"
    if litert and not found.startswith("ai-edge-litert"):
        return warning(
            f"{found}, since ai-edge-litert {litert} does not load",
            "Run: pip install --force-reinstall -r requirements-pi.txt",
        )
    return ok(found)


def settings_file(path: Path | None) -> CheckResult:
    """Whether the settings can be read: raises UsageError, which names a misspelt key."""
    if path is None:
        return ok("none: the defaults")
    read_settings(path)
    return ok(str(path))


def read_settings(path: Path | None) -> Settings:
    """Return a file's settings, the defaults for None; UsageError where it cannot be read."""
    return load_settings(path) if path else Settings()
