"""The computer that is looked over: all that the checks ask of it, so that tests bring their own.

Nothing here loads OpenCV or NumPy at once: that these do not load is what a check may have to say.
"""

from __future__ import annotations

import ctypes
import grp
import importlib.metadata
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..camera.v4l2 import V4l2

COMMAND_S = 5  # for a command to answer
UNSYNCHRONISED = 5  # TIME_ERROR of <sys/timex.h>


def run(command: Sequence[str]) -> str | None:
    """Return what a command prints; None where it is missing, fails or does not answer."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=COMMAND_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def version(package: str) -> str | None:
    """Return the version of an installed package, None where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def runtime() -> str:
    """Return the TFLite runtime that loads, "package version"; ModelError where none does."""
    from ..tflite import runtime_name

    return runtime_name()


def has_screen() -> bool:
    """Whether OpenCV can open a window."""
    from ..outputs.window import has_screen

    return has_screen()


def may_open(path: Path) -> bool:
    """Whether this user may read and write a file or device."""
    return os.access(path, os.R_OK | os.W_OK)


def free_bytes(path: Path) -> int:
    """Return what the disk of a folder has free."""
    return shutil.disk_usage(path).free


def synchronised() -> bool:
    """Whether the kernel's clock follows a time server's, whichever program sees to that."""
    asking_only = ctypes.create_string_buffer(512)  # a zeroed struct timex, which has 208 bytes
    return ctypes.CDLL(None).adjtimex(asking_only) != UNSYNCHRONISED


def user() -> str:
    """Return the name of who runs this."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def groups() -> frozenset[str]:
    """Return the names of the groups that this process has, which are those at login."""
    own = {os.getegid(), *os.getgroups()}
    return frozenset(one.gr_name for one in grp.getgrall() if one.gr_gid in own)


@dataclass(frozen=True)
class System:
    """One computer. Its defaults are this one."""

    root: Path = Path("/")  # above its /dev, /etc, /proc, /run and /sys
    run: Callable[[Sequence[str]], str | None] = run
    python: tuple[int, ...] = tuple(sys.version_info[:3])
    version: Callable[[str], str | None] = version
    runtime: Callable[[], str] = runtime
    v4l2: V4l2 | None = None  # its video devices; None: those of this computer
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    has_screen: Callable[[], bool] = has_screen
    user: str = field(default_factory=user)
    groups: frozenset[str] = field(default_factory=groups)
    may_open: Callable[[Path], bool] = may_open
    free_bytes: Callable[[Path], int] = free_bytes
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    synchronised: Callable[[], bool] = synchronised

    def read(self, path: str) -> str | None:
        """Return a file's text, None where it is missing or may not be read; path: below root."""
        try:
            return (self.root / path).read_text(errors="replace").strip("\0 \n")
        except OSError:
            return None
