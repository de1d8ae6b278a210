"""Check what is installed: Python, packages, the TFLite runtime, the settings file."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...resources import (
    CHECKOUT,
    SERVICE,
    WHEEL,
    install_hint,
    installation,
    reinstall_hint,
    requirements,
)
from ...settings import Settings, load_settings
from ..check_result import CheckResult, failure, ok, warning
from ..system import System

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OLDEST, NEWEST = (3, 11), (3, 14)  # Python; the runtime has no wheels for later versions
OLDEST_OPENSSL = (3, 0)  # 1.1.1 has had no updates since September 2023
OTHER_PYTHON = {
    CHECKOUT: "make clean && make setup PYTHON=python3.13",
    SERVICE: "sudo PYTHON=python3.13 systemd/install.sh in the clone",
    WHEEL: "install Facet with Python 3.13",
}


def python(system: System) -> CheckResult:
    """Whether this version of Python is supported."""
    version = ".".join(map(str, system.python))
    fix = OTHER_PYTHON[installation()]
    if system.python[:2] < OLDEST:
        return failure(f"{version}, need 3.11 or later", fix)
    if system.python[:2] > NEWEST:
        return warning(f"{version}, newer than the tested versions (3.11 to 3.14)", fix)
    return ok(version)


def packages(system: System) -> CheckResult:
    """Whether the required packages are installed and load; raises ImportError."""
    missing, other, installed = [], [], []
    for wanted in _requirements():
        version = system.version(wanted.name)
        if version is None:
            missing.append(wanted.name)
        elif wanted.specifier.contains(version, prereleases=True):
            installed.append(f"{wanted.name} {version}")
        else:
            other.append(f"{wanted.name} {version} (need {wanted.specifier})")
    if missing:
        return failure(f"not installed: {', '.join(missing)}", install_hint())
    # An installed package may still not load: OpenCV needs libraries of the system.
    import cv2  # noqa: F401

    if other:
        return warning(f"not the tested versions: {', '.join(other)}", install_hint())
    return ok(", ".join(installed))


def _requirements() -> "Iterator[Requirement]":
    """Yield the packages that this kind of computer needs."""
    from packaging.requirements import Requirement

    for line in requirements():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate():
            yield wanted


def runtime(system: System) -> CheckResult:
    """Which TFLite runtime loads, and whether it works with this NumPy; raises ModelError."""
    numpy, litert = system.version("numpy"), system.version("ai-edge-litert")
    older = system.version("tflite-runtime")
    if older and not litert and numpy and int(numpy.split(".")[0]) >= 2:
        return failure(
            f"tflite-runtime {older} crashes under NumPy {numpy}", "pip install 'numpy>=1.26,<2'"
        )
    message = f"{system.runtime()}, NumPy {numpy}"
    if litert and not message.startswith("ai-edge-litert"):
        return warning(f"{message}; ai-edge-litert {litert} does not load", reinstall_hint())
    return ok(message)


def encryption(system: System) -> CheckResult:
    """Which OpenSSL encrypts connections to cameras, and which of OpenCV's wheel does not."""
    used = ssl.OPENSSL_VERSION
    message = f"{used} (Python's) for https and rtsps cameras"
    if system.bundled_tls:
        version = system.version("opencv-python")
        message += f"; OpenSSL {system.bundled_tls} in OpenCV {version} has no updates: not used"
    if ssl.OPENSSL_VERSION_INFO < OLDEST_OPENSSL:
        return warning(f"{message}; {used} has no updates", OTHER_PYTHON[installation()])
    return ok(message)


def settings_file(path: Path | None) -> CheckResult:
    """Whether the settings file can be read; raises UsageError."""
    if path is None:
        return ok("no settings file: defaults")
    read_settings(path)
    return ok(str(path))


def read_settings(path: Path | None) -> Settings:
    """Return a file's settings, the defaults for None; raises UsageError if it is unreadable."""
    return load_settings(path) if path else Settings()
