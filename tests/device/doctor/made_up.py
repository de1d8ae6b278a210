"""A computer made up as a folder, and what can be changed of it."""

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


def changed(machine, files=(), **fields):
    """Return the machine with other fields, and with files {path below its root: text}."""
    for path, text in dict(files).items():
        (machine.root / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / path).write_text(text)
    return dataclasses.replace(machine, **fields)


def having(**installed):
    """Return a `System.version` that has other packages: None is none, _ stands for a hyphen."""
    other = {name.replace("_", "-"): number for name, number in installed.items()}
    return lambda package: other[package] if package in other else version(package)


def answering(**answers):
    """Return a `System.run` that answers each program alike, whatever its arguments."""
    return lambda command: answers.get(command[0])


def with_settings(**tables):
    return merge(Settings(), tables, "test")


def raises(error):
    def look():
        raise error

    return look
