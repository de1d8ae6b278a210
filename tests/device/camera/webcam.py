"""The compiled V4L2 driver (doubles/v4l2.c), and the state of the cameras it drives."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "doubles" / "v4l2.c"


def can_build() -> bool:
    """Whether gcc and the kernel's headers are installed."""
    return bool(shutil.which("gcc")) and Path("/usr/include/linux/videodev2.h").exists()


def driver(folder: Path) -> Path:
    """Compile it in a folder; return the library to preload."""
    return build(SOURCE, folder / "v4l2.so")


def build(source: Path, library: Path) -> Path:
    """Compile a library to preload, and return its path."""
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return library


def show(dev: Path, number: int, state: str, picture: str = "face.jpg") -> None:
    """Set a camera's state (alive, silent, hung, busy, ...) and the picture it gives."""
    # Replaced whole: the driver may be reading it.
    new = dev.parent / "new"
    new.write_text(f"{state} {dev.parent / picture}")
    new.replace(dev / f"video{number}")
