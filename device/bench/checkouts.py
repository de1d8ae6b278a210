"""Check a commit out beside this checkout, to measure both."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, one_line

ROOT = Path(__file__).parent.parent.parent
MEASURED = ("device", "models")  # what a commit's figures depend on
CLONE = "the command in a git clone of Facet"


@dataclass(frozen=True)
class Checkout:
    """A commit's files."""

    root: Path
    commit: str
    """Its short name."""


def this_checkout(root: Path = ROOT) -> Checkout:
    """Return the checkout that this file is in.

    Raises UsageError if it is no git checkout, or `device/` or `models/` differ from its commit.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if Path(top).resolve() != root.resolve():
        raise UsageError(f"{root} is no git checkout", CLONE)
    changed = _git(root, "status", "--porcelain", "--", *MEASURED)
    if changed:
        file = changed.splitlines()[0].split()[-1]
        message = f"{file} differs from the commit, whose figures would be wrong"
        raise UsageError(message, "git commit, or git stash --include-untracked")
    return Checkout(root, _git(root, "rev-parse", "--short", "HEAD"))


def short_name(commit: str, root: Path = ROOT) -> str:
    """Return the short name of a commit, a branch or a tag; UsageError if there is none such."""
    wanted = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    full = _run(root, *wanted)
    if full.returncode:
        raise UsageError(f"unknown commit {one_line(repr(commit), 80)}", "git log --oneline")
    return _git(root, "rev-parse", "--short", full.stdout.strip())


@contextlib.contextmanager
def checked_out(commit: str, root: Path = ROOT) -> Iterator[Checkout]:
    """Return a context of another commit's checkout, in a folder that is removed at its end."""
    with tempfile.TemporaryDirectory(prefix="facet-bench-") as folder:
        place = Path(folder) / "checkout"
        try:
            _git(root, "worktree", "add", "--detach", "--quiet", str(place), commit)
            yield Checkout(place, commit)
        finally:
            _run(root, "worktree", "remove", "--force", str(place))


def _git(root: Path, *words: str) -> str:
    """Return what git prints; UsageError with its last line if it fails."""
    done = _run(root, *words)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2].removeprefix("fatal: ")
        raise UsageError(f"git {words[0]}: {last or 'failed'}", CLONE)
    return done.stdout.strip()


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(root), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise UsageError("git is not installed", "sudo apt install git") from error
