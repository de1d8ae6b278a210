"""Debian systems in folders, made by debootstrap and kept between runs."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from device.errors import FacetError, UsageError
from device.log import log

# This computer's certificates: on some networks packages come from a server that only it knows.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
THERE = "/etc/ssl/certs/host.crt"
SCRIPTS, MIRROR = Path("/usr/share/debootstrap/scripts"), "http://deb.debian.org/debian"
# The environment of the user who started the command must not matter in there.
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_CERT": THERE,
}
PROGRAM = (
    *("Makefile", "README.md", "pyproject.toml", "requirements-*.txt"),
    *("device", "models", "scripts", "systemd"),
)


def require(tools: dict[str, str], verb: str) -> None:
    """Raise UsageError unless root runs this and every tool is installed.

    tools: a command -> the Debian package that it is in. verb: as in `make VERB`.
    """
    if os.geteuid():
        raise UsageError(
            f"make {verb} makes Debian systems, which only root may", f"sudo make {verb}"
        )
    missing = sorted({package for tool, package in tools.items() if not shutil.which(tool)})
    if missing:
        raise UsageError(
            f"missing on this computer: {', '.join(missing)}",
            f"apt install --no-install-recommends {' '.join(missing)}",
        )


class Tree:
    """A Debian system in a folder, whose programs run in this computer's kernel.

    environment: variables for its programs, beside ENVIRONMENT.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None):
        self.root, self._environment = root, ENVIRONMENT | dict(environment or {})

    def make(self, suite: str, arch: str, packages: Sequence[str]) -> None:
        """Make it, unless it was made before of just these; half a tree is thrown away."""
        wanted = " ".join([suite, arch, *packages])
        mark = self.root / ".made"
        if mark.exists() and mark.read_text() == wanted:
            return
        log.info(f"making a Debian {suite} for {arch} in {self.root}, once")
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", f"--arch={arch}", "--variant=minbase", suite, str(self.root)]
        if not (SCRIPTS / suite).exists():  # newer than this computer's debootstrap
            command += [MIRROR, "sid"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        _done(made, " ".join(command))
        self.run("apt-get install -y --no-install-recommends " + " ".join(packages), 3600)
        self.run("apt-get clean", 60)
        mark.write_text(wanted)

    def run(self, script: str, timeout_s: float) -> str:
        """Return what a shell's script prints in there; FacetError if it fails."""
        (self.root / THERE[1:]).parent.mkdir(parents=True, exist_ok=True)
        words = [f"{name}={value}" for name, value in self._environment.items()]
        shutil.copy(CERTIFICATES, self.root / THERE[1:])
        command = ["chroot", str(self.root), "env", "-i", *words, "bash", "-ec", script]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, start_new_session=True, **pipes) as shell:
            try:
                stdout, stderr = shell.communicate(timeout=timeout_s)
            except BaseException as error:
                os.killpg(shell.pid, signal.SIGKILL)  # and what the shell has started
                if isinstance(error, subprocess.TimeoutExpired):
                    late = f"took longer than {timeout_s:.0f} s: {script}"
                    raise FacetError(late) from None
                raise
        return _done(subprocess.CompletedProcess(command, shell.returncode, stdout, stderr), script)

    def copy_program(self, to: str) -> None:
        """Put this working tree's program there, as a clone of it would have it."""
        copy_program(self.root / to)


def copy_program(to: Path) -> None:
    """Copy what git knows of the program, as it lies in the working tree, with its times."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--", *PROGRAM]
    names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    for folder in ("device", "models", "systemd"):  # what was installed there stays
        shutil.rmtree(to / folder, ignore_errors=True)
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():  # not deleted since the last commit
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def _done(done: subprocess.CompletedProcess, what: str) -> str:
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip())[-400:]
        raise FacetError(f"failed ({done.returncode}): {what}: {last}")
    return done.stdout
