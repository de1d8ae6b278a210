"""People who never were, a stand-in for the network, and the commands that a user gives."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from device.cli.command import exit_with
from device.cli.people import main
from device.recognition.embedding import CROP_PX, EMBEDDING_SIZE
from device.recognition.store import EnrolledPerson
from tests.conftest import ROOT

HEADLESS = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def templates(count=1, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.13, (count, EMBEDDING_SIZE)).astype(np.float32)


def ada(name="Ada", count=1, seed=0) -> EnrolledPerson:
    return EnrolledPerson(name, NOON, templates(count, seed))


class MeanColorEmbedder:
    """An embedding that needs no network: the mean colour of the crop's rows."""

    def embed(self, crop_rgb: np.ndarray) -> np.ndarray:
        assert crop_rgb.shape == (CROP_PX, CROP_PX, 3) and crop_rgb.dtype == np.uint8
        return crop_rgb.mean(axis=(1, 2))[:EMBEDDING_SIZE].astype(np.float32) / 255


def command(module, *arguments):
    """Run a module's command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=HEADLESS,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def people(*arguments) -> Done:
    """Run device.people in this process, as a shell would."""
    out, err = io.StringIO(), io.StringIO()
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exit_with(lambda: main([str(argument) for argument in arguments]))
        except SystemExit as end:
            code = end.code
    return Done(code, out.getvalue(), err.getvalue())
