"""The computer that is checked: everything the checks query, so that tests can replace it.

Importing this loads neither OpenCV nor NumPy, because a check reports that they do not load.
"""

from __future__ import annotations

import ctypes
import grp
import importlib.metadata
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError

if TYPE_CHECKING:
    from ..camera.v4l2 import V4l2

COMMAND_TIMEOUT_S = 5
TIME_ERROR = 5  # of <sys/timex.h>: the clock is not synchronized


def run(command: Sequence[str]) -> str | None:
    """Return what a command prints; None if it is missing, fails or times out."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=COMMAND_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def bundled_tls() -> str:
    """Return the version of the OpenSSL in OpenCV's wheel, "1.1.1k"; "" without one."""
    try:
        files = importlib.metadata.files("opencv-python") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    found = (re.fullmatch(r"libssl-.*\.so\.([0-9][0-9a-z.]*)", file.name) for file in files)
    return next((match[1] for match in found if match), "")


def runtime() -> str:
    """Return the TFLite runtime that loads, as "package version"; ModelError if none does."""
    from ..tflite import runtime_name

    return runtime_name()


def screen_fault(environ: Mapping[str, str]) -> FacetError | None:
    """Return why OpenCV cannot open a window; None if it can."""
    from ..outputs.window_process import screen_fault

    return screen_fault(environ)


def may_open(path: Path) -> bool:
    """Whether this user may read and write a file or device."""
    return os.access(path, os.R_OK | os.W_OK)


def free_bytes(path: Path) -> int:
    """Return the free space on the disk of a folder."""
    return shutil.disk_usage(path).free


def synchronized() -> bool:
    """Whether the kernel's clock follows a time server, whichever program sets it."""
    query = ctypes.create_string_buffer(512)  # a zeroed struct timex, which has 208 bytes
    return ctypes.CDLL(None).adjtimex(query) != TIME_ERROR


def user() -> str:
    """Return the name of the user who runs this."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def groups() -> frozenset[str]:
    """Return the names of this process's groups, which are those at login."""
    own = {os.getegid(), *os.getgroups()}
    return frozenset(group.gr_name for group in grp.getgrall() if group.gr_gid in own)


@dataclass(frozen=True)
class System:
    """A computer; by default this one."""

    root: Path = Path("/")  # of its /dev, /etc, /proc, /run and /sys
    run: Callable[[Sequence[str]], str | None] = run
    python: tuple[int, ...] = tuple(sys.version_info[:3])
    version: Callable[[str], str | None] = version
    runtime: Callable[[], str] = runtime
    bundled_tls: str = field(default_factory=bundled_tls)
    v4l2: V4l2 | None = None  # its video devices; None means those of this computer
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    screen_fault: Callable[[Mapping[str, str]], FacetError | None] = screen_fault
    user: str = field(default_factory=user)
    groups: frozenset[str] = field(default_factory=groups)
    may_open: Callable[[Path], bool] = may_open
    free_bytes: Callable[[Path], int] = free_bytes
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    synchronized: Callable[[], bool] = synchronized

    def read(self, path: str) -> str | None:
        """Return the text of a file below root; None if it is missing or unreadable."""
        try:
            return (self.root / path).read_text(errors="replace").strip("\0 \n")
        except OSError:
            return None
