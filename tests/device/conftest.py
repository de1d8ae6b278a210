"""What tests of the device share: a small disk, and a computer with a webcam."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest


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
    if not (shutil.which("gcc") and Path("/usr/include/linux/videodev2.h").exists()):
        pytest.skip("needs gcc and the kernel's headers")
    library = tmp_path_factory.mktemp("driver") / "v4l2.so"
    source = Path(__file__).parent / "doubles" / "v4l2.c"
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return library


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


def show(dev: Path, number: int, state: str, picture: str = "face.jpg") -> None:
    """Set how the camera of that number does: alive, silent, busy, ...; and what it sees."""
    # Replaced whole: the driver may be reading it.
    new = dev.parent / "new"
    new.write_text(f"{state} {dev.parent / picture}")
    new.replace(dev / f"video{number}")
