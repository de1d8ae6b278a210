"""People who never were, and the commands that a user gives."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np

from device.recognition.embedding import NUMBERS
from device.recognition.store import (
    EnrolledPerson,
)
from tests.conftest import ROOT

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def templates(count=1, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.13, (count, NUMBERS)).astype(np.float32)


def ada(name="Ada", count=1, seed=0) -> EnrolledPerson:
    return EnrolledPerson(name, NOON, templates(count, seed))


def command(module, *arguments, stdin=None, **options):
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=HEADLESS,
        timeout=120,
        stdin=subprocess.DEVNULL,
        **options,
    )


def people(verb, *arguments, file):
    return command("device.people", verb, *arguments, "--file", file)
