"""Find the programs that have a device open, as fuser does."""

import contextlib
import os
from pathlib import Path

from ..errors import SourceError


class InUse(SourceError):
    """Another program has the camera open."""


def in_use(name: str, *paths: Path) -> InUse:
    """Return the error for a camera that another program has open, naming it where /proc does."""
    users = device_users(*paths)
    if users:
        return InUse(
            f"{name} is in use by {', '.join(users)}", "stop that program or choose another camera"
        )
    files = " ".join(map(str, paths))
    return InUse(f"{name} is in use by a program of another user", f"sudo fuser -v {files}")


def device_users(*paths: Path) -> list[str]:
    """Return the other programs that have one of the files open: ["vlc (pid 812)"].

    Only root sees those of other users.
    """
    wanted = {os.path.realpath(path) for path in paths}
    users = []
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda folder: int(folder.name)):
        if int(process.name) != os.getpid() and _has_open(process, wanted):
            with contextlib.suppress(OSError):  # it has just ended
                users.append(f"{(process / 'comm').read_text().strip()} (pid {process.name})")
    return users


def _has_open(process: Path, wanted: set[str]) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # of another user, or it has ended
        return False
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            if os.readlink(descriptor) in wanted:
                return True
    return False
