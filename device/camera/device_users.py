"""Tell which other programs have a device open, as fuser does."""

import contextlib
import os
from pathlib import Path


def holders(*paths: Path) -> list[str]:
    """Return programs, other than this one, that have one of the files open: "vlc (pid 812)".

    Those of other users are seen by root only.
    """
    wanted = {os.path.realpath(path) for path in paths}
    found = []
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda one: int(one.name)):
        if int(process.name) != os.getpid() and _has_open(process, wanted):
            with contextlib.suppress(OSError):  # it has just ended
                found.append(f"{(process / 'comm').read_text().strip()} (pid {process.name})")
    return found


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
