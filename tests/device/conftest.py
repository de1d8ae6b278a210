"""What tests of the device share: a small disk, and a computer with a webcam."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.device.camera import webcam
from tests.device.camera.webcam import show
from tests.device.screen import screen, x_server  # noqa: F401, fixtures

DOUBLES = Path(__file__).parent / "doubles"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "stick"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk")
    yield folder
    # Lazily: a test that failed may have left a file open, and no disk must outlast it.
    subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> Path:
    """A V4L2 driver compiled from the kernel's header: a library to preload."""
    if not webcam.can_build():
        pytest.skip("needs gcc and the kernel's headers")
    return webcam.driver(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def dev(tmp_path, astronaut) -> Path:
    """A /dev with a webcam at number 2, whose metadata are at 3, and pictures to show it."""
    folder = tmp_path / "dev"
    folder.mkdir()
    cv2.imwrite(str(tmp_path / "face.jpg"), astronaut[:480])
    cv2.imwrite(str(tmp_path / "small.jpg"), cv2.resize(astronaut, (301, 301)))
    show(folder, 2, "alive", "face.jpg")
    show(folder, 3, "metadata")
    return folder


@pytest.fixture
def pi(monkeypatch):
    """The double of Picamera2, freshly imported."""
    monkeypatch.syspath_prepend(str(DOUBLES))
    sys.modules.pop("picamera2", None)
    yield importlib.import_module("picamera2")
    sys.modules.pop("picamera2", None)
