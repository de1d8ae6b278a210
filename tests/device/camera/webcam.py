"""The compiled driver of doubles/v4l2.c, and how the cameras that it drives do."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "doubles" / "v4l2.c"


def can_build() -> bool:
    """Whether there is what it is compiled with."""
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
    """Set how the camera of that number does: alive, silent, hung, busy, ...; and what it sees."""
    # Replaced whole: the driver may be reading it.
    new = dev.parent / "new"
    new.write_text(f"{state} {dev.parent / picture}")
    new.replace(dev / f"video{number}")
