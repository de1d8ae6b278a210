"""Variations of the simulated system, which is a folder."""

import dataclasses
from datetime import UTC, datetime

from device.config import merge
from device.doctor.system import version
from device.settings import Settings

PI = {"sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0"}
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
HEAT = "sys/class/thermal/thermal_zone0/temp"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RUNNING = """LoadState=loaded
ActiveState=active
SubState=running
MainPID=812
NRestarts=0
Result=success"""


def changed(system, files=(), **fields):
    """Return the system with some fields replaced, and with files {path below root: text}."""
    for path, text in dict(files).items():
        (system.root / path).parent.mkdir(parents=True, exist_ok=True)
        (system.root / path).write_text(text)
    return dataclasses.replace(system, **fields)


def having(**installed):
    """Return a `System.version` with other packages: None is not installed, _ means a hyphen."""
    other = {name.replace("_", "-"): number for name, number in installed.items()}
    return lambda package: other[package] if package in other else version(package)


def answering(**answers):
    """Return a `System.run` with one answer for each program, whatever its arguments."""
    return lambda command: answers.get(command[0])


def with_settings(**tables):
    return merge(Settings(), tables, "test")


def raises(error):
    def run():
        raise error

    return run
