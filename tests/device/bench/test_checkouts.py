"""Checkouts of other commits, in a git repository of the test's own."""

import subprocess

import pytest

from device.bench.checkouts import checked_out, short_name, this_checkout
from device.errors import UsageError


def git(root, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """Two commits: device/a.py is 1, then 2."""
    root = tmp_path / "repository"
    (root / "device").mkdir(parents=True)
    git(tmp_path, "init", "--quiet", str(root))
    for number in (1, 2):
        (root / "device" / "a.py").write_text(f"{number}\n")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", f"commit {number}")
    return root


def worktrees(root):
    return git(root, "worktree", "list", "--porcelain").count("worktree ")


def test_another_commit_is_checked_out_and_removed(repository):
    earlier = short_name("HEAD~1", repository)
    with checked_out(earlier, repository) as then:
        assert (then.root / "device" / "a.py").read_text() == "1\n"
        assert then.commit == earlier and worktrees(repository) == 2
    assert not then.root.exists() and worktrees(repository) == 1
    assert (repository / "device" / "a.py").read_text() == "2\n"


def test_ctrl_c_removes_it_too(repository):
    with pytest.raises(KeyboardInterrupt), checked_out("HEAD", repository) as then:
        (then.root / "device" / "a.pyc").write_text("made by a run")
        raise KeyboardInterrupt
    assert not then.root.exists() and worktrees(repository) == 1


def test_this_checkout_has_the_name_of_its_commit(repository):
    here = this_checkout(repository)
    assert here.root == repository and here.commit == git(
        repository, "rev-parse", "--short", "HEAD"
    )


@pytest.mark.parametrize("name", ["a.py", "new.py"])
def test_a_checkout_with_changes_is_refused(repository, name):
    (repository / "device" / name).write_text("3\n")
    with pytest.raises(UsageError, match=rf"device/{name} differs .*Try: git commit, or git stash"):
        this_checkout(repository)


def test_changes_of_documents_do_not_matter(repository):
    (repository / "README.md").write_text("new\n")
    assert this_checkout(repository).commit


@pytest.mark.parametrize("name", ["nowhere", "--all", "HEAD:device", ""])
def test_an_unknown_commit(repository, name):
    with pytest.raises(UsageError, match=rf"unknown commit '{name}'\. Try: git log --oneline"):
        short_name(name, repository)


def test_a_folder_that_is_no_checkout(tmp_path, repository):
    with pytest.raises(UsageError, match=r"not a git repository.*Try: the command in a git clone"):
        this_checkout(tmp_path)
    with pytest.raises(UsageError, match="device is no git checkout"):
        this_checkout(repository / "device")


def test_git_is_not_installed(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(UsageError, match=r"git is not installed\. Try: sudo apt install git"):
        this_checkout(repository)
