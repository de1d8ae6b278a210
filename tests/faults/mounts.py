"""Small disks, mounted for a while. Needs root, or a user who may have a mount namespace."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.faults.fault import Missing


@contextlib.contextmanager
def mounted(folder: Path, *how: object) -> Iterator[Path]:
    """Mount something at a folder, which is made; how: the arguments of mount(8) before it."""
    folder.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", *map(str, how), folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing("needs the right to mount (root)") from error
    try:
        yield folder
    finally:
        # Lazily: what still runs may have a file open, and no disk must outlast the trial.
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def private() -> list[str]:
    """Return what goes before a command so that its mounts are seen by itself alone; or nothing."""
    users = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--mount", *users]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return command
